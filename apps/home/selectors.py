"""What waits for me: my turn, others' turn, what ends soon. At most a handful of each, oldest first."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from apps.agreements import selectors as agreements
from apps.agreements.timelines import days_words, officials_words
from apps.alliance import selectors as alliance
from apps.alliance.models import Alliance, Center, Member, TrainingRecord
from apps.alliance.roles import Role
from apps.catalog import selectors as catalog
from apps.core.models import Message
from apps.core.reminding import SOON
from apps.core.together import together
from apps.home.asked import MOST, MOST_COUNTED, OF_AGREEMENTS, asked_of
from apps.projects import selectors as projects
from apps.projects.models import Project

Found = dict[str, list[Any]]  # by the names of apps.home.asked


@dataclass(frozen=True)
class Row:
    """One thing that waits. `button` is the one thing to do; `whose` and `usually` say who else and how long."""

    what: str
    url: str
    button: str = ""
    for_whom: str = ""
    since: datetime | None = None
    until: datetime | None = None
    whose: str = ""
    usually: str = ""


@dataclass
class Waiting:
    """The three blocks of home."""

    your_turn: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)
    ending: list[Row] = field(default_factory=list)


def waits_for(member: Member) -> Waiting:
    """Everything that waits for this member or that they wait for."""
    training = alliance.standing_of_training(member)
    roles = {grant.role for grant in member.grants()}
    few = together(member, **asked_of(member, roles))
    found = Waiting(your_turn=_own_training(training), waiting=_sent_training(member, training))
    if Role.CENTER_MANAGER in roles:
        found.your_turn += _managers_turn(few)
    if Role.ALLIANCE_MANAGER in roles:
        found.your_turn += _alliance_turn(few)
        found.waiting += _centers_without_manager(few)
    if Role.AUDITOR in roles:
        found.your_turn += _auditors_turn(member)
    found.your_turn += _stewards_turn(few)
    if roles & OF_AGREEMENTS:
        found.your_turn += _to_sign(member, few["out"]) if Role.SIGNING_OFFICIAL in roles else []
        found.waiting += _others_sign(member, few["out"])
    found.your_turn += _leads_turn(few)
    found.waiting += _owners_decide(few)
    found.your_turn.sort(key=lambda row: row.since or row.until or timezone.now())
    found.waiting += _open_invitations(few) if Role.CENTER_MANAGER in roles else []
    if member.center.status == Center.Status.APPLICANT:
        found.waiting.append(_application(member.center))
    found.ending = _ending(member, training, few)
    return found


def _application(center: Center) -> Row:
    words = f"{center}'s application to the alliance"
    return Row(words, _center_url(center.slug), since=center.status_at, whose="the alliance's managers")


def _own_training(training: list[tuple[Any, TrainingRecord | None, str]]) -> list[Row]:
    words = {"missing": "Take and prove", "lapsed": "Renew", "returned": "Mend your proof of"}
    buttons = {"missing": "Send proof", "lapsed": "Send proof", "returned": "Mend it"}
    rows = []
    for type_, record, standing in training:
        if standing not in words:
            continue
        url, since = reverse("alliance:training_submit", args=[type_.pk]), None
        why = "everybody here needs it" if type_.required_of_all else "your role needs it"
        if record and standing == "returned":
            url, since = reverse("alliance:training_record", args=[record.pk]), record.decided_at
            why = f"returned: {record.reason}"
        elif record:
            since, why = _midnight(record.valid_until), "lapsed"
        rows.append(Row(f"{words[standing]} {type_}", url, buttons[standing], why, since))
    return rows


def _sent_training(member: Member, training: list[tuple[Any, TrainingRecord | None, str]]) -> list[Row]:
    sent = [record for _, record, standing in training if record and standing == "waiting"]
    if not sent:
        return []
    days = alliance.median_training_days(member.center)
    usually = _days(days) if days is not None else ""
    return [
        Row(
            f"Your proof of {record.type}",
            reverse("alliance:training_record", args=[record.pk]),
            since=record.submitted_at,
            whose=f"a center manager of {member.center}",
            usually=usually,
        )
        for record in sent
    ]


def _managers_turn(few: Found) -> list[Row]:
    rows = [
        Row(
            f"Proof of {record.type.name}",
            reverse("alliance:training_record", args=[record.pk]),
            "Look at it",
            record.member.name,
            record.submitted_at,
        )
        for record in few["proofs"]
    ]
    rows += [
        Row(
            "Vouch for another year",
            _person_url(person.pk),
            "Vouch",
            person.name,
            until=_midnight(person.vouched_until),
        )
        for person in few["to_vouch"]
    ]
    rows += [
        Row(
            "Invitation ran out unanswered", _person_url(late.member.pk), "Invite again", late.member.name, late.ends_at
        )
        for late in few["stale"]
    ]
    return rows


def _alliance_turn(few: Found) -> list[Row]:
    what = {
        Center.Status.APPLICANT: "Application to the alliance",
        Center.Status.SUSPENDED: "Suspended by the alliance",
    }
    rows = [
        Row(what[Center.Status(center.status)], _center_url(center.slug), "Decide", center.short_name, center.status_at)
        for center in few["undecided"]
    ]
    rows += [
        Row("Messages could not be delivered", reverse("home:platform"), "Look", "everyone", failed.failed_at)
        for failed in few["failed"]
    ]
    return rows


def _centers_without_manager(few: Found) -> list[Row]:
    return [
        Row(f"{center.short_name} has no center manager", _center_url(center.slug), whose="the alliance's managers")
        for center in few["lonely"]
    ]


def _auditors_turn(member: Member) -> list[Row]:
    refusals = alliance.recent_refusals(member)
    newest = refusals.order_by("-id").first()
    if newest is None:
        return []
    count = refusals.order_by()[:1001].count()
    words = f"{count:,}" if count <= 1000 else "More than 1,000"
    return [
        Row(
            f"{words} refused {'attempt' if count == 1 else 'attempts'} in the last 7 days",
            reverse("home:record") + "?outcome=refused",
            "Look through",
            "the record",
            newest.occurred_at,
        )
    ]


def _stewards_turn(few: Found) -> list[Row]:
    rows = [
        Row(
            f"Draft of version {draft.number}",
            reverse("catalog:version", args=[draft.dataset.slug, draft.number]),
            "Look and publish" if draft.has_files else "Bring in files",
            draft.dataset.title,
            draft.created_at,
        )
        for draft in few["drafts"]
    ]
    if waiting := few["requests"]:
        count = f"more than {MOST_COUNTED}" if len(waiting) > MOST_COUNTED else f"{len(waiting)}"
        words = f"Decide on {count} {'request' if len(waiting) == 1 else 'requests'}"
        since = waiting[0].waits_since
        rows.append(Row(words, reverse("access:requests"), "Look through", "projects that ask for your data", since))
    return rows


def _open_invitations(few: Found) -> list[Row]:
    return [
        Row(
            f"Invitation to {found.member.center.short_name}",
            _person_url(found.member.pk),
            since=found.invited_at,
            whose=found.member.name,
        )
        for found in few["invited"]
    ]


def _leads_turn(few: Found) -> list[Row]:
    """Proposals to finish, to mend, to start."""
    what = {
        Project.Status.DRAFT: ("Proposal to finish", "Go on writing", "projects:write"),
        Project.Status.RETURNED: ("Proposal that came back", "Change it", "projects:write"),
        Project.Status.DECIDED: ("Project that every owner decided on", "Look and start", "projects:project"),
    }
    rows = []
    for project in few["led"]:
        words, button, name = what[Project.Status(project.status)]
        rows.append(Row(words, reverse(name, args=[project.pk]), button, project.title, project.status_at))
    for change in few["changes"]:
        words = "Change that came back" if change.submitted_at else "Change to finish"
        url = reverse("projects:change", args=[change.project_id])
        rows.append(Row(words, url, "Go on writing", change.project.title, change.status_at))
    return rows


def _owners_decide(few: Found) -> list[Row]:
    """Data that the member's projects asked for and whose owner has not decided."""
    waiting = [(one, one.version.dataset) for one in few["owners"]]
    usual = projects.usual_days({data.center_id for _, data in waiting}) if waiting else {}
    return [
        Row(
            f"{data.title} for {one.project.title}",
            reverse("projects:project", args=[one.project_id]),
            since=one.waits_since,
            whose=f"the data stewards of {data.center.short_name}",
            usually=days_words(usual.get(data.center_id)),
        )
        for one, data in waiting
    ]


