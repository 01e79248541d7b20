"""Reads of the catalog: every list starts from a visible_… function, so nobody sees what they may not."""

from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from apps.alliance.models import Center, Grant, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.catalog.models import Dataset, DatasetFile, DatasetSteward, DatasetVersion
from apps.catalog.tables import ShownColumn, ShownTable, counts_of, shown
from apps.core.searching import with_words

TABLES = 8  # of one version on a page
V = DatasetVersion.Status
PUBLISHED = DatasetVersion.objects.filter(status=V.PUBLISHED)


# ── what a member may see ───────────────────────────────────────────────────────────────────────────────────────────
def visible_datasets(member: Member) -> QuerySet[Dataset]:
    """What was ever published, for everybody; the rest only for its stewards."""
    was_published = DatasetVersion.objects.filter(dataset=OuterRef("pk")).exclude(status=V.DRAFT)
    datasets = Dataset.objects.select_related("center")
    return datasets.filter(Q(Exists(was_published)) | Q(pk__in=stewarded(member).values("pk")))


def visible_versions(member: Member) -> QuerySet[DatasetVersion]:
    """Published and withdrawn ones for everybody, drafts for the stewards of the owner."""
    versions = DatasetVersion.objects.select_related("dataset__center", "published_by", "withdrawn_by")
    return versions.filter(~Q(status=V.DRAFT) | Q(dataset__in=stewarded(member)))


def visible_files(member: Member) -> QuerySet[DatasetFile]:
    """Names, sizes and hashes; nobody gets bytes by this."""
    return DatasetFile.objects.filter(version__in=visible_versions(member))


def stewarded_centers(member: Member) -> list[UUID]:
    """Ids of the centers whose data this member stewards now."""
    return [grant.center_id for grant in member.grants() if grant.role == Role.DATA_STEWARD and grant.center_id]


def stewarded(member: Member) -> QuerySet[Dataset]:
    """The datasets that this member stewards now: those of their center, or single ones (policies.is_steward)."""
    own = DatasetSteward.objects.filter(member=member.pk, ended_at=None, dataset__center=member.center_id)
    singly = Q() if member.holds_anywhere(Role.AUDITOR) else Q(pk__in=own.values("dataset"))
    return Dataset.objects.filter(Q(center_id__in=stewarded_centers(member)) | singly)


def stewards_anything(member: Member) -> bool:
    """Whether this member is a data steward now, of their center or of any single dataset."""
    return bool(stewarded_centers(member)) or stewarded(member).exists()


def is_steward_of(member: OuterRef, dataset: OuterRef, center: OuterRef) -> Q:
    """The rule of stewards_of as a condition of a larger query: the outer query's member, dataset and owner."""
    grants = Grant.objects.filter(user=member, user__status=Member.Status.ACTIVE)
    own = DatasetSteward.objects.filter(
        dataset=dataset, member=member, ended_at=None, member__center=center, member__status=Member.Status.ACTIVE
    )
    everything = Exists(grants.filter(role=Role.DATA_STEWARD, center=center))
    return Q(everything) | Q(Exists(own)) & ~Q(Exists(grants.filter(role=Role.AUDITOR)))


def stewards_of(dataset: Dataset) -> QuerySet[Member]:
    """The active people who steward this dataset now, for its center or it alone."""
    own = dataset.stewards.filter(ended_at=None).values("member")
    auditors = Grant.objects.filter(role=Role.AUDITOR).values("user")
    singly = Member.objects.filter(pk__in=own, status=Member.Status.ACTIVE, center=dataset.center_id)
    everybody = Q(pk__in=holders_of(Role.DATA_STEWARD, dataset.center)) | Q(pk__in=singly.exclude(pk__in=auditors))
    return Member.objects.filter(everybody)


def own_stewards(dataset: Dataset) -> QuerySet[DatasetSteward]:
    """Who was appointed for this dataset alone and is not dismissed."""
    return dataset.stewards.filter(ended_at=None).select_related("member__center", "granted_by").order_by("since")


def visible_stewards(member: Member) -> QuerySet[DatasetSteward]:
    """The appointments on datasets that one may see."""
    return DatasetSteward.objects.filter(dataset__in=visible_datasets(member)).select_related("dataset__center")


