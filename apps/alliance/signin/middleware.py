"""What holds for every request of somebody signed in: the session's limits, the second factor, facts for the record."""

from collections.abc import Callable
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django_htmx.http import HttpResponseClientRedirect
from redis.exceptions import RedisError

from apps.alliance.models import Member
from apps.alliance.signin import events, sessions
from apps.alliance.signin.proofs import TO_LEAVE_BY, facts, is_open_to, mark_of, member_of
from apps.alliance.signin.throttle import Throttled
from apps.audit.source import coming_from
from apps.core import error_pages
from apps.core.errors import NeedsFreshFactor, NotRecorded

Answer = Callable[[HttpRequest], HttpResponse]


class SessionLimits:
    """End a session that is idle, old, or whose owner may no longer act, and say why on the sign-in page."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        member = member_of(request)
        if member is None:
            return self.get_response(request)
        reason = sessions.ended_because(request) or member.may_enter().reason
        if reason:
            return self._close(request, member, reason)
        if request.headers.get("X-Watching") != "1":  # a page that looks again by itself is nobody's doing
            sessions.note_activity(request)
        if not member.standing():
            own = reverse("alliance:center", args=[member.center.slug])
            if request.path_info != own and _name_of(request) not in TO_LEAVE_BY:
                return _go(request, own)
        return self.get_response(request)

    def _close(self, request: HttpRequest, member: Member, reason: str) -> HttpResponse:
        try:
            events.saw(events.SESSION_CLOSED, request, member, why=reason)
        except NotRecorded as error:  # the session stays as it is, and each request finds this answer
            return error_pages.of(request, error)
        sessions.forget(request.session.session_key)
        logout(request)
        messages.warning(request, reason)
        if _wants_json(request):
            return error_pages.answer(request, 403, reason)
        came_for = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
        return _go(request, reverse("account_login") + came_for)


class SecondFactor:
    """Lead a member without an authenticator app or passkey to the page where one is set up, and nowhere else."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        member = member_of(request)
        if member is None or _came_with_factor(member) or is_open_to(member, _name_of(request)):
            return self.get_response(request)
        if _wants_json(request):
            return error_pages.answer(request, 403, "Set up a second factor first, on the portal's own pages.")
        return _go(request, reverse("alliance:factor_setup"))


class Actor:
    """Give the record the session and its proofs, and ask for a fresh factor where a command wants one.

    Stands last, so that its process_exception is asked before the one that shows error pages.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if member_of(request) is None:
            return self.get_response(request)
        with coming_from(session=mark_of(request.session.session_key), auth=facts(request)):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, NeedsFreshFactor) and not _wants_json(request):
            return self._prove_first(request)
        if isinstance(exception, RedisError):
            return error_pages.unavailable(request)  # a throttle that can't count lets nobody through
        if isinstance(exception, Throttled):
            response = error_pages.of(request, exception)
            response["Retry-After"] = str(exception.seconds)
            return response
        return None

    def _prove_first(self, request: HttpRequest) -> HttpResponse:
        """Keep what was sent, ask for a factor, and go on from there: nothing typed is lost."""
        ways = get_adapter().get_reauthentication_methods(request.user)
        suspend_request(request, ways[0]["url"])
        # allauth finds the suspended request again by its path alone.
        back = request.path if request.method == "POST" else request.get_full_path()
        return _go(request, f"{ways[0]['url']}?{urlencode({'next': back})}")


def _came_with_factor(member: Member) -> bool:
    """Whether they had one when this request began, as the query that loaded them says."""
    return getattr(member, "came_with_factor", False)


def _go(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect the whole page, also when htmx asked for a part of it."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(url)
    return redirect(url)


def _wants_json(request: HttpRequest) -> bool:
    accepts = request.headers.get("Accept", "*/*")
    return "text/html" not in accepts and "*/*" not in accepts


def _name_of(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return ""
