"""The cases of the commands on agreements; the sample draft is brought into the state that each needs."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.agreements.models import AgreementVersion, TemplateVersion
from apps.agreements.selectors import terms_for
from apps.agreements.texts import sha256_of
from tests.factories_agreements import reloaded, sent, signature
from tests.house.samples import World

TODAY = timezone.now().date()


def version(world: World) -> AgreementVersion:
    return reloaded(world.agreed.draft)


def send(world: World) -> None:
    sent(version(world))


def sign_by_both(world: World) -> None:
    """What is out, or is sent first, has both signatures."""
    found = version(world)
    found = found if found.status == "out_for_signature" else sent(found)
    for person in (world.members["signing_official"], world.agreed.theirs):
        found.signed_at = signature(found, person).signed_at
    found.save()


def put_in_force(world: World) -> None:
    sign_by_both(world)
    AgreementVersion.objects.filter(pk=world.agreed.draft.pk).update(status="in_force")


def replace(world: World) -> None:
    """Something took its place, so it is over as well."""
    if version(world).status != "in_force":
        put_in_force(world)
    AgreementVersion.objects.filter(pk=world.agreed.draft.pk).update(superseded_at=timezone.now())


def published(world: World) -> dict[str, Any]:
    return {"published_at": timezone.now(), "published_by": world.members["alliance_manager"]}


def out_fields(world: World) -> dict[str, Any]:
    """Of the sample draft as it was sent, besides its state."""
    send(world)
    return {}


def signed_fields(world: World) -> dict[str, Any]:
    sign_by_both(world)
    return {}


def terminated_fields(world: World) -> dict[str, Any]:
    sign_by_both(world)
    return {"terminated_at": timezone.now(), "terminated_by": world.members["signing_official"]}


def _words(world: World) -> dict[str, Any]:
    return {
        "values": {"purpose": "other research"},
        "conditions": "One.\nTwo.",
        "starts_on": TODAY,
        "ends_on": TODAY + timedelta(days=30),
        "datasets": [world.agreed.data.dataset],
    }


def _draft(world: World) -> dict[str, Any]:
    more = {"receiving": world.agreed.theirs.center, "title": "Another", "template_version": world.agreed.words}
    return _words(world) | more


def _new_words(world: World) -> TemplateVersion:
    return TemplateVersion.objects.get(pk=world.agreed.new_words.pk)


def agreement_cases(Case: Any, reason: Any) -> dict[str, Any]:
    """By event; `Case` and the reason come from cases.py, which merges these."""
    text = {"text": "For {{purpose}}."}
    return {
        "agreements.template.drafted": Case(
            lambda world: world.alliance,
            "alliance_manager",
            "center_manager",
            lambda _: {"name": "New", "purpose": "For the test.", **text},
        ),
        "agreements.wording.drafted": Case(
            lambda world: world.agreed.words.template, "alliance_manager", "center_manager", lambda _: text
        ),
        "agreements.wording.edited": Case(_new_words, "alliance_manager", "center_manager", lambda _: text),
        "agreements.wording.published": Case(_new_words, "alliance_manager", "center_manager"),
        "agreements.wording.retired": Case(
            lambda world: world.agreed.words, "alliance_manager", "signing_official", reason
        ),
        "agreements.agreement.drafted": Case(lambda world: world.center, "center_manager", "data_steward", _draft),
        "agreements.version.edited": Case(version, "signing_official", "researcher", _words),
        "agreements.amendment.drafted": Case(
            lambda world: world.agreed.bound.agreement, "center_manager", "other_manager"
        ),
        "agreements.version.sent": Case(version, "center_manager", "alliance_manager"),
        "agreements.version.discarded": Case(version, "center_manager", "signing_official", reason),
        "agreements.version.recalled": Case(version, "center_manager", "data_steward", reason, send),
        "agreements.version.signed": Case(
            version, "signing_official", "center_manager", lambda world: {"text_sha256": version(world).text_id}, send
        ),
        "agreements.version.terminated": Case(version, "signing_official", "center_manager", reason, put_in_force),
        "agreements.version.begun": Case(version, "agreements clock", "signing_official", ready=sign_by_both),
        "agreements.version.superseded": Case(version, "agreements clock", "signing_official", ready=replace),
        "agreements.version.expired": Case(version, "agreements clock", "signing_official", ready=replace),
        "agreements.version.reminded": Case(version, "agreements clock", "center_manager", ready=put_in_force),
        "agreements.terms.accepted": Case(
            lambda world: world.agreed.data, "researcher", "suspended", lambda world: {"text_sha256": _terms(world)}
        ),
    }


def _terms(world: World) -> str:
    found = terms_for(world.members["researcher"], world.agreed.data)
    return sha256_of(found.text)
