"""What a project says of its research, as the data-use terms ask it."""

from datetime import date
from typing import Any

from apps.catalog.duo import Purpose, Research
from apps.core.errors import Invalid

CLAIMS = (
    "is_for_profit",
    "is_commercial",
    "is_genetic",
    "is_clinical_care",
    "collaborates",
    "publishes",
    "returns_results",
)
LISTS = ("diseases", "studies", "countries")
MOST = 50


def read_purpose(given: dict[str, Any]) -> dict[str, Any]:
    """The answers in the one shape in which a project keeps them; raises Invalid where one is missing or no answer."""
    kinds = {kind.value for kind in Research}
    if given.get("kind") not in kinds:
        raise Invalid(fields={"purpose": "Say what kind of research this is."})
    kept: dict[str, Any] = {"kind": given["kind"]}
    for name in CLAIMS:
        if not isinstance(given.get(name), bool):
            raise Invalid(fields={"purpose": f"Answer yes or no: {name.removeprefix('is_').replace('_', ' ')}."})
        kept[name] = given[name]
    for name in LISTS:
        values = given.get(name, [])
        fits = isinstance(values, list) and len(values) <= MOST
        if not fits or not all(isinstance(value, str) and len(value) <= 40 for value in values):
            raise Invalid(fields={"purpose": f"Give at most {MOST} {name}."})
        kept[name] = values
    if kept["kind"] == Research.DISEASE.value and not kept["diseases"]:
        raise Invalid(fields={"purpose": "Name the diseases that are studied."})
    return kept


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
