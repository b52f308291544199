"""Who there is, who asks, and what they may see: people, teams, service accounts, tokens, trust, grants."""
