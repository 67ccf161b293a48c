"""The bridge's decisions, pure: what an alert means, what is sent next, when to wait, whom to believe."""
