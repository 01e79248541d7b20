"""Pages that belong to no single room."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.alliance import selectors as alliance
from apps.alliance.policies import may_run_alliance
from apps.alliance.requests import MemberRequest
from apps.alliance.roles import Role
from apps.core import health
from apps.core.listing import Column, listing
from apps.core.notices import mark_read, notices_of
from apps.core.reads import demand_read
from apps.core.views import own_address
from apps.home import selectors
from apps.home.events import PLATFORM_VIEWED
from apps.home.frame import THEMES


@require_safe
@login_required
def home(request: MemberRequest) -> HttpResponse:
    """What waits for me."""
    return render(request, "home/home.html", {"home": selectors.waits_for(request.user)})


@require_safe
@login_required
def search(request: MemberRequest) -> HttpResponse:
    """Find datasets, projects, agreements, people, centers and trainings among what one may see."""
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
def platform(request: MemberRequest) -> HttpResponse:
    """How the parts of the platform are, and what could not be delivered."""
    whole = alliance.the_alliance()
    demand_read(PLATFORM_VIEWED, may_run_alliance(request.user, whole), by=request.user, target=whole)
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
