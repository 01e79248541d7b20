"""Reads of jobs: every list starts from visible_to, so nobody sees what they may not."""

from datetime import timedelta
from statistics import median

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import audits_everything, sees_all, visible_centers
from apps.jobs.models import Attempt, Job, JobData, LogPiece, Result, Usage
from apps.jobs.rooms import open_hosts
from apps.projects.models import Project, TeamMember
from apps.workspaces.selectors import data_in_care_of

RECENT = timedelta(days=7)
LAST = 50  # starts, from which the usual wait is told
TAIL = 64 * 1024  # bytes


def visible_to(member: Member) -> QuerySet[Job]:
    """Of one's projects, on data that one stewards, or on data of whom one audits."""
    jobs = Job.objects.select_related("project", "member__center")
    if audits_everything(member):
        return jobs
    on_team = TeamMember.objects.filter(member=member, until=None).values("project")
    own = Q(member=member) | Q(project__lead=member) | Q(project__in=on_team)
    return jobs.filter(own | Q(pk__in=JobData.objects.filter(data_in_care_of(member)).values("job")))


def attempts_of(job: Job) -> list[Attempt]:
    """Newest first, with their figures."""
    return list(job.attempts.select_related("host", "figures").order_by("-fence"))


def data_of(job: Job) -> list[JobData]:
    """The versions that it works on, by title."""
    return list(job.data.select_related("version__dataset__center").order_by("version__dataset__title", "pk"))


def results_of(job: Job) -> QuerySet[Result]:
    """The files that it left, where it ended well."""
    return Result.objects.filter(attempt__job=job)


def log_from(attempt: Attempt, offset: int, most: int) -> bytes:
    """What an attempt printed, from this byte on, at most so many."""
    found = b""
    first = LogPiece.objects.filter(attempt=attempt, offset__lte=offset).order_by("-offset").first()
    if first is not None:
        found = bytes(first.content)[offset - first.offset :]
    for piece in LogPiece.objects.filter(attempt=attempt, offset__gt=offset).order_by("offset").iterator(chunk_size=16):
        if len(found) >= most:
            break
        found += bytes(piece.content)
    return found[:most]


def ahead_of(job: Job) -> int:
    """How many jobs wait that were handed in before it, of all projects: a bound on its place, since shares decide."""
    return Job.objects.filter(status=Job.Status.QUEUED, queued_at__lt=job.queued_at).count()


def usual_wait() -> timedelta | None:
    """The median time from handing in to the first start, of the last starts; None where there were none of late."""
    first = Attempt.objects.filter(fence=1, started_at__gt=timezone.now() - RECENT).order_by("-started_at")
    rows = first.values_list("started_at", "job__submitted_at")[:LAST]
    waits = [(started - handed_in).total_seconds() for started, handed_in in rows]
    return timedelta(seconds=median(waits)) if waits else None


def largest_host() -> tuple[int, int]:
    """The most processors, and memory (bytes), that one job can have; (0, 0) where there is no host."""
    return max(((room.cpus, room.cpus * room.host.slot_memory) for room in open_hosts()), default=(0, 0))


def used_by(project: Project) -> dict[str, float]:
    """Hours that were charged to a project, by resource."""
    rows = Usage.objects.filter(project=project, is_charged=True).values("resource").annotate(total=Sum("seconds"))
    return {row["resource"]: row["total"] / 3600 for row in rows}


# ── what computing costs ────────────────────────────────────────────────────────────────────────────────────────────
def usage_visible_to(member: Member) -> QuerySet[Usage]:
    """One's own, of the projects that one leads, of the center that one manages or audits; the alliance's roles all."""
    return Usage.objects.all() if sees_all(member) else Usage.objects.filter(_whose(member, ""))


def running_visible_to(member: Member) -> QuerySet[Attempt]:
    """The attempts that run now whose use one may see."""
    live = Attempt.objects.filter(ended_at=None)
    return live if sees_all(member) else live.filter(_whose(member, "job__"))


def centers_told(member: Member) -> QuerySet[Center]:
    """The centers of which one sees how much of their budgets is used: one's own; the alliance's roles all."""
    centers = visible_centers(member).filter(status__in=[Center.Status.ACTIVE, Center.Status.SUSPENDED])
    return centers if sees_all(member) else centers.filter(pk=member.center_id)


def _whose(member: Member, job: str) -> Q:
    looked_after = [grant.center_id for grant in member.grants() if grant.role in {Role.CENTER_MANAGER, Role.AUDITOR}]
    return (
        Q(**{f"{job}member": member})
        | Q(**{f"{job}project__lead": member})
        | Q(**{f"{job}project__center__in": looked_after})
    )
