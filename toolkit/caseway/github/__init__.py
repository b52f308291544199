"""The forge's side: events, annotations, summaries, comments, deployments. Only this room speaks to one."""
