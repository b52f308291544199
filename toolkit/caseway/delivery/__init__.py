"""From a work tree or a commit to a live stage: read, plan, apply; watch, previews, pulling."""
