"""The lives of a template's wording and of an agreement's version, each as one table."""

from apps.agreements import policies as may
from apps.agreements.models import AgreementVersion, TemplateVersion
from apps.core.actors import only_the_system
from apps.core.machines import Machine, Move

T = TemplateVersion.Status
TEMPLATE_VERSION = Machine(
    TemplateVersion,
    {
        "publish": Move(
            frozenset({T.DRAFT}), T.PUBLISHED, may.may_keep_wording, "agreements.wording.published", fresh=True
        ),
        "retire": Move(
            frozenset({T.PUBLISHED}), T.RETIRED, may.may_keep_wording, "agreements.wording.retired", fresh=True
        ),
    },
    start=T.DRAFT,
    waits_for={T.DRAFT: "alliance_manager", T.PUBLISHED: "", T.RETIRED: ""},
)

# By the dates a version binds at once; the clock only writes down afterwards what the dates say (in_force_between).
V = AgreementVersion.Status
AGREEMENT_VERSION = Machine(
    AgreementVersion,
    {
        "send": Move(frozenset({V.DRAFT}), V.OUT_FOR_SIGNATURE, may.may_edit, "agreements.version.sent", fresh=True),
        "discard": Move(frozenset({V.DRAFT}), V.DISCARDED, may.may_discard, "agreements.version.discarded"),
        "recall": Move(frozenset({V.OUT_FOR_SIGNATURE}), V.DRAFT, may.may_recall, "agreements.version.recalled"),
        "sign": Move(
            frozenset({V.OUT_FOR_SIGNATURE}), V.OUT_FOR_SIGNATURE, may.may_sign, "agreements.version.signed", fresh=True
        ),
        "begin": Move(frozenset({V.OUT_FOR_SIGNATURE}), V.IN_FORCE, only_the_system, "agreements.version.begun"),
        "supersede": Move(frozenset({V.IN_FORCE}), V.SUPERSEDED, only_the_system, "agreements.version.superseded"),
        "expire": Move(frozenset({V.IN_FORCE}), V.EXPIRED, only_the_system, "agreements.version.expired"),
        "terminate": Move(
            frozenset({V.OUT_FOR_SIGNATURE, V.IN_FORCE}),
            V.TERMINATED,
            may.may_terminate,
            "agreements.version.terminated",
            fresh=True,
        ),
    },
    start=V.DRAFT,
    waits_for={
        V.DRAFT: "center_manager",
        V.OUT_FOR_SIGNATURE: "signing_official",
        V.IN_FORCE: "",
        V.SUPERSEDED: "",
        V.EXPIRED: "",
        V.TERMINATED: "",
        V.DISCARDED: "",
    },
)
