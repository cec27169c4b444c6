"""Tasks: steps, their recipes and builds, the plan, and the process that runs a step."""
