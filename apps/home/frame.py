"""What stands on every page around its content: navigation by role, the person, notices, theme, the demo strip."""

from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import role_words

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Link:
    """One line of the rail."""

    label: str
    url: str
    icon: str
    current: bool
    count: int | None = None


@dataclass(frozen=True)
class Person:
    """The one who is signed in, in words."""

    name: str
    role_words: str
    center: str
    initials: str


@dataclass
class Frame:
    """All that base.html needs."""

    demo: bool
    theme: str
    has_workspaces: bool
    nav: list[Link] = field(default_factory=list)
    me: Person | None = None
    notices: int = 0
    search: str = ""


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Context processor: `frame` on every page."""
    theme = request.COOKIES.get("theme", "auto")
    theme = theme if theme in THEMES else "auto"
    found = Frame(demo=settings.DEMO, theme=theme, has_workspaces=settings.HAS_WORKSPACES)
    member = getattr(request, "user", None)
    if isinstance(member, Member):
        found.nav = [_link(request, *row) for row in _rows(member)] if member.standing() else []
        found.me = _person(member)
        found.notices = getattr(member, "unread", 0)
        found.search = request.GET.get("q", "") if request.path == reverse("home:search") else ""
    return {"frame": found}


def _rows(member: Member) -> list[tuple[str, str, str]]:
    """Label, URL name and icon of each room that this member has business in."""
    rows = [
        ("Home", "home:home", "home"),
        ("Projects", "projects:projects", "folders"),
        *(
            [("Workspaces", "workspaces:workspaces", "device-desktop"), ("Jobs", "jobs:jobs", "hourglass")]
            if settings.HAS_WORKSPACES
            else []
        ),
        ("Datasets", "catalog:datasets", "database"),
        ("Agreements", "agreements:agreements", "heart-handshake"),
        ("Training", "alliance:training", "certificate"),
        ("People", "alliance:people", "users"),
        ("Centers", "alliance:centers", "building-hospital"),
    ]
    if member.holds_anywhere(Role.DATA_STEWARD):
        rows.append(("Requests", "access:requests", "inbox"))
    rows.append(("My data", "access:my_data", "database"))
    rows.append(("Calendar", "access:calendar", "calendar-event"))
    if member.holds_anywhere(Role.AUDITOR):
        rows.append(("Record", "home:record", "list-search"))
    if member.holds_anywhere(Role.ALLIANCE_MANAGER):
        rows.append(("Platform", "home:platform", "activity-heartbeat"))
    return [*rows, ("Help", "home:help", "help-circle")]


def _link(request: HttpRequest, label: str, name: str, icon: str) -> Link:
    url = reverse(name)
    current = request.path == url or (url != "/" and request.path.startswith(url))
    return Link(label, url, icon, current)


def _person(member: Member) -> Person:
    words = member.name.split()
    initials = (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper() if words else "?"
    return Person(member.name, role_words(member) or "Researcher", str(member.center), initials)
