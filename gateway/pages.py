"""The gateway's own answers: a plain page for a person, a line of JSON for JupyterLab, the same words in both."""

from __future__ import annotations

import html
import json

from aiohttp import web

from gateway.headers import EVERYWHERE, HTML, JSON, NOTHING, PLAIN_PAGE, STYLE

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><meta name="viewport" content="width=device-width">
<style>{style}</style></head><body><main><h1>{title}</h1><p>{words}</p></main></body></html>
"""


def plain(status: int, title: str, words: str, *, as_page: bool, close: bool = False) -> web.Response:
    """Say what happened and what to do."""
    if as_page:
        text = _PAGE.format(title=html.escape(title), words=html.escape(words), style=STYLE)
    else:
        text = json.dumps({"message": words, "reason": title})
    answer = own(status, text, HTML if as_page else JSON, PLAIN_PAGE if as_page else NOTHING)
    if close:
        answer.force_close()
    return answer


def own(status: int, text: str, kind: str = JSON, policy: str = NOTHING) -> web.Response:
    """An answer of the gateway's own."""
    headers = {**EVERYWHERE, "Content-Type": kind, "Cache-Control": "no-store", "Content-Security-Policy": policy}
    return web.Response(status=status, body=text.encode(), headers=headers)


def elsewhere(address: str) -> web.Response:
    """Send the browser to another address."""
    headers = {**EVERYWHERE, "Location": address, "Cache-Control": "no-store", "Content-Security-Policy": NOTHING}
    return web.Response(status=302, headers=headers)
