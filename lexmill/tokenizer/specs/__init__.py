"""What each algorithm lets a user say: a pydantic model and its entry in the registry, a file for each family."""
