"""What stands around a gateway in its tests: a small real Hub, and a front that listens on a port."""

import asyncio
import base64
import hashlib
import secrets
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

SERVER_SCOPE = "access:servers!server=mx/px"


class HubStandIn:
    """The Hub's three addresses that a client needs, with PKCE required, as JupyterHub 6 answers them."""

    def __init__(self):
        self.person, self.scopes = "mx", [SERVER_SCOPE]
        self.tokens, self.codes, self.asked = {}, {}, 0
        self.is_down = False

    async def start(self):
        hub = web.Application(middlewares=[self._maybe_down])
        hub.add_routes([
            web.get("/hub/api/oauth2/authorize", self._authorize),
            web.post("/hub/api/oauth2/token", self._token),
            web.get("/hub/api/user", self._user),
        ])  # fmt: skip
        self._runner = web.AppRunner(hub, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self):
        await self._runner.cleanup()

    def settings(self):
        api = f"http://127.0.0.1:{self.port}/hub/api"
        return {
            "api_url": api, "client_id": "jupyterhub-user-mx-px", "token": "client-secret",
            "authorize_url": f"{api}/oauth2/authorize", "scopes": [SERVER_SCOPE],
        }  # fmt: skip

    @web.middleware
    async def _maybe_down(self, request, handler):
        return web.Response(status=503) if self.is_down else await handler(request)

    async def _authorize(self, request):
        words = request.query
        assert words["client_id"] == "jupyterhub-user-mx-px"
        assert words["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = (words["code_challenge"], words["redirect_uri"], self.person)
        raise web.HTTPFound(f"{words['redirect_uri']}?{urlencode({'code': code, 'state': words['state']})}")

    async def _token(self, request):
        form = await request.post()
        challenge, callback, person = self.codes.pop(form["code"], ("", "", ""))
        hashed = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if hashed != challenge or form["redirect_uri"] != callback or form["client_secret"] != "client-secret":
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = secrets.token_urlsafe(16)
        self.tokens[token] = person
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    async def _user(self, request):
        self.asked += 1
        person = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if person is None:
            return web.json_response({"status": 403, "message": "Missing or invalid credentials."}, status=403)
        return web.json_response({"kind": "user", "name": person, "scopes": self.scopes, "groups": []})


class Front:
    """A port in front of a Unix socket, as the proxy is: bytes go through as they are."""

    def __init__(self):
        self.socket: Path | None = None
        self._tasks = set()

    async def start(self):
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        other_writer = None
        try:
            other_reader, other_writer = await asyncio.open_unix_connection(self.socket)
            ways = [asyncio.create_task(one) for one in (_pour(reader, other_writer), _pour(other_reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass
        finally:
            for one in (writer, other_writer):
                if one is not None:
                    one.close()
            self._tasks.discard(task)


async def _pour(reader, writer):
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
