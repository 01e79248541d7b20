"""A project's life as the timeline component shows it: what passed, then whose turn it is, then what comes."""

from collections.abc import Collection

from apps.agreements.timelines import days_words
from apps.alliance.models import Member
from apps.alliance.timelines import Step
from apps.core.models import Standing
from apps.projects.models import AccessRequest, Project
from apps.projects.selectors import owners_waited_for, standings_of, story_of, usual_days

P = Project.Status
PASSED = {
    P.DRAFT: "Begun",
    P.SUBMITTED: "Submitted",
    P.RETURNED: "Returned",
    P.DECIDED: "Decided",
    P.ACTIVE: "Started",
    P.SUSPENDED: "Suspended",
    P.CLOSED: "Closed",
    P.WITHDRAWN: "Withdrawn",
}
LED_TO = {
    "proposed": P.DRAFT,
    "submitted": P.SUBMITTED,
    "returned": P.RETURNED,
    "withdrawn": P.WITHDRAWN,
    "started": P.ACTIVE,
    "suspended": P.SUSPENDED,
    "reinstated": P.ACTIVE,
    "closed": P.CLOSED,
}
ENDED = {P.WITHDRAWN, P.CLOSED}


def timeline_of(project: Project, requests: Collection[AccessRequest]) -> list[Step]:
    """What passed, with who and when; the present step; those to come."""
    standings = standings_of(project)
    who = _movers(project, standings)
    passed = []
    for place, one in enumerate(standings):
        goes_on = place and standings[place - 1].status == P.SUSPENDED and one.status == P.ACTIVE
        words = "Goes on" if goes_on else PASSED[P(one.status)]
        passed.append(Step(words, "done", who.get(one.pk, ""), one.since))
    return [*passed, *_ahead(project, requests)]


def _movers(project: Project, standings: list[Standing]) -> dict[int, str]:
    """Who brought the project into each of these standings: by the record, the newest with the newest."""
    left = {status: [one.pk for one in standings if one.status == status] for status in P.values}
    moved = {}
    for event in reversed(story_of(project)):
        status = LED_TO.get(event.event.rsplit(".", 1)[-1], "")
        if event.actor_type == "person" and left.get(status):
            moved[left[status].pop()] = event.actor_ref
    people = {str(one.pk): str(one) for one in Member.objects.filter(pk__in=set(moved.values()))}
    decided = dict.fromkeys(left[P.DECIDED], "each owner")
    return decided | {pk: people.get(actor, "") for pk, actor in moved.items()}


START, END = Step("Start", "todo"), Step("Last day", "todo")


def _ahead(project: Project, requests: Collection[AccessRequest]) -> list[Step]:
    last = Step("Last day", "todo", words=f"{project.ends_on:%-d %b %Y}") if project.ends_on else END
    if project.status in ENDED:
        return []
    if project.status in Project.WRITABLE:
        words = "Sending" if project.status == P.DRAFT else "Sending again"
        return [Step(words, "now", str(project.lead), project.status_at), Step("Decision", "todo"), START, last]
    if project.status == P.SUBMITTED:
        owners = owners_waited_for(requests)
        usual = usual_days([center.pk for center in owners])
        usually = days_words(max(usual.values(), default=None))
        who = ", ".join(f"stewards of {center}" for center in owners)
        return [Step("Decision", "now", who, project.submitted_at, usually), START, last]
    if project.status == P.DECIDED:
        return [Step("Start", "now", str(project.lead), project.status_at), last]
    if project.status == P.SUSPENDED:
        return [Step("Halted", "now", f"a manager of {project.center}", project.status_at), last]
    return [Step("Active", "now", at=project.status_at), last]
