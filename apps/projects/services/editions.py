"""Steps that several commands share: a text is frozen as an edition, owners are asked about it, and it is taken up.

An owner's yes rests on one edition. Whose edition differs from the new one is asked anew; what they said stays until
they say something else.
"""

from collections.abc import Iterable
from datetime import datetime

from apps.alliance.models import Member
from apps.core.errors import Invalid
from apps.core.notices import settle
from apps.projects.models import AccessRequest, Amendment, Edition, Project, Written
from apps.projects.selectors import approvals_in_force
from apps.projects.services.telling import key_of, tell_stewards
from apps.projects.states import AMENDMENT, REQUEST

R = AccessRequest.Status
AGREED = (R.APPROVED, R.REVOKED, R.REPLACED)


def freeze(project: Project, written: Written, *, by: Member, moment: datetime) -> Edition:
    """Keep the text as it is sent now, as the project's next edition; the project itself is saved by the caller."""
    project.round += 1
    project.submitted_at = moment
    return Edition.objects.create(
        project=project, number=project.round, submitted_at=moment, submitted_by=by, **written.text()
    )


def held_approvals(project: Project) -> list[AccessRequest]:
    """The approvals that are in force today, held."""
    return list(approvals_in_force(project).select_for_update(no_key=True, of=("self",)))


def waiting(project: Project) -> list[AccessRequest]:
    """Whose word on the proposal or its change is missing, held; renewals wait apart from it."""
    found = project.requests.select_for_update(no_key=True, of=("self",)).filter(status=R.WAITING)
    found = found.select_related("amends", "project", "version__dataset__center")
    return [one for one in found if not one.is_renewal]


def ask(request: AccessRequest, edition: Edition, *, moment: datetime, subject: str, text: str) -> None:
    """Put this edition before the owner of the data, and tell its stewards."""
    REQUEST.follow("wait", request)
    request.edition, request.waits_since = edition, moment
    request.quorum = request.version.dataset.quorum
    request.save()
    tell_stewards(request, subject, text)


def ask_anew(approved: AccessRequest, edition: Edition, *, moment: datetime, subject: str, text: str) -> AccessRequest:
    """Ask an owner whose approval is in force for another one; until it is given, nothing changes."""
    held = approved.project.requests.select_for_update(no_key=True, of=("self",)).select_related("amends")
    asked = list(held.filter(version=approved.version_id, status__in=[R.DRAFT, R.WAITING]))
    if edition.pk != approved.edition_id:  # nobody asks for more time on the old text: the new one has its own end
        end_waiting([one for one in asked if one.is_renewal])
    if any(one.status in {R.DRAFT, R.WAITING} for one in asked):
        data = approved.version.dataset
        raise Invalid(f"{data.center} is asked about {data} already. Wait for its word, or take that back first.")
    request = AccessRequest(
        project=approved.project, version=approved.version, reason=approved.reason, amends=approved, created_at=moment
    )
    ask(request, edition, moment=moment, subject=subject, text=text)
    return request


def end_waiting(requests: Iterable[AccessRequest], *, keep_new: bool = False) -> None:
    """Nobody is asked about these any more; with `keep_new` data that was asked for first is the lead's turn again."""
    for request in requests:
        settle(Member.objects.filter(notices__key=key_of(request)), key=key_of(request))
        request.taken_by = request.taken_at = None
        if keep_new and request.amends_id is None:
            REQUEST.follow("come_back", request)
            request.edition = request.waits_since = None
        else:
            REQUEST.follow("lapse", request)
        request.save()


def end_open(project: Project) -> None:
    """The project is over: nothing of it is asked for or changed any more."""
    open_requests = project.requests.select_for_update(no_key=True).filter(status__in=[R.DRAFT, R.WAITING])
    end_waiting(open_requests)
    for amendment in project.amendments.select_for_update(no_key=True).filter(status__in=Amendment.OPEN):
        AMENDMENT.follow("lapse", amendment)
        amendment.save()


def take_up(project: Project) -> None:
    """The project reads as the newest edition to which at least one owner agreed; the caller holds it."""
    newest = Edition.objects.filter(project=project, requests__status__in=AGREED).order_by("-number").first()
    if newest is None:
        return
    for name, value in newest.text().items():
        setattr(project, name, value)
