"""The lives of projects and of their requests for data, each as one table.

What follows from the owners' votes nobody does by hand: a request is approved when its owner's quorum is full or
refused by one no, and a project is decided with the last of its requests (services/decisions.py).
"""

from django.db.models import F

from apps.core.machines import Follow, Machine, Move
from apps.projects import policies as may
from apps.projects.models import AccessRequest, Amendment, Project

P = Project.Status


def waits(project: Project) -> bool:
    """Whether an owner's word on the proposal or its change is missing; renewals wait apart from it."""
    waiting = AccessRequest.objects.filter(project=project, status=AccessRequest.Status.WAITING)
    return waiting.exclude(amends__edition=F("edition")).exists()


PROJECT = Machine(
    Project,
    {
        "submit": Move(
            frozenset(Project.WRITABLE),
            P.SUBMITTED,
            may.may_lead,
            "projects.project.submitted",
            then=lambda project: "" if waits(project) else "decide",
        ),
        "return": Move(frozenset({P.SUBMITTED}), P.RETURNED, may.may_return, "projects.project.returned"),
        "withdraw": Move(
            frozenset({*Project.WRITABLE, P.SUBMITTED, P.DECIDED}),
            P.WITHDRAWN,
            may.may_lead,
            "projects.project.withdrawn",
        ),
        "start": Move(frozenset({P.DECIDED}), P.ACTIVE, may.may_lead, "projects.project.started"),
        "suspend": Move(frozenset({P.ACTIVE}), P.SUSPENDED, may.may_oversee, "projects.project.suspended", fresh=True),
        "reinstate": Move(
            frozenset({P.SUSPENDED}), P.ACTIVE, may.may_oversee, "projects.project.reinstated", fresh=True
        ),
        "close": Move(
            frozenset(Project.RUNNING),
            P.CLOSED,
            may.may_close,
            "projects.project.closed",
            fresh=True,
        ),
    },
    start=P.DRAFT,
    waits_for={
        P.DRAFT: "the project's lead",
        P.SUBMITTED: "data_steward",
        P.RETURNED: "the project's lead",
        P.DECIDED: "the project's lead",
        P.ACTIVE: "",
        P.SUSPENDED: "center_manager",
        P.CLOSED: "",
        P.WITHDRAWN: "",
    },
    follows={"decide": Follow(frozenset({P.SUBMITTED}), P.DECIDED, "the last of the owners has decided")},
)

A = Amendment.Status
AMENDMENT = Machine(
    Amendment,
    {
        "submit": Move(
            frozenset(Amendment.WRITABLE),
            A.SUBMITTED,
            may.may_lead_for,
            "projects.amendment.submitted",
            then=lambda amendment: "" if waits(amendment.project) else "decide",
        ),
        "return": Move(frozenset({A.SUBMITTED}), A.RETURNED, may.may_return_amendment, "projects.amendment.returned"),
        "withdraw": Move(
            frozenset(Amendment.OPEN),
            A.WITHDRAWN,
            may.may_lead_for,
            "projects.amendment.withdrawn",
        ),
    },
    start=A.DRAFT,
    waits_for={
        A.DRAFT: "the project's lead",
        A.SUBMITTED: "data_steward",
        A.RETURNED: "the project's lead",
        A.DECIDED: "",
        A.WITHDRAWN: "",
    },
    follows={
        "decide": Follow(frozenset({A.SUBMITTED}), A.DECIDED, "the last of the owners whom it touches has decided"),
        "lapse": Follow(frozenset(Amendment.OPEN), A.WITHDRAWN, "its project has ended"),
    },
)

R = AccessRequest.Status
REQUEST = Machine(
    AccessRequest,
    {
        "drop": Move(frozenset({R.DRAFT}), R.DROPPED, may.may_lead_for, "projects.request.dropped"),
        "revoke": Move(frozenset({R.APPROVED}), R.REVOKED, may.may_decide, "projects.request.revoked", fresh=True),
    },
    start=R.DRAFT,
    waits_for={
        R.DRAFT: "the project's lead",
        R.WAITING: "data_steward",
        R.APPROVED: "",
        R.REFUSED: "",
        R.REVOKED: "",
        R.DROPPED: "",
        R.REPLACED: "",
    },
    follows={
        "wait": Follow(frozenset({R.DRAFT}), R.WAITING, "its project or a change is submitted, or time asked for"),
        "come_back": Follow(frozenset({R.WAITING}), R.DRAFT, "its project or the change is returned"),
        "lapse": Follow(
            frozenset({R.DRAFT, R.WAITING}), R.DROPPED, "its project or change is taken back, or the data revoked"
        ),
        "replace": Follow(frozenset({R.APPROVED}), R.REPLACED, "its owner agreed to a newer edition, or to more time"),
        "revoke_too": Follow(frozenset({R.APPROVED}), R.REVOKED, "another version of the same data is revoked"),
        "approve": Follow(frozenset({R.WAITING}), R.APPROVED, "the owner's quorum is full"),
        "refuse": Follow(frozenset({R.WAITING}), R.REFUSED, "one of the owner's stewards says no"),
    },
)
