"""The library: pure functions and classes on arrays, Arrow tables, token ids and modules; usable alone."""
