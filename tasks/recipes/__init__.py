"""Recipes: which steps there are, with their inputs and parameters.  Light to import; the work is in `tasks/`."""
