"""Pages that belong to no single room."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.alliance import selectors as alliance
from apps.alliance.models import Member
from apps.alliance.policies import may_run_alliance, may_see_record
from apps.alliance.requests import MemberRequest
from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.core import health
from apps.core.listing import Column, listing
from apps.core.notices import mark_read, notices_of
from apps.core.reads import demand_read, record_read
from apps.core.views import own_address
from apps.home import selectors
from apps.home.forms import EventFilters
from apps.home.frame import THEMES
from apps.home.sentences import with_sentences


@require_safe
@login_required
def home(request: MemberRequest) -> HttpResponse:
    """What waits for me."""
    return render(request, "home/home.html", {"home": selectors.waits_for(request.user)})


@require_safe
@login_required
def search(request: MemberRequest) -> HttpResponse:
    """Find people, centers and trainings among what one may see."""
    words = request.GET.get("q", "").replace("\x00", "")[:100]
    return render(request, "home/search.html", {"found": selectors.found_by(request.user, words), "words": words})


@require_safe
@login_required
def notices(request: MemberRequest) -> HttpResponse:
    """Everything the portal told this member, newest first."""
    columns = [Column("Notice"), Column("When", "created_at")]
    page = listing(notices_of(request.user), request.GET, columns=columns, order="-created_at")
    return render(request, "home/notices.html", {"listing": page})


@require_POST
@login_required
def notices_read(request: MemberRequest) -> HttpResponse:
    """Mark all notices as read."""
    mark_read(request.user)
    return redirect("home:notices")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie for a year."""
    chosen = request.POST.get("theme", "auto")
    response = redirect(own_address(request.POST.get("next", "")) or "/")
    if chosen in THEMES:
        secure = request.is_secure()
        response.set_cookie("theme", chosen, max_age=31_536_000, samesite="Lax", secure=secure, httponly=False)
    return response


@require_safe
@login_required
def record(request: MemberRequest) -> HttpResponse:
    """The record, newest first, as far as this auditor sees; the looking is recorded too."""
    demand_read("audit.record.viewed", may_see_record(request.user), by=request.user, target=request.user.center)
    filters = EventFilters(request.GET or None, member=request.user)
    columns = [Column("When", "id"), Column("What happened"), Column("Outcome"), Column("By"), Column("From")]
    page = listing(_filtered(request.user, filters), request.GET, columns=columns, order="-id", filters=filters)
    page.rows = with_sentences(page.rows)
    record_read("audit.record.viewed", by=request.user, target=request.user.center, events=len(page.rows))
    return render(request, "home/record.html", {"listing": page})


def _filtered(member: Member, filters: EventFilters) -> QuerySet[Event]:
    events = alliance.visible_events(member)
    asked: dict[str, Any] = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    if asked.get("outcome"):
        events = events.filter(outcome=asked["outcome"])
    if asked.get("event"):
        events = events.filter(event__startswith=asked["event"])
    if asked.get("center"):
        events = events.filter(center_ref=str(asked["center"].pk))
    if asked.get("since"):
        events = events.filter(occurred_at__gte=asked["since"])
    if asked.get("until"):
        events = events.filter(occurred_at__lte=asked["until"])
    return events


@require_safe
@login_required
def platform(request: MemberRequest) -> HttpResponse:
    """How the parts of the platform are, and what could not be delivered."""
    whole = alliance.the_alliance()
    demand_read("alliance.platform.viewed", may_run_alliance(request.user, whole), by=request.user, target=whole)
    context = {"parts": health.parts(), "outbox": selectors.undelivered(), "now": timezone.now()}
    return render(request, "home/platform.html", context)


@require_safe
@login_required
def help_page(request: MemberRequest) -> HttpResponse:
    """What each role does and whom to ask."""
    managers = alliance.holders_of(Role.CENTER_MANAGER, request.user.center)
    return render(request, "home/help.html", {"roles": list(Role), "managers": list(managers)})


@require_safe
@login_required
def gallery(request: MemberRequest) -> HttpResponse:
    """Every component with its variants, to judge the look at one glance."""
    return render(request, "home/gallery.html", {"now": timezone.now()})
