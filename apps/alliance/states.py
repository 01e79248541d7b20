"""The lives of centers, members, training types and training records, each as one table."""

from apps.alliance import policies as may
from apps.alliance.models import Center, Member, TrainingRecord, TrainingType
from apps.core.actors import only_the_system
from apps.core.machines import Machine, Move

C = Center.Status
CENTER = Machine(
    Center,
    {
        "admit": Move(
            frozenset({C.APPLICANT}), C.ACTIVE, may.may_rule_on_center, "alliance.center.admitted", fresh=True
        ),
        "reject": Move(
            frozenset({C.APPLICANT}), C.REJECTED, may.may_rule_on_center, "alliance.center.rejected", fresh=True
        ),
        "apply_again": Move(
            frozenset({C.REJECTED}), C.APPLICANT, may.may_rule_on_center, "alliance.center.applied_again", fresh=True
        ),
        "suspend": Move(
            frozenset({C.ACTIVE}), C.SUSPENDED, may.may_rule_on_center, "alliance.center.suspended", fresh=True
        ),
        "reinstate": Move(
            frozenset({C.SUSPENDED}), C.ACTIVE, may.may_rule_on_center, "alliance.center.reinstated", fresh=True
        ),
        "leave": Move(
            frozenset({C.ACTIVE, C.SUSPENDED}),
            C.LEFT,
            may.may_leave_alliance,
            "alliance.center.left",
            fresh=True,
            any_standing=True,
        ),
    },
    start=C.APPLICANT,
    waits_for={
        C.APPLICANT: "alliance_manager",
        C.REJECTED: "",
        C.ACTIVE: "",
        C.SUSPENDED: "alliance_manager",
        C.LEFT: "",
    },
)

M = Member.Status
MEMBER = Machine(
    Member,
    {
        "suspend": Move(
            frozenset({M.ACTIVE}), M.SUSPENDED, may.may_manage_member, "alliance.member.suspended", fresh=True
        ),
        "reinstate": Move(
            frozenset({M.SUSPENDED}), M.ACTIVE, may.may_manage_member, "alliance.member.reinstated", fresh=True
        ),
        "leave": Move(
            frozenset({M.INVITED, M.ACTIVE, M.SUSPENDED}),
            M.LEFT,
            may.may_manage_member,
            "alliance.member.left",
            fresh=True,
        ),
    },
    start=M.INVITED,
    waits_for={M.INVITED: "the invited person", M.ACTIVE: "", M.SUSPENDED: "center_manager", M.LEFT: ""},
)

Y = TrainingType.Status
TRAINING_TYPE = Machine(
    TrainingType,
    {"retire": Move(frozenset({Y.PUBLISHED}), Y.RETIRED, may.may_retire_training, "alliance.training_type.retired")},
    start=Y.PUBLISHED,
    waits_for={Y.PUBLISHED: "", Y.RETIRED: ""},
)

R = TrainingRecord.Status
TRAINING_RECORD = Machine(
    TrainingRecord,
    {
        "accept": Move(
            frozenset({R.SUBMITTED}), R.ACCEPTED, may.may_decide_training, "alliance.training.accepted", fresh=True
        ),
        "return": Move(frozenset({R.SUBMITTED}), R.RETURNED, may.may_decide_training, "alliance.training.returned"),
        "resubmit": Move(
            frozenset({R.RETURNED}), R.SUBMITTED, may.may_resubmit_training, "alliance.training.resubmitted"
        ),
        "lapse": Move(frozenset({R.ACCEPTED}), R.LAPSED, only_the_system, "alliance.training.lapsed"),
    },
    start=R.SUBMITTED,
    waits_for={R.SUBMITTED: "center_manager", R.RETURNED: "the member", R.ACCEPTED: "", R.LAPSED: "the member"},
)
