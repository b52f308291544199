"""The forge's side: events, annotations, summaries, comments, deployments. The only room that speaks to one."""
