"""The life of a dataset's version, as one table."""

from apps.catalog import policies as may
from apps.catalog.models import DatasetVersion
from apps.core.machines import Machine, Move

V = DatasetVersion.Status
VERSION = Machine(
    DatasetVersion,
    {
        "publish": Move(
            frozenset({V.DRAFT}), V.PUBLISHED, may.may_steward_version, "catalog.version.published", fresh=True
        ),
        "withdraw": Move(
            frozenset({V.PUBLISHED}), V.WITHDRAWN, may.may_steward_version, "catalog.version.withdrawn", fresh=True
        ),
    },
    start=V.DRAFT,
    waits_for={V.DRAFT: "data_steward", V.PUBLISHED: "", V.WITHDRAWN: ""},
)
