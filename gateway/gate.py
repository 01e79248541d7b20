"""Each request, in this order: is the workspace open, is the address plain, who asks and from where, may it pass."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from aiohttp import ClientError, web
from aiohttp.web import RequestPayloadError

from gateway import allowed, origins, paths
from gateway.allowed import Allowed, Kind
from gateway.hub import HubDown
from gateway.pages import elsewhere, own, plain
from gateway.paths import Target
from gateway.relay import relay
from gateway.run import PAUSED, Run
from gateway.sessions import NotAllowed, Session
from gateway.sockets import connect
from gateway.spool import SpoolFull

log = logging.getLogger("gateway")
DOWNLOADS = (
    "Files do not leave a workspace this way. They leave by release alone; "
    "your workspace's page in the portal says how."
)
_CLOSED = "This workspace is closed"
_READS = {"GET", "HEAD"}
_MOST_COOKIES = 4  # of one name
_HUB_DOWN = "Nobody can be signed in now: the Hub does not answer. Your work goes on; try again in a minute."


class Gate:
    """The one way in."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._settings = run.settings

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request."""
        run, as_page = self._run, origins.wants_page(request)
        if run.open_requests >= self._settings.caps.requests + run.open_sockets:
            return plain(503, "Too many requests at once", "Try again in a moment.", as_page=as_page, close=True)
        run.open_requests += 1
        try:
            if run.closed is not None:
                answer: web.StreamResponse = plain(503, _CLOSED, run.closed, as_page=as_page, close=True)
            else:
                answer = await self._answer(request, as_page)
            await self._take_rest(request)
            return answer
        finally:
            run.open_requests -= 1

    async def _answer(self, request: web.BaseRequest, as_page: bool) -> web.StreamResponse:
        try:
            return await self._found(request, as_page)
        except HubDown as error:
            log.warning("%s", error)
            return plain(503, "Sign-in does not work now", _HUB_DOWN, as_page=as_page)
        except SpoolFull:
            return plain(503, _CLOSED, self._run.closed or "", as_page=as_page, close=True)

    async def _take_rest(self, request: web.BaseRequest) -> None:
        """Read what nobody wanted of a body: the proxy gives up an answer that comes while it is still sending."""
        left = self._settings.caps.unwanted_body
        if "Expect" in request.headers:
            return  # the body waits for our word, which does not come
        with contextlib.suppress(TimeoutError, ClientError, RequestPayloadError, OSError):
            async with asyncio.timeout(self._settings.times.unwanted):
                while left > 0 and not request.content.is_eof() and (piece := await request.content.readany()):
                    left -= len(piece)

    async def _found(self, request: web.BaseRequest, as_page: bool) -> web.StreamResponse:
        if words := origins.strange(request, self._settings):
            if await self._session(request) is not None:
                await self._run.denials.report(request.method, _path_of(request), words)
            return plain(400, "That was no plain request", words, as_page=as_page, close=True)
        try:
            target: Target | str | None = self._read(request)
        except paths.Ambiguous as error:
            target = f"The address is ambiguous: {error}."
        if isinstance(target, Target) and target.path == "oauth_callback":
            return await self._come_back(request, target)
        session = await self._session(request)
        if session is None:
            return self._send_to_hub(request, target, as_page)
        if target is None:
            return plain(404, "Not found", "There is nothing at this address.", as_page=as_page)
        passing = target if isinstance(target, str) else allowed.find(request.method, target)
        if isinstance(passing, Allowed):
            passing = origins.wrong(request, passing.line.kind, self._settings) or passing
        if isinstance(target, Target) and not target.segments and request.method in _READS:
            return elsewhere(f"{self._settings.prefix}lab")
        if isinstance(passing, str):
            return await self._deny(request, target, passing, as_page)
        return await self._let_pass(request, passing, session, as_page)

    def _read(self, request: web.BaseRequest) -> Target | None:
        return paths.read(request.raw_path, self._settings.prefix, self._settings.caps.target)

    async def _let_pass(
        self, request: web.BaseRequest, passing: Allowed, session: Session, as_page: bool
    ) -> web.StreamResponse:
        kind = passing.line.kind
        if kind is Kind.STATIC:
            found = self._run.files.answer(passing.target)
            return found or plain(404, "Not found", "The environment has no such file.", as_page=as_page)
        if self._run.meter.paused:
            return plain(403, "This workspace is paused", PAUSED, as_page=as_page)
        if kind is Kind.OWN:
            return own(*passing.line.own)
        if request.method not in _READS:
            self._run.note_activity()
        if kind in {Kind.SOCKET, Kind.KERNEL}:
            return await connect(request, self._run, passing, session)
        return await relay(request, self._run, passing)

    async def _deny(
        self, request: web.BaseRequest, target: Target | str, why: str, as_page: bool
    ) -> web.StreamResponse:
        path = target.path if isinstance(target, Target) else _path_of(request)
        await self._run.denials.report(request.method, path, why)
        words = DOWNLOADS if path.startswith(("files/", "nbconvert/", "view/")) else why
        return plain(403, "Not open", words, as_page=as_page, close=request.method not in _READS)

    # ── signing in ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def _session(self, request: web.BaseRequest) -> Session | None:
        for value in _values(request, self._run.sessions.cookie):
            if (session := await self._run.sessions.find(value)) is not None:
                return session
        return None

    def _send_to_hub(self, request: web.BaseRequest, target: Target | str | None, as_page: bool) -> web.StreamResponse:
        if not as_page or request.method != "GET" or not isinstance(target, Target):
            return plain(401, "Sign in", "You are not signed in (any more). Load the page again.", as_page=as_page)
        found = allowed.find("GET", target)
        wanted = found.target if isinstance(found, Allowed) and found.line.kind is Kind.PAGE else Target(("lab",))
        address, browser = self._run.sessions.begin(paths.write(wanted, self._settings.prefix))
        answer = elsewhere(address)
        self._set_cookie(answer, self._run.sessions.sign_in_cookie, browser, self._settings.times.sign_in)
        return answer

    async def _come_back(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        sessions, said = self._run.sessions, dict(target.query)
        browsers = _values(request, sessions.sign_in_cookie)
        try:
            if "state" not in said or "code" not in said or not browsers:
                raise NotAllowed("The Hub did not let you in. Open the workspace again from its project's page.")
            value, path = await sessions.finish(said["state"], said["code"], browsers)
        except NotAllowed as error:
            if "code" in said and browsers:
                await self._run.denials.report("GET", target.path, f"{error}")
            return plain(403, "You can't enter here", f"{error}", as_page=True)
        await self._run.spool.write("signed_in")
        self._run.note_activity()
        answer = elsewhere(path)
        self._set_cookie(answer, sessions.cookie, value, self._settings.times.session)
        self._set_cookie(answer, sessions.sign_in_cookie, "", 0)
        return answer

    def _set_cookie(self, answer: web.StreamResponse, name: str, value: str, seconds: float) -> None:
        answer.set_cookie(name, value, max_age=int(seconds), path="/", secure=True, httponly=True, samesite="Lax")


def _values(request: web.BaseRequest, name: str) -> list[str]:
    """Each value that came under this cookie's name: a script in the page can set a second one, never take ours away.

    A browser holds one for the site and one that is kept for this site's own frames ("partitioned"), and sends both.
    """
    pairs = (pair.strip().partition("=") for line in request.headers.getall("Cookie", []) for pair in line.split(";"))
    return [value for key, _, value in pairs if key == name and value][:_MOST_COOKIES]


def _path_of(request: web.BaseRequest) -> str:
    return request.raw_path.partition("?")[0].encode("ascii", "backslashreplace").decode()