def people_to_appoint(dataset: Dataset) -> QuerySet[Member]:
    """The owner's active people who do not steward the dataset yet."""
    people = Member.objects.filter(center=dataset.center_id, status=Member.Status.ACTIVE)
    return people.exclude(pk__in=stewards_of(dataset)).order_by("name", "pk")


def centers_to_bring_to(member: Member) -> QuerySet[Center]:
    return Center.objects.filter(pk__in=stewarded_centers(member)).order_by("short_name")


# ── the catalog ─────────────────────────────────────────────────────────────────────────────────────────────────────
def catalog(member: Member) -> QuerySet[Dataset]:
    """The datasets that one may see, each with `newest`: a list of its newest published version, or empty."""
    newest = PUBLISHED.order_by("dataset_id", "-number").distinct("dataset_id")
    return visible_datasets(member).prefetch_related(Prefetch("versions", queryset=newest, to_attr="newest"))


def matching(datasets: QuerySet[Dataset], words: str) -> QuerySet[Dataset]:
    """Datasets whose title or description has words that begin like these."""
    return with_words(datasets, words, "title", "description", config="english")


def with_term(datasets: QuerySet[Dataset], code: str) -> QuerySet[Dataset]:
    """Datasets whose newest published version carries this term."""
    carrying = DatasetVersion.objects.filter(terms__contains=[{"code": code}])
    newest_pk = Subquery(newest_published().values("pk")[:1])
    return datasets.annotate(newest_pk=newest_pk).filter(newest_pk__in=carrying.values("pk"))


def newest_published() -> QuerySet[DatasetVersion]:
    """Of a dataset in the query around it: its published versions, the newest first."""
    return PUBLISHED.filter(dataset=OuterRef("pk")).order_by("-number")


def was_published(dataset: Dataset) -> bool:
    """Whether some version of it ever was; from then on some of what is said of it stays."""
    return dataset.versions.exclude(status=V.DRAFT).exists()


def newest_version(dataset: Dataset) -> DatasetVersion | None:
    """The newest published version: the one that is asked for."""
    return PUBLISHED.filter(dataset=dataset).order_by("-number").first()


def files_of(version: DatasetVersion) -> QuerySet[DatasetFile]:
    return version.files.defer("dictionary").order_by("path")


def amount_of(version: DatasetVersion) -> dict[str, Any]:
    """How many files, how many bytes."""
    return version.files.aggregate(files=Count("pk"), bytes=Sum("bytes"))


def shown_tables(version: DatasetVersion, floor: int) -> list[ShownTable]:
    """The first tables of a version by path, as others may see them."""
    tables = version.files.filter(dictionary__isnull=False).order_by("path")[:TABLES]
    return [shown(table.path, table.dictionary, floor) for table in tables if table.dictionary]


def told_of(version: DatasetVersion) -> tuple[Dataset, DatasetVersion, list[DatasetFile]]:
    """What the descriptions for machines are made of; the dataset with the floor that holds for it."""
    dataset = version.dataset
    dataset.smallest_count = floor_of(dataset)
    return dataset, version, list(version.files.order_by("path"))


def safe_counts(dataset: Dataset, column: str) -> dict[str, ShownColumn | None]:
    """By the path of each table of the newest version that has it: what may be shown of that column's counts."""
    newest = newest_version(dataset)
    tables = newest.files.filter(dictionary__isnull=False).order_by("path") if newest else DatasetFile.objects.none()
    having = tables.filter(dictionary__columns__contains=[{"name": column}])[:TABLES]
    return {table.path: counts_of(table.dictionary or {}, column, floor_of(dataset)) for table in having}


def drafts_of(member: Member) -> QuerySet[Any]:
    """Drafts that wait for this steward, the oldest first, each with `has_files`."""
    drafts = DatasetVersion.objects.filter(status=V.DRAFT, dataset__in=stewarded(member))
    filled = drafts.annotate(has_files=Exists(DatasetFile.objects.filter(version=OuterRef("pk"), role="")))
    return filled.select_related("dataset").order_by("created_at")


def floor_of(dataset: Dataset) -> int:
    """The smallest count that may be shown: the dataset's own, and never less than its center's."""
    return max(dataset.smallest_count, dataset.center.smallest_count)
