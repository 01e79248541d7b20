"""Who is signed in: sessions in memory, each bound to a token of the Hub's, and the Hub asked again and again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gateway.hub import Hub, HubDown, Person
from gateway.settings import Settings

_MOST_SESSIONS, _MOST_PENDING = 50, 100


class NotAllowed(Exception):
    """This person may not enter, or this sign-in can't be trusted; the message is for them."""


@dataclass
class Session:
    """One browser's stay. The cookie's value is not kept, its hash is the key."""

    token: str = field(repr=False)
    began: float
    asked: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    sockets: int = 0


@dataclass(frozen=True)
class _Pending:
    browser: bytes  # hash of the cookie that this sign-in began with
    verifier: str = field(repr=False)
    path: str
    began: float


class Sessions:
    """Begins them by way of the Hub, finds them by their cookie, ends them when the Hub says so."""

    def __init__(self, settings: Settings, hub: Hub, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._hub, self._clock = settings, hub, clock
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._pending: OrderedDict[bytes, _Pending] = OrderedDict()
        mark = hashlib.sha256(settings.prefix.encode()).hexdigest()[:12]
        self.cookie, self.sign_in_cookie = f"__Host-workspace-{mark}", f"__Host-sign-in-{mark}"

    # ── signing in ──────────────────────────────────────────────────────────────────────────────────────────────────
    def begin(self, path: str) -> tuple[str, str]:
        """Where to send a browser that wants this path, and the cookie by which it is known when it comes back."""
        state, browser, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        self._pending[_hash(state)] = _Pending(_hash(browser), verifier, path, self._clock())
        while len(self._pending) > _MOST_PENDING:
            self._pending.popitem(last=False)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        words = {
            "client_id": self._settings.hub.client_id, "redirect_uri": self._settings.callback, "response_type": "code",
            "state": state, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self._settings.hub.authorize_url}?{urlencode(words)}", browser

    async def finish(self, state: str, code: str, browsers: list[str]) -> tuple[str, str]:
        """The new session's cookie and the path that was wanted, for one of these browsers; NotAllowed, HubDown."""
        pending = self._pending.pop(_hash(state), None)
        if (
            pending is None
            or self._clock() - pending.began > self._settings.times.sign_in
            or not any(hmac.compare_digest(pending.browser, _hash(browser)) for browser in browsers)
        ):
            raise NotAllowed("This sign-in was not begun in this browser, or too long ago. Open the workspace again.")
        token = await self._hub.token_for(code, pending.verifier, self._settings.callback)
        person = await self._hub.who(token) if token else None
        if token is None or person is None:
            raise NotAllowed("The sign-in was not confirmed. Open the workspace again.")
        if not self._may_enter(person):
            raise NotAllowed("This workspace belongs to somebody else. Open yours from its project's page.")
        value, now = secrets.token_urlsafe(32), self._clock()
        self._open[_hash(value)] = Session(token, began=now, asked=now)
        while len(self._open) > _MOST_SESSIONS:
            self._open.popitem(last=False)[1].over.set()
        return value, pending.path

    def _may_enter(self, person: Person) -> bool:
        return person.name == self._settings.owner and bool(person.scopes & set(self._settings.hub.scopes))

    # ── staying ─────────────────────────────────────────────────────────────────────────────────────────────────────
    async def find(self, value: str) -> Session | None:
        """The session of this cookie, if it still holds; HubDown when nobody knows."""
        key = _hash(value)
        session = self._open.get(key)
        if session is None:
            return None
        if not await self._still(session, self._settings.times.ask):
            self._open.pop(key, None)
            return None
        return session

    async def watch(self) -> None:
        """Ask about sessions with an open websocket often, so that a revoked one closes within seconds."""
        while True:
            await asyncio.sleep(self._settings.times.watch)
            await asyncio.gather(*(self._look(key) for key, session in list(self._open.items()) if session.sockets))

    async def _look(self, key: bytes) -> None:
        try:
            if not await self._still(self._open[key], 0):
                self._open.pop(key, None)
        except HubDown:
            self._open.pop(key).over.set()

    async def _still(self, session: Session, believed: float) -> bool:
        """Does it hold? Asks the Hub if its last word is older than `believed` seconds."""
        async with session.asking:
            now = self._clock()
            if now - session.began > self._settings.times.session or session.over.is_set():
                session.over.set()
                return False
            if now - session.asked <= believed:
                return True
            try:
                person = await self._hub.who(session.token)
            except HubDown:
                if now - session.asked > self._settings.times.grace:
                    raise
                return True
            if person is None or not self._may_enter(person):
                session.over.set()
                return False
            session.asked = now
            return True

    def end_all(self) -> None:
        """Nobody is signed in any more."""
        for session in self._open.values():
            session.over.set()
        self._open.clear()
        self._pending.clear()


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
