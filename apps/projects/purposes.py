"""What a project says of its research, as the data-use terms ask it."""

from datetime import date
from typing import Any

from apps.catalog.duo import Purpose, Research
from apps.core.errors import Invalid

CLAIMS = {
    "is_for_profit": "Does any institution in it work for profit?",
    "is_commercial": "Will the results be used commercially?",
    "is_genetic": "Is it a genetic study?",
    "is_clinical_care": "Will decisions on a patient's care rest on it?",
    "collaborates": "Will you work with the investigators of the data, where they ask for it?",
    "publishes": "Will you publish the results?",
    "returns_results": "Will you return what you derive, where the owner asks for it?",
}
LISTS = ("diseases", "studies", "countries")
MOST = 50


def read_purpose(given: dict[str, Any]) -> dict[str, Any]:
    """What was answered so far, in the one shape in which a project keeps it; raises Invalid where it is no answer."""
    kept: dict[str, Any] = {}
    if given.get("kind"):
        if given["kind"] not in {kind.value for kind in Research}:
            raise Invalid(fields={"kind": "Say what kind of research this is."})
        kept["kind"] = given["kind"]
    for name, question in CLAIMS.items():
        if given.get(name) is None:
            continue
        if not isinstance(given[name], bool):
            raise Invalid(fields={name: f"Answer yes or no: {question}"})
        kept[name] = given[name]
    for name in LISTS:
        values = given.get(name, [])
        fits = isinstance(values, list) and len(values) <= MOST
        if not fits or not all(isinstance(value, str) and len(value) <= 40 for value in values):
            raise Invalid(fields={name: f"Give at most {MOST} {name}."})
        kept[name] = values
    return kept


def missing_answers(said: dict[str, Any]) -> list[str]:
    """What the purpose still lacks before the terms can be checked against it, each in words."""
    if not said:
        return ["the purpose of the research"]
    missing = [] if said.get("kind") else ["the kind of research"]
    missing += [f"an answer to “{question}”" for name, question in CLAIMS.items() if name not in said]
    if said.get("kind") == Research.DISEASE.value and not said.get("diseases"):
        missing.append("the diseases that are studied")
    return missing


def purpose_of_answers(
    said: dict[str, Any],
    *,
    ethics_until: date | None,
    ends_on: date | None,
    starts_on: date | None,
    centers: tuple[str, ...],
    is_approved: bool,
) -> Purpose:
    """What the terms are checked against; `is_approved`: whether this data's owner approved project, team and centers.

    A project without answers promises nothing, so that no term is met by silence.
    """
    kinds = {kind.value: kind for kind in Research}
    answers: dict[str, Any] = {name: bool(said[name]) for name in CLAIMS if name in said}
    answers |= {name: tuple(said.get(name, ())) for name in LISTS}
    return Purpose(
        kind=kinds[said.get("kind", Research.GENERAL.value)],
        **answers,
        ethics_until=ethics_until,
        institutions=centers,
        starts_on=starts_on,
        ends_on=ends_on,
        are_members_approved=is_approved,
        is_project_approved=is_approved,
        are_institutions_approved=is_approved,
    )
