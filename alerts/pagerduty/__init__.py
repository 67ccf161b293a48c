"""PagerDuty: the bridge that carries alerts there, the provisioner that sets it up, and a stand-in for it."""
