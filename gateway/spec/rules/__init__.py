"""What a well-formed spec may still get wrong: contradictions between its parts (errors), and dangers (warnings).

Types, ranges and grammars are the walk's; a rule here needs more than one value to judge.
"""