def _to_sign(member: Member, out: list[Any]) -> list[Row]:
    """What waits for this signing official's signature."""
    return [
        Row(
            f"Sign {_name_of(version)}, {version.agreement.title}",
            reverse("agreements:version_sign", args=[version.pk]),
            "Read and sign",
            f"{version.agreement.providing.short_name} and {version.agreement.receiving.short_name}",
            version.sent_at,
        )
        for version in out
        if member.center_id not in version.signed_by
    ]


def _others_sign(member: Member, out: list[Any]) -> list[Row]:
    """What waits for the other center's signature."""
    waiting = [(one, *_other_center(one.agreement, member)) for one in out]
    waiting = [(one, center, name) for one, center, name in waiting if center not in one.signed_by]
    usual = agreements.usual_signing_days({center for _, center, _ in waiting}) if waiting else {}
    return [
        Row(
            f"{_name_of(version)}, {version.agreement.title}",
            _agreement_url(version.agreement),
            since=version.sent_at,
            whose=officials_words(name),
            usually=days_words(usual.get(center)),
        )
        for version, center, name in waiting
    ]


def _name_of(version: Any) -> str:
    return f"DUA-{version.agreement.number:04d} v{version.number}"


def _agreement_url(agreement: Any) -> str:
    return reverse("agreements:agreement", args=[agreement.id])


