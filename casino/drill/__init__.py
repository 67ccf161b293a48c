"""`casino drill`: breaks a local stack for real, fault by fault, and times each alert from the fault to the end of its incident.

What is decided (which fault proves which alert, what may be broken together, how soon it must fire, the verdict) is
pure: faults, budget, plan, verdict, report, history. What touches processes, files and the network are ground, hands,
watch and drill.
"""
