"""The Hub, asked as one of its OAuth clients: a token for a code, and whose token that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import (
    BaseConnector,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
    UnixConnector,
)

from gateway.settings import HubClient

_MOST = 256 * 1024


class HubDown(Exception):
    """The Hub did not answer, or not in a way that means yes or no."""


@dataclass(frozen=True)
class Person:
    """Whom a token stands for, and what it opens."""

    name: str
    scopes: frozenset[str]


class Hub:
    """The Hub's REST API, by HTTP or on a Unix socket (http+unix://%2Fpath%2Fhub.sock/hub/api)."""

    def __init__(self, client: HubClient, seconds: float) -> None:
        self._client = client
        parts = urlsplit(client.api_url)
        self._base = client.api_url.rstrip("/")
        connector: BaseConnector = TCPConnector()
        if parts.scheme == "http+unix":
            connector = UnixConnector(path=unquote(parts.netloc))
            self._base = f"http://localhost{parts.path.rstrip('/')}"
        self._session = ClientSession(connector=connector, timeout=ClientTimeout(total=seconds), trust_env=False)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._session.close()

    async def token_for(self, code: str, verifier: str, callback: str) -> str | None:
        """The token that this code stands for; None: the Hub does not know the code."""
        form = {
            "client_id": self._client.client_id, "client_secret": self._client.token, "code": code,
            "grant_type": "authorization_code", "redirect_uri": callback, "code_verifier": verifier,
        }  # fmt: skip
        said = await self._ask("POST", "/oauth2/token", refusals={400, 401, 403}, data=form)
        token = said.get("access_token") if said else None
        return token if isinstance(token, str) and token else None

    async def who(self, token: str) -> Person | None:
        """Whose token this is; None: it opens nothing (any more)."""
        said = await self._ask("GET", "/user", refusals={401, 403, 404}, headers={"Authorization": f"Bearer {token}"})
        if not said or said.get("kind") != "user" or not isinstance(said.get("name"), str):
            return None
        return Person(said["name"], frozenset(one for one in said.get("scopes", ()) if isinstance(one, str)))

    async def _ask(self, method: str, path: str, refusals: set[int], **words: Any) -> dict[str, Any] | None:
        try:
            async with self._session.request(method, self._base + path, allow_redirects=False, **words) as answer:
                if answer.status in refusals:
                    return None
                if answer.status != 200:
                    raise HubDown(f"The Hub answered with {answer.status}.")
                return _understood(await _whole(answer))
        except (TimeoutError, ClientError, OSError) as error:
            raise HubDown(f"The Hub does not answer: {type(error).__name__}.") from error


async def _whole(answer: ClientResponse) -> bytes:
    body = b""
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _MOST:
            raise HubDown("The Hub's answer is too long.")
    return body


def _understood(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise HubDown("The Hub's answer can't be read.") from error
    if not isinstance(said, dict):
        raise HubDown("The Hub's answer can't be read.")
    return said
