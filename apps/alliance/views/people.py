"""Pages on people: the list, one person, inviting, vouching, roles."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance import selectors
from apps.alliance.forms import InvitationForm, PeopleFilters, ReasonForm, RoleForm
from apps.alliance.models import Grant, Member, TrainingRecord, TrainingType
from apps.alliance.requests import MemberRequest
from apps.alliance.selectors import managed_centers
from apps.alliance.services import grants
from apps.alliance.services import people as services
from apps.alliance.states import MEMBER
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import act_with_reason, form_page, typed_in


@require_safe
@login_required
def people(request: MemberRequest) -> HttpResponse:
    """The people one may see, to search, filter and sort."""
    filters = PeopleFilters(request.GET or None, member=request.user)
    columns = [
        Column("Name", "name"),
        Column("Center"),
        Column("State"),
        Column("Vouched until"),
        Column("Added", "created_at"),
    ]
    page = listing(_filtered(request.user, filters), request.GET, columns=columns, order="name", filters=filters)
    return render(request, "alliance/people.html", {"listing": page, "invites": managed_centers(request.user)})


def _filtered(member: Member, filters: PeopleFilters) -> QuerySet[Member]:
    found = selectors.visible_members(member)
    asked: dict[str, Any] = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    if asked.get("words"):
        found = selectors.matching(found, asked["words"])
    if asked.get("status"):
        found = found.filter(status=asked["status"])
    if asked.get("center"):
        found = found.filter(center=asked["center"])
    return found


@require_safe
@login_required
def person(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One person: state, roles, the center's word, training, and what one can do for them."""
    member = _person(request, pk)
    invitation = selectors.open_invitation(member)
    may_invite = may("alliance.invitation.renewed", request.user, member.center)
    history = list(selectors.visible_grants(request.user).filter(user=member).order_by("-granted_at")[:50])
    training = list(selectors.visible_training(request.user).filter(member=member).order_by("-submitted_at")[:50])
    is_concerned = member.is_active and (may_invite or member == request.user)
    has_left = member.status == Member.Status.LEFT
    context = {
        "person": member,
        "open_to": MEMBER.open_to(request.user, member),
        "may_vouch": may("alliance.member.vouched", request.user, member),
        "may_invite": may_invite,
        "word": selectors.last_word(member) if may_invite and not member.is_active else None,
        "may_erase": has_left and not member.is_erased and may("alliance.member.erased", request.user, member),
        "may_give": may("alliance.grant.given", request.user, member.center),
        "grants": history,
        "vouches": list(selectors.vouches_of(member)[:10]),
        "invitation": invitation,
        "invitation_open": invitation is not None and invitation.is_open(timezone.now()),
        "missing": _missing(history, training) if is_concerned else [],
        "training": training,
    }
    return render(request, "alliance/person.html", context)


def _missing(history: list[Grant], records: list[TrainingRecord]) -> list[TrainingType]:
    """The trainings that whoever has these roles in force needs and sent no proof of."""
    needed = selectors.required_types(grant.role for grant in history if grant.is_in_force(timezone.now()))
    return list(needed.exclude(pk__in=[record.type_id for record in records]))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def invite(request: MemberRequest, slug: str) -> HttpResponse:
    """Invite somebody to a center that one manages."""
    center = get_object_or_404(selectors.visible_centers(request.user), slug=slug)
    demand("alliance.member.invited", by=request.user, target=center, fresh=True)
    return form_page(
        request,
        InvitationForm(typed_in(request)),
        lambda typed: services.invite(center, by=request.user, **typed),
        template="alliance/invite.html",
        then=lambda member: reverse("alliance:person", args=[member.pk]),
        said=lambda member: f"{member} is invited. The link in the mail works for 14 days.",
        center=center,
    )


@require_POST
@login_required
def person_vouch(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give the center's word for another year."""
    member = _person(request, pk)
    given = services.vouch(member, by=request.user)
    messages.success(request, f"{member.center} vouches for {member} until {given.ends_on:%-d %B %Y}.")
    return redirect("alliance:person", pk=pk)


@require_POST
@login_required
def person_invite_again(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Withdraw the unanswered invitation and send a new one, or invite back somebody who left."""
    member = _person(request, pk)
    demand("alliance.invitation.renewed", by=request.user, target=member.center)
    if member.status == Member.Status.LEFT:
        facts = {"email": member.email, "name": member.name, "position": member.position}
        services.invite(member.center, by=request.user, **facts)
        messages.success(request, f"{member} is invited again. The link in the mail works for 14 days.")
        return redirect("alliance:person", pk=pk)
    invitation = selectors.latest_invitation(member)
    if invitation is None:
        return redirect("alliance:person", pk=pk)
    services.renew_invitation(member.center, by=request.user, invitation=invitation)
    messages.success(request, f"A new link is on its way to {member.email}; the old one no longer works.")
    return redirect("alliance:person", pk=pk)


@require_POST
@login_required
def person_suspend(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Stop everything this person can do."""
    return _move(
        request, pk, "alliance.member.suspended", services.suspend, "{} is suspended and signed out everywhere."
    )


@require_POST
@login_required
def person_reinstate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Let a suspended person act again."""
    return _move(request, pk, "alliance.member.reinstated", services.reinstate, "{} can act again.")


@require_POST
@login_required
def person_leave(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Close a membership."""
    return _move(request, pk, "alliance.member.left", services.leave, "{} has left; roles and sessions have ended.")


@require_POST
@login_required
def person_erase(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Erase the name of somebody who left."""
    return _move(request, pk, "alliance.member.erased", services.erase_name, "The name is erased.")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def role_give(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give one of the center's people a role at the center."""
    member = _person(request, pk)
    demand("alliance.grant.given", by=request.user, target=member.center, fresh=True)
    return form_page(
        request,
        RoleForm(typed_in(request)),
        lambda typed: grants.give_at_center(
            member.center,
            by=request.user,
            member=member,
            role=typed["role"],
            reason=typed["reason"],
            ends_at=typed["ends_on"],
        ),
        template="alliance/role_give.html",
        then=reverse("alliance:person", args=[pk]),
        said=lambda grant: f"{member} is now {grant.role_words.lower()} at {member.center}.",
        person=member,
    )


@require_POST
@login_required
def role_end(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take a role back, or lay down one's own."""
    grant = get_object_or_404(selectors.visible_grants(request.user), pk=pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: grants.end(grant, by=request.user, reason=reason),
        event="alliance.grant.ended",
        target=grant,
        then=reverse("alliance:person", args=[grant.user_id]),
        said=f"The role of {grant.role_words.lower()} has ended.",
    )


def _move(request: MemberRequest, pk: UUID, event: str, ask: Any, said: str) -> HttpResponse:
    member = _person(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: ask(member, by=request.user, reason=reason),
        event=event,
        target=member,
        then=reverse("alliance:person", args=[pk]),
        said=said.format(member),
    )


def _person(request: MemberRequest, pk: UUID) -> Member:
    return get_object_or_404(selectors.visible_members(request.user), pk=pk)
