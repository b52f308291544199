"""Reading a project from a work tree or a git revision and judging it, without running its code."""
