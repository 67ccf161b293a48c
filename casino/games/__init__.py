"""Two small demo services: dice and cards, with switches to misbehave."""
