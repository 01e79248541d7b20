"""The Hub: JupyterHub with the portal as its only door for people, and the host as its only way to start anything.

It holds no rule: whether somebody may start a workspace is decided by the portal, twice (when its worker asks the Hub,
and when the host asks for the plan); it imports nothing of ours.
"""
