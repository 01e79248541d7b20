"""Headers: few go to the server, fewer come back, and what a page may do is said here and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from multidict import CIMultiDict

from gateway.allowed import Kind

JSON, HTML = "application/json", "text/html; charset=utf-8"
_TYPES = {Kind.PAGE: HTML, Kind.JSON: JSON, Kind.CONTENTS: JSON}
_DATE = re.compile(r"[A-Za-z0-9:, +-]{1,64}")
_XSRF = "0" * 32  # the server asks for the same in cookie and header; both are ours, never the browser's
STYLE = (  # as the portal's pages look
    ":root{color-scheme:light dark}"
    "body{margin:0;font:1rem/1.5 -apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;"
    "background:light-dark(#faf9f7,#131819);color:light-dark(#1b2628,#e6ebea)}"
    "main{box-sizing:border-box;max-width:38rem;margin:12vh auto 0;padding:2rem;border-radius:12px;"
    "background:light-dark(#fff,#1a2022);border:1px solid light-dark(#e6e4de,#2a3335)}"
    "h1{margin:0 0 .5rem;font-size:1.5rem}p{margin:0;color:light-dark(#566163,#a6b1b1)}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-DNS-Prefetch-Control": "off",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Server": "gateway",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), "
    "display-capture=(), payment=(), clipboard-read=(self), clipboard-write=(self)",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
PLAIN_PAGE = NOTHING.removesuffix("; sandbox") + f"; style-src 'sha256-{_STYLE_HASH}'"


def page_policy(origin: str, prefix: str, scripts: tuple[str, ...] = ()) -> str:
    """What JupyterLab's page may do.

    Its script files are the gateway's own static files; of what stands in the page itself only the texts with these
    hashes run (the environment's own), nothing that somebody writes into it. It talks to this workspace alone, opens
    no window, sends no form and downloads nothing.
    """
    here = origin + prefix
    sockets = "ws" + here.removeprefix("http")
    own = " ".join(f"{here}{folder}/" for folder in ("static", "lab/extensions"))
    return "; ".join((
        "default-src 'none'",
        # 'unsafe-eval': its settings are checked by code that is generated (ajv).
        " ".join((f"script-src {own} 'unsafe-eval'", *(f"'{one}'" for one in scripts))),
        f"style-src {own} {here}lab/api/themes/ 'unsafe-inline'",  # editor and panels place themselves by styles
        f"img-src {here} data: blob:",
        f"font-src {own} {here}lab/api/themes/ data:",
        "media-src data: blob:",
        f"connect-src {here} {sockets} data:",
        f"worker-src {own} blob:",
        "frame-src blob:",
        f"manifest-src {own}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox allow-scripts allow-same-origin allow-forms allow-modals",
    ))  # fmt: skip


def to_server(accept: str | None, *, has_body: bool) -> dict[str, str]:
    """All that the server learns of a browser: whether it wants JSON or a page."""
    headers = {
        "Host": "localhost",
        "Accept": "text/html" if accept and "text/html" in accept else JSON,
        "Accept-Encoding": "identity",
        "User-Agent": "gateway",
        "Cookie": f"_xsrf={_XSRF}",
        "X-XSRFToken": _XSRF,
    }
    if has_body:
        headers["Content-Type"] = JSON
    return headers


def to_browser(kind: Kind, given: Mapping[str, str], policy: str) -> CIMultiDict[str]:
    """The headers of an answer: our own, the length, and of the server's only when the file was changed."""
    headers = CIMultiDict(EVERYWHERE)
    headers["Content-Type"] = _TYPES[kind]
    headers["Cache-Control"] = "no-store"
    headers["Content-Security-Policy"] = policy if kind is Kind.PAGE else NOTHING
    for name in ("Last-Modified", "Date"):
        if name in given and _DATE.fullmatch(given[name]):
            headers[name] = given[name]
    return headers
