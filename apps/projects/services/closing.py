"""Commands that end a project or give it another lead, and what it uses up meanwhile."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Member
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import AlreadyDelivered, Invalid, WrongState
from apps.core.notices import tell
from apps.core.rationing import WHOLLY, level
from apps.core.reminding import milestone
from apps.projects import policies as may
from apps.projects.closing import to_confirm
from apps.projects.models import AccessRequest, CloseOut, GpuUse, Project
from apps.projects.services.editions import end_open
from apps.projects.services.telling import tell_stewards, tell_team
from apps.projects.states import PROJECT

P, R = Project.Status, AccessRequest.Status


@PROJECT.move("close")
def close(
    project: Project,
    *,
    by: Member,
    reason: str = "",
    confirmed: Collection[str] = (),
    publications: str = "",
    learned: str = "",
) -> None:
    """End the project for good; its data can no longer be reached. What ran is closed by its lead point by point."""
    is_lead = by.pk == project.lead_id
    if learned.strip() or (is_lead and project.status != P.DECIDED):
        _close_out(project, by=by, confirmed=confirmed, publications=publications, learned=learned)
    elif not reason.strip():
        raise Invalid(fields={"reason": "Say why the project ends."})
    end_open(project)
    project.reason = reason
    tell_team(project, f"{project} is closed", f"{by} writes: {reason}" if reason else f"{by} closed it.")


def _close_out(project: Project, *, by: Member, confirmed: Collection[str], publications: str, learned: str) -> None:
    """Keep what was confirmed and learned; a lead confirms every point."""
    points = to_confirm(project)
    kept = [point.key for point in points if point.key in confirmed]
    missing = [point.words for point in points if point.key not in kept]
    if missing and by.pk == project.lead_id:
        raise Invalid(f"Not everything is confirmed. {' '.join(missing)}")
    if not learned.strip():
        raise Invalid(fields={"learned": "Say what was learned; anybody can read it."})
    CloseOut.objects.create(project=project, confirmed=kept, publications=publications, learned=learned, closed_by=by)
    note(confirmed=kept)


@command("projects.project.handed_over", policy=may.may_hand_over, fresh=True)
def hand_over(project: Project, *, by: Member, to: Member, reason: str) -> None:
    """Make somebody else of the team the lead; the stewards of the approved data are told."""
    if project.status in (P.CLOSED, P.WITHDRAWN):
        raise WrongState(f"The project is {project.get_status_display().lower()}. It needs no lead any more.")
    to = Member.objects.select_related("center").get(pk=to.pk)
    if to.pk == project.lead_id:
        raise Invalid(fields={"to": f"{to} leads it already."})
    if not (standing := to.standing()):
        raise Invalid(fields={"to": standing.reason.replace("Your", "Their", 1)})
    is_on_team = project.team.filter(member=to, until=None).exists()
    if not is_on_team or to.center_id != project.center_id:
        raise Invalid(fields={"to": f"Choose somebody of the team who is of {project.center}."})
    note(was=str(project.lead_id), now=str(to.pk))
    before, project.lead = project.lead, to
    project.save(update_fields=["lead"])
    words = f"{project} is led by {to} now, before by {before}"
    tell_team(project, words, f"{by} writes: {reason}")
    approved = project.requests.filter(status=R.APPROVED).select_related("project", "version__dataset__center")
    for request in approved:
        key = f"handed-over:{project.pk}:{timezone.now().isoformat()}"
        text = f"Your approval of {request.version.dataset} goes on. {by} writes: {reason}"
        tell_stewards(request, words, text, key=key)


@command("projects.gpu.used", policy=only_the_system, creates=GpuUse)
def use_gpu(project: Project, *, by: Any, hours: Decimal, of: str) -> GpuUse:
    """Write down GPU-hours that `of` used up; the project's budget shrinks by them, and near its end its lead is told.

    The same `of` is written down once: whoever counts may be asked twice.
    """
    if hours <= 0:
        raise Invalid("Only what was used is written down: more than 0 hours.")
    if GpuUse.objects.filter(project=project, of=of).exists():
        raise AlreadyDelivered("This was written down before.")
    note(hours=str(hours))
    used = GpuUse.objects.create(project=project, hours=hours, of=of)
    _tell_of_hours(project)
    return used


def _tell_of_hours(project: Project) -> None:
    """Near the end of what the project may use, and at it, each once."""
    total = GpuUse.objects.filter(project=project).aggregate(total=Sum("hours"))["total"] or 0
    reached = level(float(total), project.gpu_hours or None)
    if reached:
        what = "Nothing new begins" if reached == WHOLLY else f"At {WHOLLY} % nothing new begins"
        tell(
            project.lead,
            key=f"gpu-hours:{project.pk}:{project.gpu_hours}:{reached}",
            subject=f"{project} has used {reached} % of its GPU hours",
            text=f"{total:,.0f} of {project.gpu_hours:,} hours are used. {what}; what runs goes on. "
            "Ask for more by a change of the project.",
            path=reverse("projects:project", args=[project.pk]),
        )


@command("projects.project.reminded", policy=only_the_system)
def remind(project: Project, *, by: Any) -> None:
    """Tell the lead what of the project ends soon; of each only the latest milestone, and once."""
    ends = [(project.ends_on, f"project:{project.pk}", f"The last day of {project}", "Change it, if you need longer.")]
    renewed = "Renew it, then say so in a change."
    ends.append((project.ethics_until, f"ethics:{project.pk}", f"The ethics approval of {project}", renewed))
    for request in project.requests.filter(status=R.APPROVED).select_related("version__dataset__center"):
        words = f"{request.version.dataset.center}'s approval of {request.version.dataset} for {project}"
        ends.append((request.ends_on, f"approval:{request.pk}", words, "Ask to renew it."))
    note(told=sum(_told_of_end(project, *one) for one in ends))


def _told_of_end(project: Project, on: date | None, key: str, words: str, what_to_do: str) -> bool:
    if on is None or (days := milestone(on)) is None:
        return False
    return tell(
        project.lead,
        key=f"ending:{key}:{on.isoformat()}:{days}",
        subject=f"{words} ends soon",
        text=f"The last day is {on:%-d %B %Y}. {what_to_do}",
        path=reverse("projects:project", args=[project.pk]),
    )
