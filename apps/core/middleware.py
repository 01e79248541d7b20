"""The edge: a request's id and circumstances, headers on every answer, errors turned into pages that help.

All of it is synchronous on purpose: mixed with asynchronous middleware each step would hop between threads.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from psycopg_pool import PoolTimeout

from apps.audit.source import coming_from
from apps.core import error_pages
from apps.core.errors import PortalError

Answer = Callable[[HttpRequest], HttpResponse]
REQUEST_ID = re.compile(r"^[A-Za-z0-9-]{8,64}$")
log = structlog.get_logger("caia.request")


def client_address(request: HttpRequest) -> str:
    """The caller's address: the socket's peer, or what the nearest trusted proxy saw. Nothing else is believed."""
    trusted = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if trusted and len(forwarded) >= trusted:
        return forwarded[-trusted]
    return str(request.META.get("REMOTE_ADDR", ""))


class RequestContext:
    """Give each request an id, note where it comes from, and log one line when it is answered."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            coming_from(
                component="web",
                request_id=request_id,
                ip=client_address(request),
                user_agent_sha256=hashlib.sha256(request.headers.get("User-Agent", "").encode()).hexdigest(),
            ),  # fmt: skip
        ):
            response = self.get_response(request)
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info(
                "answered", method=request.method, route=_route(request), status=response.status_code, ms=milliseconds
            )
        response["X-Request-ID"] = request_id
        return response


def _route(request: HttpRequest) -> str:
    """The address as its pattern: some paths hold a one-time token, which no log may keep."""
    return request.resolver_match.route if request.resolver_match else "unmatched"


class SecurityHeaders:
    """Headers that Django has no setting for, on every answer."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        response["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        if not request.path.startswith("/static/"):
            response["Cache-Control"] = "no-store"
        return response


class Outage:
    """When the database does not answer, say so; nothing was changed."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except (OperationalError, InterfaceError, PoolTimeout):
            log.exception("database_down")
            return error_pages.unavailable(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError | InterfaceError | PoolTimeout):
            log.error("database_down", exc_info=exception)
            return error_pages.unavailable(request)
        return None


class PortalErrors:
    """Turn the portal's own errors into their pages: 403, 404, 405, 409, 422, 503."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        return error_pages.not_this_way(request, response) if response.status_code == 405 else response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, PortalError):
            return error_pages.of(request, exception)
        return None
