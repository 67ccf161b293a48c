"""The gateway: spec, decisions, data plane, control plane and the processes that run them."""
