"""What others call: triggers of workflows, pushes of repositories."""
