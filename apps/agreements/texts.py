"""The exact words of an agreement: blanks filled, parties, dates, data and conditions with them, and their hash.

Markdown is read into blocks of words. Pages and PDF are made from these; HTML in a text stays the letters it is.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from apps.agreements.models import AgreementVersion
from apps.catalog.models import Dataset, DatasetVersion
from apps.catalog.terms import TermWords, in_words

BLANK = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,59})\s*\}\}")
LOOKS_LIKE_BLANK = re.compile(r"\{\{.*?\}\}|\{\{|\}\}", re.DOTALL)
SPECIAL = re.compile(r"([\\*_#{}])")
BEGINS_LIST = re.compile(r"^(\d{0,9})([-+.)])(?=\s|$)")
OURS = ("provider", "recipient", "starts_on", "ends_on", "reference")  # blanks that the portal fills itself
READER = MarkdownIt("zero").enable(["heading", "list", "emphasis", "escape"])


@dataclass(frozen=True)
class Words:
    """A run of words in one style."""

    text: str
    strong: bool = False
    emphasis: bool = False


@dataclass(frozen=True)
class Block:
    """A heading (level 1 to 6), a paragraph, or a line of a list at this depth with its mark."""

    kind: str
    words: tuple[Words, ...]
    level: int = 0
    mark: str = ""
    plain: str = field(default="", compare=False)


def blanks_of(text: str) -> list[str]:
    """The names of a template's blanks that somebody has to fill, in the order of the text."""
    return [name for name in dict.fromkeys(BLANK.findall(text)) if name not in OURS]


def broken_blanks(text: str) -> list[str]:
    """What looks like a blank and is none, such as {{ Two Words }}."""
    return [found for found in LOOKS_LIKE_BLANK.findall(BLANK.sub("", text)) if found]


def preview_of(text: str) -> str:
    """A template's text with the name of each blank in its place."""
    return _filled(text, {})


def unfilled(version: AgreementVersion) -> list[str]:
    """The blanks of a version that nothing stands in yet."""
    return [name for name in blanks_of(version.template_version.text) if not str(version.values.get(name, "")).strip()]


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def escaped(words: str) -> str:
    """One line of somebody's words, so that Markdown reads in them nothing but these words."""
    return BEGINS_LIST.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", " ".join(words.split())))


def text_of(version: AgreementVersion, datasets: Iterable[Dataset], *, edition: int) -> str:
    """All that is signed, as Markdown; for the same version and edition always the same."""
    agreement = version.agreement
    days = {"starts_on": f"{version.starts_on:%-d %B %Y}", "ends_on": f"{version.ends_on:%-d %B %Y}"}
    ours = {
        "provider": agreement.providing.legal_name,
        "recipient": agreement.receiving.legal_name,
        "reference": agreement.reference,
        **days,
    }
    body = _filled(version.template_version.text, {**version.values, **ours})
    parts = [
        f"# {escaped(agreement.title)}",
        f"Agreement {agreement.reference}, version {version.number}, edition {edition}. "
        f"Identifier {version.pk}. In the words of “{escaped(str(version.template_version))}”.",
        f"Between **{escaped(ours['provider'])}**, which provides the data, "
        f"and **{escaped(ours['recipient'])}**, which receives them.",
        body.strip(),
        "## Term",
        f"From {days['starts_on']}, or the last signature if that is later, to the end of {days['ends_on']} (UTC).",
        "## Data in scope",
        _list(f"{escaped(dataset.title)} (identifier {dataset.pk})" for dataset in datasets),
        "## Conditions of use",
        _list(map(escaped, _lines(version.conditions))) or "None beyond the words above and the terms of each dataset.",
    ]
    return _joined(parts)


def terms_of(dataset_version: DatasetVersion, agreement_version: AgreementVersion | None) -> str:
    """What a researcher accepts before using this version: its own terms, and the conditions of the agreement."""
    terms = [_term(term) for term in in_words(dataset_version.terms)] or ["The owner states no further limits."]
    parts = [
        f"# Terms of use of {escaped(str(dataset_version))}",
        f"Identifier {dataset_version.pk}. Licence: {escaped(dataset_version.licence)}.",
        "I use these data only within projects that were approved for them, and never try to find out who a person is.",
        "## Terms of the data",
        _list(map(escaped, terms)),
    ]
    if agreement_version is not None:
        parts += [
            "## Conditions of the agreement",
            f"{agreement_version}, identifier {agreement_version.pk}, until {agreement_version.ends_on:%-d %B %Y}.",
            _list(map(escaped, _lines(agreement_version.conditions))) or "None beyond its own words.",
        ]
    return _joined(parts)


def _term(term: TermWords) -> str:
    """A DUO term in the ontology's words, with what belongs to it."""
    values = f": {term.values}" if term.values else ""
    return f"{term.label}{values} ({term.code}). {term.definition}"


def _filled(text: str, values: Mapping[str, object]) -> str:
    return BLANK.sub(lambda found: escaped(str(values.get(found[1], "")) or f"[{found[1]}]"), text)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part.replace("\r\n", "\n") for part in parts) + "\n"


# ── from Markdown to blocks ─────────────────────────────────────────────────────────────────────────────────────────
def blocks_of(text: str) -> list[Block]:
    """The text as blocks for a page or a PDF."""
    found: list[Block] = []
    lists: list[list[str | int]] = []  # of each list around: its kind, and the number of its next line
    kind, level, mark = "paragraph", 0, ""
    for token in READER.parse(text):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append([token.type, int(token.attrs.get("start", 1))])
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            mark = "•" if lists[-1][0] == "bullet_list_open" else f"{lists[-1][1]}."
            lists[-1][1] = int(lists[-1][1]) + 1
        elif token.type == "heading_open":
            kind, level = "heading", int(token.tag[1])
        elif token.type == "inline":
            shape = "line" if lists and kind == "paragraph" else kind
            words = tuple(_runs(token.children or []))
            plain = "".join(run.text for run in words)
            found.append(Block(shape, words, level if shape == "heading" else len(lists), mark, plain))
            kind, mark = "paragraph", ""
    return found


def _runs(tokens: Iterable[Token]) -> Iterable[Words]:
    strong = emphasis = 0
    for token in tokens:
        if token.type in ("strong_open", "strong_close"):
            strong += token.nesting
        elif token.type in ("em_open", "em_close"):
            emphasis += token.nesting
        else:
            words = " " if token.type in ("softbreak", "hardbreak") else token.content
            if words:
                yield Words(words, strong > 0, emphasis > 0)
