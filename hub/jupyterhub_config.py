# The Hub on one machine: `python -m jupyterhub -f hub/jupyterhub_config.py`, told by its environment (hub/told.py).
from hub.configuration import configure, told_here
from hub.spawner import HostSpawner

c = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub gives it

told = told_here()
configure(c, told)
c.JupyterHub.spawner_class = HostSpawner
c.HostSpawner.host_socket = told.socket
