"""Who may do what with templates, agreements, signatures and terms. Each answers with a reason that a person reads."""

from apps.agreements.models import Agreement, AgreementTemplate, AgreementVersion, Signature, TemplateVersion
from apps.alliance.models import Center, Member
from apps.alliance.policies import may_manage_center, may_run_alliance
from apps.alliance.roles import Role
from apps.catalog.models import DatasetVersion
from apps.core.decisions import Decision, allow_if, no

TERMINATE = "A signing official of either can terminate it."
DRAFTERS = (Role.CENTER_MANAGER, Role.SIGNING_OFFICIAL)


def may_draft_wording(actor: Member, target: AgreementTemplate) -> Decision:
    """Alliance managers keep the templates."""
    return may_run_alliance(actor, target.alliance)


def may_keep_wording(actor: Member, target: TemplateVersion) -> Decision:
    """Alliance managers keep the templates."""
    return may_run_alliance(actor, target.template.alliance)


def may_draft(actor: Member, target: Center) -> Decision:
    """The center that provides the data puts the agreement into words."""
    return allow_if(
        any(actor.holds(role, on=target) for role in DRAFTERS),
        otherwise=f"Only a center manager or a signing official of {target}, which provides the data, can do that.",
    )


def may_amend(actor: Member, target: Agreement) -> Decision:
    return may_draft(actor, target.providing)


def may_edit(actor: Member, target: AgreementVersion) -> Decision:
    return may_draft(actor, target.agreement.providing)


def may_discard(actor: Member, target: AgreementVersion) -> Decision:
    """The managers of the center that drafts it."""
    return may_manage_center(actor, target.agreement.providing)


def may_recall(actor: Member, target: AgreementVersion) -> Decision:
    """Either side asks for other words, until both have signed."""
    if target.signed_at:
        return no(f"Both centers have signed. {TERMINATE}")
    between = (target.agreement.providing, target.agreement.receiving)
    return allow_if(
        any(actor.holds(role, on=center) for role in DRAFTERS for center in between),
        otherwise=f"Only center managers and signing officials of {between[0]} and {between[1]} can do that.",
    )


def may_sign(actor: Member, target: AgreementVersion) -> Decision:
    """A signing official binds their own center and no other."""
    return no("Both centers have signed.") if target.signed_at else _may_bind(actor, target)


def may_terminate(actor: Member, target: AgreementVersion) -> Decision:
    """The signing official of either center ends what both have signed."""
    if target.signed_at is None:
        return no("It binds nobody yet. Call it back instead.")
    return _may_bind(actor, target)


def _may_bind(actor: Member, target: AgreementVersion) -> Decision:
    between = (target.agreement.providing, target.agreement.receiving)
    return allow_if(
        any(actor.center_id == center.pk and actor.holds(Role.SIGNING_OFFICIAL, on=center) for center in between),
        otherwise=f"Only signing officials of {between[0]} and {between[1]} can do that, each for their own center.",
    )


def may_take_receipt(actor: Member, target: Signature) -> Decision:
    """Whoever signed, and the auditors who may read its event anyway."""
    whole = target.center.alliance
    return allow_if(
        actor.pk == target.signer_id
        or actor.holds(Role.AUDITOR, on=target.center)
        or actor.holds(Role.AUDITOR, on=whole),
        otherwise="Only the one who signed and auditors can take it: it says how the signer proved who they are.",
    )


def may_accept_terms(actor: Member, target: DatasetVersion) -> Decision:
    """Everybody accepts for themselves; under which agreement, the command asks."""
    return allow_if(
        target.status == DatasetVersion.Status.PUBLISHED,
        otherwise="This version is not open for use, so there is nothing to accept.",
    )
