"""Where a request comes from: this workspace's own pages, a person at the address bar, or somewhere else."""

from __future__ import annotations

from aiohttp import HttpVersion10, HttpVersion11, web

from gateway.allowed import Kind
from gateway.settings import Settings

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
_VERSIONS = (HttpVersion10, HttpVersion11)
_SOCKETS = {Kind.SOCKET, Kind.KERNEL}
_ONCE = ("Host", "Origin", "Upgrade", "Content-Length", "Transfer-Encoding", "Sec-Fetch-Site", "Cookie")


def wants_page(request: web.BaseRequest) -> bool:
    """Will a person read the answer?"""
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def strange(request: web.BaseRequest, settings: Settings) -> str | None:
    """Why this is no request of a browser to this host; None when it is."""
    if request.version not in _VERSIONS:
        return "Only HTTP/1.1 is spoken here."
    if request.method not in _METHODS:
        return "That method is not known here."
    if any(len(request.headers.getall(name, ())) > 1 for name in _ONCE):
        return "A header stands twice."
    if request.headers.get("Host", "").lower() != settings.host.lower():
        return "This is not the address of this workspace."
    if "Content-Encoding" in request.headers or "Expect" in request.headers:
        return "Bodies come here as they are."
    if "Upgrade" in request.headers and not _is_websocket(request):
        return "Only websockets are spoken here beside HTTP."
    if "Service-Worker" in request.headers:
        return "No page of a workspace may leave a worker behind in the browser."
    return None


def wrong(request: web.BaseRequest, kind: Kind, settings: Settings) -> str | None:
    """Why this may not come from where it comes from; None when it may."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if kind in _SOCKETS:
        if not _is_websocket(request):
            return "This address is for websockets."
        return None if origin == settings.origin and site in {None, "same-origin"} else _FOREIGN
    if "Upgrade" in request.headers:
        return "This address is not for websockets."
    if request.method not in {"GET", "HEAD"}:
        is_ours = origin == settings.origin or (origin is None and site == "same-origin")
        return None if is_ours and site in {None, "same-origin"} else _FOREIGN
    if origin not in {None, settings.origin}:
        return _FOREIGN
    return _wrong_read(request, kind, site)


_FOREIGN = "The request came from another site's page."


def _wrong_read(request: web.BaseRequest, kind: Kind, site: str | None) -> str | None:
    is_navigation = request.headers.get("Sec-Fetch-Mode") == "navigate"
    if kind is Kind.PAGE:
        if request.headers.get("Sec-Fetch-Dest", "document") != "document":
            return "The page can't be shown inside another."
        return None if is_navigation or site in {None, "same-origin", "none"} else _FOREIGN
    if is_navigation and kind is not Kind.STATIC:
        return "This address is not a page: open the file in JupyterLab."
    return None if site in {None, "same-origin", "none"} else _FOREIGN


def _is_websocket(request: web.BaseRequest) -> bool:
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"
