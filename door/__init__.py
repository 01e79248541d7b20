"""What stands behind ./caia: makes the environment, starts the parts, tests and checks. Standard library only."""
