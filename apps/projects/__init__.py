"""Safe projects: what is asked for, each owner's own decision, the team, and who may use what, until when.

Over the budget of 2,500 lines because proposal, decision and access stand on the same rows and are read together; a
tenth is the demo's story.
"""
