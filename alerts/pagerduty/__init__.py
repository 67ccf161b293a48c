"""PagerDuty: the bridge that carries alerts there, the provisioner that sets it up, and a stand-in for it.

Of the bridge, `core` decides, as functions over values; `bridge` stores, listens and sends.
"""
