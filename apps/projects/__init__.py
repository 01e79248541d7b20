"""Safe projects: proposals, each owner's decision on its data, the team, and who may use what and until when.

Over the budget of 2,500 lines because writing, deciding, replaying and ending rest on one decision and its facts.
"""
