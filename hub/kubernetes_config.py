# The Hub on a cluster: `python -m jupyterhub -f hub/kubernetes_config.py`, told by its environment (hub/told.py) and by
# one file about the cluster (hub/cluster.py). docs/workspaces.md says what has to be there.
import os

from hub.configuration import configure, told_here
from hub.pod_spawner import PodSpawner

c = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub gives it

told = told_here(has_host=False)
configure(c, told)
# Gateways come by the Hub's Service, from other pods; who may is the network policies' to say.
c.JupyterHub.hub_connect_url = told.api.removesuffix("/hub/api")
c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{os.environ.get('CAIA_HUB_PORT', '8081')}"
c.JupyterHub.spawner_class = PodSpawner
c.PodSpawner.cluster_file = os.environ["CAIA_CLUSTER_FILE"]
c.PodSpawner.host_secret = os.environ["CAIA_HOST_SECRET"]
c.PodSpawner.portal_url = told.portal
c.PodSpawner.events_enabled = False  # progress is told in our own words; the cluster's are for operators
