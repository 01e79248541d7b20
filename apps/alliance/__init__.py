"""Safe people: centers, members, roles and training, and how they sign in.

Over the budget of 2,500 lines because sign-in (`signin/`, nearly half of it) joins members, invitations and centers in
the same transactions; it is a folder with views, forms and services of its own.
"""
