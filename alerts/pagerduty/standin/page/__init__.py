"""The stand-in's page: what is open, who was told, and what changed. It works without JavaScript."""
