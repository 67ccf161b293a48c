"""The provisioner: makes an account at PagerDuty what the spec says, and tells where it is not.

`shape` holds both sides in the same words; `wanted` reads them from the spec, `found` from PagerDuty; `plan` compares
them and `apply` carries out what the plan says, over the one way in, `api`. `hours` is the week of a schedule.
"""
