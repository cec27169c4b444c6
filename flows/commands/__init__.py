"""The commands of `lexmill`, a file for each group.  Heavy imports happen inside commands."""
