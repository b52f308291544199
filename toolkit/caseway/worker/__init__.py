"""Claims executions and runs them, journalling as it goes."""
