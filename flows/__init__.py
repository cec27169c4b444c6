"""Flows: configuration, composition of steps, runners, the command line, Prefect."""
