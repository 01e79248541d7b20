"""The lives of a dataset's version and of a first look at it, each as one table."""

from apps.catalog import policies as may
from apps.catalog.models import DatasetVersion, FirstLook
from apps.core.actors import only_the_system
from apps.core.machines import Follow, Machine, Move

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

L = FirstLook.Status
FIRST_LOOK = Machine(
    FirstLook,
    {
        "keep": Move(frozenset({L.WAITING}), L.MADE, only_the_system, "catalog.look.made"),
        "fail": Move(frozenset({L.WAITING}), L.FAILED, only_the_system, "catalog.look.failed"),
    },
    start=L.WAITING,
    waits_for={L.WAITING: "", L.MADE: "", L.FAILED: "data_steward"},
    follows={"ask_again": Follow(frozenset({L.FAILED}), L.WAITING, "a steward of the owner asks for first looks")},
)
