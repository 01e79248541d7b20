"""Safe projects: proposals, each owner's decision on its data, the team, and who may use what, why and until when.

Over the budget of 2,500 lines because researchers, stewards, auditors and the public each have pages on the same
request's life, and the access decision rests on all of it.
"""
