"""Pages on centers: the list, one center, its standing, its first manager, and the alliance's own roles."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance import selectors
from apps.alliance.forms import AllianceRoleForm, CenterApplicationForm, CenterForm, InvitationForm, ReasonForm
from apps.alliance.models import Center, Member
from apps.alliance.requests import MemberRequest
from apps.alliance.services import centers as services
from apps.alliance.services import grants, people
from apps.alliance.states import CENTER
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import act_with_reason, form_page, typed_in


@require_safe
@login_required
def centers(request: MemberRequest) -> HttpResponse:
    """The centers of the alliance."""
    columns = [
        Column("Center", "short_name"),
        Column("Legal name", "legal_name"),
        Column("State"),
        Column("Entered", "created_at"),
    ]
    page = listing(selectors.visible_centers(request.user), request.GET, columns=columns, order="short_name")
    may_enter = may("alliance.center.applied", request.user, selectors.the_alliance())
    return render(request, "alliance/centers.html", {"listing": page, "may_enter": may_enter})


@require_safe
@login_required
def center(request: MemberRequest, slug: str) -> HttpResponse:
    """One center: who it is, who acts for it, and what one can do about its standing."""
    found = _center(request, slug)
    open_to = CENTER.open_to(request.user, found)
    is_own, is_active = found.pk == request.user.center_id, found.status == Center.Status.ACTIVE
    context = {
        "center": found,
        "open_to": open_to,
        "own_standing": request.user.standing(),
        "word": selectors.last_word(found) if not is_active and (is_own or any(open_to.values())) else None,
        "sees_people": is_own or selectors.sees_all(request.user),
        "holders": list(selectors.role_holders(found)[:200]),
        "may_edit": may("alliance.center.edited", request.user, found),
        "may_invite": may("alliance.member.invited", request.user, found),
        "may_appoint": may("alliance.grant.first_manager_appointed", request.user, found),
        "has_manager": selectors.holders_of("center_manager", found).exists(),
    }
    return render(request, "alliance/center.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def center_apply(request: MemberRequest) -> HttpResponse:
    """Enter a center's application."""
    alliance = selectors.the_alliance()
    demand("alliance.center.applied", by=request.user, target=alliance)
    return form_page(
        request,
        CenterApplicationForm(typed_in(request)),
        lambda typed: services.apply(alliance, by=request.user, **typed),
        template="alliance/center_apply.html",
        then=lambda made: reverse("alliance:center", args=[made.slug]),
        said=lambda made: f"{made} is entered as an applicant. Next, invite its first manager.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def center_edit(request: MemberRequest, slug: str) -> HttpResponse:
    """Change what the center says of itself."""
    found = _center(request, slug)
    demand("alliance.center.edited", by=request.user, target=found)
    known = {name: getattr(found, name) for name in CenterForm.base_fields}
    return form_page(
        request,
        CenterForm(typed_in(request), initial={**known, "email_domains": ", ".join(found.email_domains)}),
        lambda typed: services.edit(found, by=request.user, **typed),
        template="alliance/center_edit.html",
        then=reverse("alliance:center", args=[slug]),
        said="The center's facts are changed.",
        center=found,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def center_first_manager(request: MemberRequest, slug: str) -> HttpResponse:
    """Invite an applicant's first person, or appoint one who has joined as its first manager."""
    found = _center(request, slug)
    demand("alliance.grant.first_manager_appointed", by=request.user, target=found, fresh=True)
    visible = selectors.visible_members(request.user).filter(center=found)
    candidates = list(visible.exclude(status=Member.Status.LEFT).order_by("name")[:50])
    return form_page(
        request,
        InvitationForm(typed_in(request)),
        lambda typed: people.invite_first_manager(found, by=request.user, **typed),
        template="alliance/center_first_manager.html",
        then=reverse("alliance:center_first_manager", args=[slug]),
        said=lambda member: f"{member} is invited. Once they have joined, appoint them here.",
        center=found,
        candidates=candidates,
        has_people=any(person.status != Member.Status.INVITED for person in candidates),
    )


@require_POST
@login_required
def center_appoint(request: MemberRequest, slug: str, pk: UUID) -> HttpResponse:
    """Make this person the first manager of a center that has none."""
    found = _center(request, slug)
    member = get_object_or_404(selectors.visible_members(request.user).filter(center=found), pk=pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: grants.appoint_first_manager(found, by=request.user, member=member, reason=reason),
        event="alliance.grant.first_manager_appointed",
        target=found,
        then=reverse("alliance:center", args=[slug]),
        said=f"{member} now manages {found}.",
    )


@require_POST
@login_required
def center_admit(request: MemberRequest, slug: str) -> HttpResponse:
    """Admit an applicant."""
    return _move(request, slug, "alliance.center.admitted", services.admit, "{} is admitted.")


@require_POST
@login_required
def center_reject(request: MemberRequest, slug: str) -> HttpResponse:
    """Reject an application."""
    said = "{}'s application is rejected; its people and its contact are told why."
    return _move(request, slug, "alliance.center.rejected", services.reject, said)


@require_POST
@login_required
def center_apply_again(request: MemberRequest, slug: str) -> HttpResponse:
    """Take up again an application that was rejected."""
    said = "{} is an applicant again."
    return _move(request, slug, "alliance.center.applied_again", services.apply_again, said)


@require_POST
@login_required
def center_suspend(request: MemberRequest, slug: str) -> HttpResponse:
    """Suspend a center and everything its people can do."""
    return _move(
        request, slug, "alliance.center.suspended", services.suspend, "{} is suspended; its people are signed out."
    )


@require_POST
@login_required
def center_reinstate(request: MemberRequest, slug: str) -> HttpResponse:
    """Let a suspended center act again."""
    return _move(request, slug, "alliance.center.reinstated", services.reinstate, "{} can act again.")


@require_POST
@login_required
def center_leave(request: MemberRequest, slug: str) -> HttpResponse:
    """Take one's own center out of the alliance."""
    return _move(request, slug, "alliance.center.left", services.leave, "{} has left the alliance.")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def alliance_roles(request: MemberRequest) -> HttpResponse:
    """Who holds the alliance's own roles, and giving them."""
    alliance = selectors.the_alliance()
    if request.method == "POST":
        demand("alliance.grant.given_by_alliance", by=request.user, target=alliance)
    return form_page(
        request,
        AllianceRoleForm(typed_in(request)),
        lambda typed: grants.give_at_alliance(
            alliance,
            by=request.user,
            member=typed["email"],
            role=typed["role"],
            reason=typed["reason"],
            ends_at=typed["ends_on"],
        ),
        template="alliance/alliance_roles.html",
        then=reverse("alliance:alliance_roles"),
        said=lambda grant: f"{grant.user} is now {grant.role_words.lower()} for the whole alliance.",
        holders=list(selectors.role_holders(alliance)[:200]),
        may_give=may("alliance.grant.given_by_alliance", request.user, alliance),
    )


def _move(request: MemberRequest, slug: str, event: str, ask: Any, said: str) -> HttpResponse:
    found = _center(request, slug)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: ask(found, by=request.user, reason=reason),
        event=event,
        target=found,
        then=reverse("alliance:center", args=[slug]),
        said=said.format(found),
    )


def _center(request: MemberRequest, slug: str) -> Center:
    return get_object_or_404(selectors.visible_centers(request.user), slug=slug)
