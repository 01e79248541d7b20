"""Safe settings: long work next to the approved data, which waits its turn and survives whatever carries it.

Over the budget of 2,500 lines because what is asked for, whose turn it is, what ran and what that cost rest on the same
rows and are decided by one another.
"""
