"""Reads of workspaces: every list starts from a visible_… function, so nobody sees what they may not."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import audits_everything
from apps.catalog.selectors import stewarded
from apps.workspaces.models import LIVE, CellCode, Run, RunData, RunEvent, Workspace


def workspaces_of(member: Member) -> QuerySet[Workspace]:
    """One's own, with `is_live`: whether something runs in it."""
    live = Run.objects.filter(workspace=OuterRef("pk"), status__in=LIVE)
    return Workspace.objects.filter(member=member).select_related("project").annotate(is_live=Exists(live))


def visible_runs(member: Member) -> QuerySet[Run]:
    """One's own, those of projects that one leads, on data that one stewards, or that belongs to whom one audits."""
    runs = Run.objects.select_related("workspace__member__center", "workspace__project", "figures")
    if audits_everything(member):
        return runs
    data = data_in_care_of(member)
    own = Q(workspace__member=member) | Q(workspace__project__lead=member)
    return runs.filter(own | Q(pk__in=RunData.objects.filter(data).values("run")))


def data_in_care_of(member: Member) -> Q:
    """Of rows with a version of a dataset: those on data that one stewards, or that belongs to whom one audits."""
    audited = [grant.center_id for grant in member.grants() if grant.role == Role.AUDITOR and grant.center_id]
    return Q(version__dataset__in=stewarded(member)) | Q(version__dataset__center__in=audited)


def runs_of_others(member: Member) -> QuerySet[Run]:
    """Of what one sees, the runs of other people."""
    return visible_runs(member).exclude(workspace__member=member)


def mounts_of(run: Run) -> list[RunData]:
    """The data of a run, by title."""
    return list(run.mounts.select_related("version__dataset__center").order_by("version__dataset__title", "pk"))


def told_of(run: Run) -> QuerySet[RunEvent]:
    """What its host told, the code of cells aside."""
    return RunEvent.objects.filter(run=run).exclude(kind="cell")


def cells_of(run: Run) -> QuerySet[CellCode]:
    return CellCode.objects.filter(run=run)
