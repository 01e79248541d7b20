"""A project's life as the timeline component shows it: from the record what passed, then whose turn it is."""

from collections.abc import Collection

from apps.agreements.timelines import days_words
from apps.alliance.models import Member
from apps.alliance.timelines import Step
from apps.projects.models import AccessRequest, Project
from apps.projects.selectors import OPEN, owners_waited_for, story_of, usual_days

P = Project.Status
PASSED = {
    "proposed": "Begun",
    "submitted": "Submitted",
    "returned": "Returned",
    "withdrawn": "Withdrawn",
    "started": "Started",
    "suspended": "Suspended",
    "reinstated": "Goes on",
    "closed": "Closed",
    "handed_over": "Handed over",
}
ENDED = {P.WITHDRAWN, P.CLOSED}


def timeline_of(project: Project, requests: Collection[AccessRequest]) -> list[Step]:
    """What passed, with who and when; the present step; those to come."""
    events = story_of(project)
    ids = [event.actor_ref for event in events if event.actor_type == "person"]
    people = {str(member.pk): str(member) for member in Member.objects.filter(pk__in=ids)}
    passed = [
        Step(PASSED[name], "done", people.get(event.actor_ref, ""), event.occurred_at)
        for event in events
        if (name := event.event.rsplit(".", 1)[-1]) in PASSED
    ]
    decided = [one.decided_at for one in requests if one.decided_at and one.amends_id is None]
    if decided and project.status not in {P.SUBMITTED, *OPEN}:
        passed.append(Step("Decided", "done", "by each owner", max(decided)))
    passed.sort(key=lambda step: step.at or project.created_at)
    return [*passed, *_ahead(project, requests)]


START, END = Step("Start", "todo"), Step("Last day", "todo")


def _ahead(project: Project, requests: Collection[AccessRequest]) -> list[Step]:
    last = Step("Last day", "todo", words=f"{project.ends_on:%-d %b %Y}") if project.ends_on else END
    if project.status in ENDED:
        return []
    if project.status in OPEN:
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
