"""The Hub: JupyterHub with the portal as its only door for people, and the host as its only way to start anything.

It holds no rule: whether somebody may start a workspace is decided by the portal, twice (when its worker asks the Hub,
and when the host asks for the plan). On one machine it imports nothing of ours; on a cluster, where no host is, it asks
for the plan itself (`pod_spawner.py`), and `pods.py` says what is made of it.
"""
