"""What differs between two texts of a project, side by side, with the words that differ marked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from apps.alliance.models import Member
from apps.catalog.duo import Research
from apps.catalog.ontology import concepts, diseases
from apps.projects.models import Project, Written
from apps.projects.purposes import CLAIMS
from apps.projects.questions import QUESTIONS

LABELS = {
    "title": "Title",
    "lay_summary": "Summary for the public",
    "public_benefit": "Benefit for the public",
    "methods": "Methods",
    "outputs": "Outputs that shall leave",
    "ethics_reference": "Ethics approval",
    "ethics_until": "Ethics approval valid until",
    "gpu_hours": "GPU hours",
    "ends_on": "Last day",
}
NOTHING = "–"


@dataclass(frozen=True)
class Piece:
    """A run of words, and whether the other text lacks it."""

    words: str
    differs: bool


@dataclass(frozen=True)
class Difference:
    """One part that differs, as it was and as it shall be."""

    label: str
    old: list[Piece]
    new: list[Piece]


@dataclass(frozen=True)
class People:
    """Who joined and who left."""

    added: list[Member]
    removed: list[Member]


def differences(old: Written, new: Written) -> list[Difference]:
    """Each part that differs, and no other."""
    before, after = _told(old), _told(new)
    labels = [*before, *(label for label in after if label not in before)]
    pairs = ((label, before.get(label, NOTHING), after.get(label, NOTHING)) for label in labels)
    return [Difference(label, *_marked(was, is_now)) for label, was, is_now in pairs if was != is_now]


def people_since(project: Project, moment: datetime) -> People:
    """Who joined since then (or came back) and is on the team now, and who was on it then and is not any more."""
    rows = list(project.team.select_related("member__center").order_by("since", "pk"))
    now = {one.member: one for one in rows if one.until is None}
    before = [one.member for one in rows if one.since <= moment and (one.until is None or one.until > moment)]
    added = [member for member, one in now.items() if one.since > moment]
    return People(added, [member for member in dict.fromkeys(before) if member not in now])


def _told(written: Written) -> dict[str, str]:
    """What a text says, in words, by label."""
    told = {label: _words(getattr(written, name)) for name, label in LABELS.items()}
    said = written.purpose
    kinds = {kind.value: kind.words for kind in Research}
    told["Kind of research"] = kinds.get(said.get("kind", ""), NOTHING)
    told["Diseases"] = _listed(diseases()[one].label if one in diseases() else one for one in said.get("diseases", []))
    told["Studies"] = _listed(concepts()[one].label if one in concepts() else one for one in said.get("studies", []))
    told["Countries"] = _listed(said.get("countries", []))
    told |= {words: "Yes" if said[name] else "No" for name, words in CLAIMS.items() if name in said}
    for question in QUESTIONS:
        if answer := written.risks.get(question.key):
            told[question.words] = f"{answer['answer'].capitalize()}. {answer['words']}".strip()
    return told


def _words(value: Any) -> str:
    if hasattr(value, "strftime"):
        return f"{value:%-d %B %Y}"
    return str(value) if value not in ("", None) else NOTHING


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or NOTHING


def _marked(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces; which words differ is found word by word."""
    before, after = re.findall(r"\S+\s*", old), re.findall(r"\S+\s*", new)
    steps = SequenceMatcher(None, before, after).get_opcodes()
    return (
        [Piece("".join(before[a:b]), step != "equal") for step, a, b, _, _ in steps if b > a],
        [Piece("".join(after[a:b]), step != "equal") for step, _, _, a, b in steps if b > a],
    )