def _ending(member: Member, training: list[tuple[Any, TrainingRecord | None, str]], few: Found) -> list[Row]:
    horizon = timezone.now() + SOON
    rows = [
        Row(str(type_), reverse("alliance:training"), until=_midnight(record.valid_until))
        for type_, record, standing in training
        if record and standing == "valid"
    ]
    own = _person_url(member.pk)
    if member.vouched_until:
        rows.append(Row(f"{member.center}'s word for you", own, until=_midnight(member.vouched_until)))
    rows += [
        Row(f"Your role as {grant.role_words.lower()}", own, until=grant.ends_at)
        for grant in member.grants()
        if grant.ends_at
    ]
    rows += [
        Row(
            f"{_name_of(version)} with {_other_center(version.agreement, member)[1]}",
            _agreement_url(version.agreement),
            until=_midnight(version.ends_on),
        )
        for version in few.get("agreed", [])
    ]
    soon = [row for row in rows if row.until and row.until <= horizon]
    return sorted(soon, key=lambda row: row.until or horizon)[:MOST]


def _other_center(agreement: Any, member: Member) -> tuple[UUID, str]:
    """The center on the other side: its id and its name."""
    if agreement.providing_id == member.center_id:
        return agreement.receiving_id, agreement.receiving.short_name
    return agreement.providing_id, agreement.providing.short_name


def _person_url(person: UUID) -> str:
    return reverse("alliance:person", args=[person])


def _center_url(slug: str) -> str:
    return reverse("alliance:center", args=[slug])


def _midnight(day: date | None) -> datetime | None:
    """The end of that day, UTC."""
    return (
        datetime.combine(day, time.max.replace(microsecond=0), tzinfo=timezone.get_current_timezone()) if day else None
    )


def _days(days: float) -> str:
    if days < 1:
        return "less than a day"
    return f"{days:.0f} {'day' if round(days) == 1 else 'days'}"


def found_by(member: Member, words: str) -> dict[str, list[Any]]:
    """Search over what this member may see, at most ten of each kind."""
    if not words.strip():
        return {}
    datasets = catalog.matching(catalog.visible_datasets(member), words).order_by("title")[:10]
    proposed = projects.matching(projects.visible_to(member), words).order_by("-number")[:10]
    agreed = agreements.matching(agreements.visible_to(member), words).order_by("-number")[:10]
    people = alliance.matching(alliance.visible_members(member), words).order_by("name")[:10]
    centers = alliance.visible_centers(member).filter(short_name__icontains=words)[:10]
    training = alliance.visible_training_types(member).filter(name__icontains=words).order_by("name")[:10]
    return {
        "datasets": list(datasets),
        "projects": list(proposed),
        "agreements": list(agreed),
        "people": list(people),
        "centers": list(centers),
        "training": list(training),
    }


def undelivered() -> dict[str, Any]:
    """The outbox in numbers, for whoever runs the platform."""
    waiting = Message.objects.filter(delivered_at=None, failed_at=None)
    failed = Message.objects.filter(failed_at__isnull=False)
    return {
        "waiting": waiting[:1001].count(),
        "oldest": waiting.order_by("next_try_at").values_list("created_at", flat=True).first(),
        "failed": list(failed.order_by("-failed_at")[:20]),
        "alliance": Alliance.objects.filter(pk=1).first(),
    }
