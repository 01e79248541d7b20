# A real JupyterHub with the gateway as one of its OAuth clients; tests/gateway/test_real_hub.py says the rest.
# ruff: noqa: F821, D, INP001
import os

from jupyterhub.proxy import Proxy


class NoProxy(Proxy):
    """Nothing is started through this Hub."""

    async def start(self):
        pass

    async def stop(self):
        pass

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {}


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{os.environ['HUB_PORT']}"
c.JupyterHub.bind_url = "http://127.0.0.1:1"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret_file = os.environ["HUB_SECRET"]
c.JupyterHub.oauth_require_pkce = True
c.JupyterHub.services = [
    {
        "name": "gw",
        "api_token": os.environ["HUB_TOKEN"],
        "oauth_client_id": "service-gw",
        "oauth_redirect_uri": os.environ["HUB_CALLBACK"],
        "oauth_no_confirm": True,
        "url": "http://127.0.0.1:1",
    }
]
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "access:services!service=gw"]}]
