"""The REST API of the stand-in, as far as the bridge and the provisioner use it.

`call` is what every request has in common, `collection` is what most objects have in common, `integrity` is what keeps
an account whole; `schedules`, `services` and `incidents` are what those have of their own.
"""
