"""The page of the record on which a line of the decision rests, for who reads it; none where they may not see it."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from apps.agreements.selectors import visible_versions
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import sees_all
from apps.catalog.models import DatasetVersion
from apps.projects.access import AccessDecision, Line
from apps.projects.models import Project

Records = Mapping[str, str]  # "label:id" and the address of its page
NAMES = {
    "alliance.center": "the center",
    "alliance.vouch": "the center's word",
    "alliance.trainingrecord": "the proof",
    "mfa.authenticator": "the account",
    "projects.project": "the project",
    "projects.teammember": "the team",
    "projects.edition": "the text that was sent",
    "projects.accessrequest": "the request",
    "catalog.datasetversion": "the version",
    "agreements.agreementversion": "the agreement",
    "agreements.termsacceptance": "the terms",
}
SAYS_MORE = {"approval", "purpose", "training"}  # their detail is a sentence, and no name


def named(line: Line) -> str:
    """What to call the record, where the line's detail is no name for it."""
    label = line.rests_on.partition(":")[0]
    return NAMES.get(label, "") if line.key in SAYS_MORE or not line.detail else ""


def records_for(
    reader: Member,
    project: Project,
    told: Sequence[tuple[Member, AccessDecision]],
    versions: Iterable[DatasetVersion],
) -> Records:
    """The records behind these decisions, about each person in a project that the reader sees; one query at most."""
    by_id = {one.pk: one for one in versions}
    lines = [(of, line) for of, decision in told for line in decision.lines if line.rests_on]
    pages = {line.rests_on: _page(line.rests_on, reader, of, project, by_id) for of, line in lines}
    pages |= _agreements(reader, [line for _, line in lines])
    pages |= _terms([decision for of, decision in told if of.pk == reader.pk])
    return {record: page for record, page in pages.items() if page}


def _page(record: str, reader: Member, of: Member, project: Project, versions: Mapping[UUID, DatasetVersion]) -> str:
    label, _, ref = record.partition(":")
    if label in OF_PROJECT:
        name, part = OF_PROJECT[label]
        return reverse(name, args=[project.pk]) + part
    if label == "catalog.datasetversion" and (version := versions.get(UUID(ref))):
        return reverse("catalog:version", args=[version.dataset.slug, version.number])
    return _of_person(label, ref, reader, of)


OF_PROJECT = {
    "projects.project": ("projects:project", ""),
    "projects.teammember": ("projects:project", "#team"),
    "projects.accessrequest": ("projects:project", "#data"),
    "projects.edition": ("projects:editions", ""),
}


def _of_person(label: str, ref: str, reader: Member, of: Member) -> str:
    """What is shown of a person, as visible_centers, visible_members and visible_training say."""
    is_own, is_colleague = reader.pk == of.pk, reader.center_id == of.center_id or sees_all(reader)
    if label == "alliance.center":
        belongs = of.center.status in {Center.Status.ACTIVE, Center.Status.SUSPENDED}
        return reverse("alliance:center", args=[of.center.slug]) if belongs or is_colleague else ""
    if label == "alliance.vouch":
        return reverse("alliance:person", args=[of.pk]) if is_colleague else ""
    if label == "alliance.trainingrecord":
        after = any(reader.holds(role, on=of.center) for role in (Role.CENTER_MANAGER, Role.AUDITOR))
        return reverse("alliance:training_record", args=[ref]) if is_own or after else ""
    return reverse("mfa_index") if label == "mfa.authenticator" and is_own else ""


def _agreements(reader: Member, lines: Iterable[Line]) -> dict[str, str]:
    refs = {line.rests_on.partition(":")[2] for line in lines if line.key == "agreement"}
    if not refs:
        return {}
    seen = visible_versions(reader).filter(pk__in=refs).values_list("pk", "agreement_id", "number")
    return {
        f"agreements.agreementversion:{pk}": f"{reverse('agreements:agreement', args=[agreement])}?version={number}"
        for pk, agreement, number in seen
    }


def _terms(decisions: Iterable[AccessDecision]) -> dict[str, str]:
    """The terms that one accepted, as long as they can be read: under an agreement, of a version that is there."""
    found = {}
    for decision in decisions:
        lines = {line.key: line for line in decision.lines}
        if all(lines[key].met for key in ("version", "agreement", "terms")):
            found[lines["terms"].rests_on] = reverse("agreements:terms_accept", args=[decision.version])
    return found
