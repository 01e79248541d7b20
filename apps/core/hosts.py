"""The portal's door for hosts: JSON both ways, by a shared secret. To anybody else these addresses are not there."""

import functools
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.audit.source import coming_from
from apps.core.errors import Invalid, PortalError

LARGEST = 8 * 1024 * 1024  # bytes of one request
Told = Callable[..., tuple[int, dict[str, Any]]]


def for_hosts(tell: Told) -> Callable[..., HttpResponse]:
    """The view of a function that is given the request's JSON and says status and JSON; 404 without the secret."""

    @csrf_exempt
    @require_POST
    @functools.wraps(tell)
    def answer(request: HttpRequest, **named: UUID) -> HttpResponse:
        shown = request.headers.get("Authorization", "")
        if not settings.HAS_WORKSPACES or not constant_time_compare(shown, f"Bearer {settings.HOST_SECRET}"):
            raise Http404
        try:
            with coming_from(component="host"):
                status, facts = tell(_body(request), **named)
        except PortalError as error:
            status, facts = error.status, {"reason": str(error)}
        return JsonResponse(facts, status=status)

    return answer


def _body(request: HttpRequest) -> Any:
    """The request's JSON; {} where nothing was sent."""
    sent = request.read(LARGEST + 1)
    if len(sent) > LARGEST:
        raise Invalid(f"A request has at most {LARGEST:,} bytes. Send less at a time.")
    try:
        return json.loads(sent or b"{}", parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Invalid("The request is not JSON.") from None


def _refuse(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")
