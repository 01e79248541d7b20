"""One's own account, its sessions, and joining by invitation."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.alliance.forms import ReasonForm
from apps.alliance.invitations import invitation_from
from apps.alliance.models import Member
from apps.alliance.requests import MemberRequest
from apps.alliance.selectors import role_words, visible_members
from apps.alliance.services.people import accept_invitation, edit_profile
from apps.alliance.signin import events, sessions
from apps.alliance.signin.factor_views import factors_of
from apps.alliance.signin.forms import JoinForm, ProfileForm
from apps.alliance.signin.identity import providers
from apps.alliance.signin.services import reset_factors
from apps.core.views import act_with_reason, form_page, typed_in


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def account(request: MemberRequest) -> HttpResponse:
    """The member's own page: profile, ways to sign in, sessions, sign-in history."""
    member = request.user
    start = {"name": member.name, "position": member.position, "orcid": member.orcid}
    form = ProfileForm(typed_in(request), initial=start)
    return form_page(
        request,
        form,
        lambda given: edit_profile(member, by=member, **given),
        template="alliance/account.html",
        then=reverse("alliance:account"),
        said="Your profile is changed.",
        role_words=role_words(member) or "Researcher",
        open_sessions=sessions.open_sessions(member, request.session.session_key),
        history=sessions.history(member),
        **factors_of(member),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def session_list(request: MemberRequest) -> HttpResponse:
    """Where the member is signed in; a POST ends all sessions but this one."""
    member = request.user
    if request.method == "POST":
        ended = sessions.end_sessions(member, but=request.session.session_key)
        events.saw(events.SESSION_CLOSED, request, member, why="ended from another session", sessions_ended=ended)
        messages.success(request, "Every other session of yours is ended.")
        return redirect("usersessions_list")
    found = sessions.open_sessions(member, request.session.session_key)
    return render(request, "usersessions/usersession_list.html", {"open_sessions": found})


@require_POST
@login_required
def session_end(request: MemberRequest, pk: int) -> HttpResponse:
    """End one other session of the member."""
    member = request.user
    key = sessions.end_session(member, pk)
    if key is None:
        raise Http404
    events.saw(events.SESSION_CLOSED, request, member, why="ended from another session", sessions_ended=1)
    messages.success(request, "That session is ended.")
    return redirect("usersessions_list")


@require_POST
@login_required
def person_factors_reset(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A center manager removes the second factors of somebody who lost them."""
    member = get_object_or_404(visible_members(request.user), pk=pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: reset_factors(member, by=request.user, reason=reason),
        event="alliance.factor.reset",
        target=member,
        then=reverse("alliance:person", args=[member.pk]),
        said=f"{member}'s second factor is reset. They set up a new one at their next sign-in.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "password_again")
@never_cache
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Who invites whom, and the name and password with which the person joins."""
    invitation = invitation_from(token)
    if (
        invitation is None
        or not invitation.is_open(timezone.now())
        or invitation.member.status != Member.Status.INVITED
    ):
        return render(request, "account/invitation_closed.html", status=404)
    if request.user.is_authenticated:
        return render(request, "account/invitation_signed_in.html", {"invitation": invitation}, status=409)
    member = invitation.member
    form = JoinForm(typed_in(request), initial={"name": member.name})

    def join(given: dict[str, Any]) -> None:
        accept_invitation(member, by=member, invitation=invitation, name=given["name"], password=given["password"])

    response = form_page(
        request,
        form,
        join,
        template="account/invitation.html",
        then=reverse("alliance:factor_setup"),
        invitation=invitation,
        provider=next((center for center, _ in providers() if center.pk == member.center_id), None),
    )
    return _opened(request, member) if response.status_code == 302 else response


def _opened(request: HttpRequest, member: Member) -> HttpResponse:
    """The first session of somebody who just joined; the second factor is set up in it."""
    member.refresh_from_db()
    record_authentication(request, member, method="invitation")
    return perform_login(request, Login(user=member, redirect_url=reverse("alliance:factor_setup")))
