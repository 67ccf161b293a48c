"""The control plane: a Sanic app in its own process."""
