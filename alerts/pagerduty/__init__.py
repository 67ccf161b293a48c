"""From Alertmanager to PagerDuty: the bridge that carries alerts and loses none.

`core` decides, as functions over values; `bridge` stores, listens and sends.
"""
