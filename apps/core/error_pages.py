"""Pages for what went wrong: each says what happened, what it means, and what to do."""

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from apps.core.errors import PortalError

log = structlog.get_logger(__name__)
KNOWN = {400, 403, 404, 405, 409, 422, 429, 500, 503}


def of(request: HttpRequest, error: PortalError) -> HttpResponse:
    """The page (or, for a machine, the JSON) of one of the portal's own errors."""
    return answer(request, error.status, str(error))


def answer(request: HttpRequest, status: int, reason: str = "") -> HttpResponse:
    """Render templates/errors/<status>.html with the reason and the request's id."""
    known = status if status in KNOWN else 500
    request_id = getattr(request, "request_id", "")
    if "text/html" not in request.headers.get("Accept", "text/html") and "*/*" not in request.headers.get("Accept", ""):
        return JsonResponse({"status": status, "reason": reason, "request_id": request_id}, status=status)
    context = {"reason": reason, "request_id": request_id, "status": status}
    # 500 and 503 must not need the database, so they render without the frame.
    framed = request if known not in {500, 503} else None
    return HttpResponse(render_to_string(f"errors/{known}.html", context, request=framed), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404)


def not_this_way(request: HttpRequest, bare: HttpResponse) -> HttpResponse:
    """The page for a method that this address does not know, in place of Django's bare answer."""
    response = answer(request, 405)
    response["Allow"] = bare["Allow"]
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The answer while the database or the cache is away; nothing was changed."""
    response = answer(request, 503)
    response["Retry-After"] = "10"
    return response


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The answer to a form without its token."""
    log.warning("csrf_failed", reason=reason)
    return answer(
        request, 403, "This page was open for too long, or the request came from elsewhere. Open the page again."
    )
