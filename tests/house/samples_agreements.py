"""The agreements of the sample alliance, one in each state that an address needs, between its center and a partner."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.agreements.models import AgreementVersion, Signature, TemplateVersion
from apps.alliance.models import Center, Member
from apps.catalog.models import DatasetVersion
from tests.factories import CenterFactory
from tests.factories_agreements import dataset, drafted, official, sent, signature, wording


@dataclass
class Agreed:
    """`theirs` signs for the partner; `given` is the signature of the sample center's official."""

    draft: AgreementVersion
    out: AgreementVersion
    bound: AgreementVersion
    given: Signature
    words: TemplateVersion
    new_words: TemplateVersion
    data: DatasetVersion
    theirs: Member


def make_agreed(center: Center, ours: Member) -> Agreed:
    """With the sample center as the one that provides the data."""
    partner = CenterFactory(slug="partner", short_name="Partner")
    theirs = official(partner)
    words, data = wording(), dataset(center, slug="agreed-data", title="Agreed data")
    facts = {"providing": center, "receiving": partner, "template_version": words, "scope": [data]}
    bound = sent(**facts, title="In force")
    given = signature(bound, ours)
    bound.signed_at, bound.status = signature(bound, theirs).signed_at, "in_force"
    bound.save()
    return Agreed(
        draft=drafted(**facts, title="A draft"),
        out=sent(**facts, title="Out for signature"),
        bound=bound,
        given=given,
        words=words,
        new_words=wording(published=False),
        data=data.versions.get(),
        theirs=theirs,
    )


ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "agreements:version_edit": lambda world: {"pk": world.agreed.draft.pk},
    "agreements:version_discard": lambda world: {"pk": world.agreed.draft.pk},
    "agreements:version_send": lambda world: {"pk": world.agreed.draft.pk},
    "agreements:version_recall": lambda world: {"pk": world.agreed.out.pk},
    "agreements:version_sign": lambda world: {"pk": world.agreed.out.pk},
    "agreements:version_terminate": lambda world: {"pk": world.agreed.bound.pk},
    "agreements:version_pdf": lambda world: {"pk": world.agreed.bound.pk},
    "agreements:wording_edit": lambda world: {"pk": world.agreed.new_words.pk},
    "agreements:wording_publish": lambda world: {"pk": world.agreed.new_words.pk},
}
BY_BEGINNING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "agreements/<uuid:pk>/": lambda world: {"pk": world.agreed.bound.agreement_id},
    "agreements/new/<uuid:pk>/": lambda world: {"pk": world.agreed.words.pk},
    "agreements/templates/<uuid:pk>/": lambda world: {"pk": world.agreed.words.pk},
    "agreements/signatures/<uuid:pk>/": lambda world: {"pk": world.agreed.given.pk},
    "agreements/terms/<uuid:pk>/": lambda world: {"pk": world.agreed.data.pk},
}
