"""dataset.json: what a folder of data says of itself, file by file, read with suspicion."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.catalog.models import Dataset
from apps.catalog.paths import demand_inside, open_inside
from apps.catalog.services.datasets import REGISTER
from apps.catalog.terms import demand_terms
from apps.core.errors import Invalid

NAME = "dataset.json"
LARGEST = 8 * 1024 * 1024  # bytes
SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
SHA256 = re.compile(r"^[0-9a-f]{64}$")
FOR_ALL = "alliance"  # as owner_center: of no center in particular
TOLD_WITH_SOURCE = ("conversion", "privacy", "duo_note", "known_result", "suggested_site_split", "also_holds")


@dataclass(frozen=True)
class Line:
    """One file as the manifest has it."""

    path: str
    bytes: int
    sha256: str
    role: str = ""


@dataclass(frozen=True)
class Manifest:
    """A whole manifest: `about` are fields of the dataset, `facts` fields of its version."""

    slug: str
    owner_center: str
    about: dict[str, Any]
    facts: dict[str, Any]
    lines: list[Line] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(line.bytes for line in self.lines)


def read_folder(folder: Path) -> Manifest:
    """The manifest of a folder. Raises Invalid with what is wrong with it."""
    with open_inside(folder, NAME) as file:
        return parse(file.read(LARGEST + 1))


def parse(text: bytes) -> Manifest:
    """A manifest from its bytes. Raises Invalid with what is wrong with it."""
    told = _told(text)
    slug = _text(told, "id", 80)
    if not SLUG.match(slug):
        raise Invalid(f"{NAME}: id must be of small letters, digits and single hyphens, such as msk-luad-2017.")
    about: dict[str, Any] = {name: _text(told, name, most) for name, most in (("title", 200), ("description", 4000))}
    about |= {"modality": _text(told, "modality", 12), "owner_basis": _text(told, "owner_basis", 500)}
    if about["modality"] not in Dataset.Modality.values:
        raise Invalid(f"{NAME}: modality is one of {', '.join(Dataset.Modality.values)}.")
    about |= {name: _text(told, name, most, needed=False) for name, most in (("contact", 254), *_register())}
    about |= {name: _count(told, name) for name in ("smallest_count", "quorum")}
    return Manifest(
        slug=slug,
        owner_center=_text(told, "owner_center", 50),
        about={name: value for name, value in about.items() if value},
        facts=_facts(told),
        lines=lines_of(told),
    )


def lines_of(told: dict[str, Any]) -> list[Line]:
    """The files that it names: plain relative paths, each once, each with its size and hash."""
    files = told.get("files")
    if not isinstance(files, list) or not files:
        raise Invalid(f"{NAME}: files must be a list with at least one file.")
    lines = [_line(one) for one in files]
    paths = [line.path for line in lines]
    if len(paths) != len(set(paths)):
        raise Invalid(f"{NAME} names a file twice: {next(path for path in paths if paths.count(path) > 1)}.")
    return lines


def files_in(text: bytes) -> dict[str, Line]:
    """Only the files of a manifest, by path: to check what is uploaded one by one."""
    return {line.path: line for line in lines_of(_told(text))}


def _line(one: Any) -> Line:
    if not isinstance(one, dict):
        raise Invalid(f"{NAME}: each of files is an object with path, bytes and sha256.")
    path = demand_inside(_text(one, "path", 500))
    size, sha256 = one.get("bytes"), _text(one, "sha256", 64)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Invalid(f"{NAME}: bytes of {path} must be a whole number.")
    if not SHA256.match(sha256):
        raise Invalid(f"{NAME}: sha256 of {path} must be 64 hexadecimal digits in small letters.")
    return Line(path, size, sha256, _text(one, "role", 200, needed=False))


def _facts(told: dict[str, Any]) -> dict[str, Any]:
    licence = told.get("licence")
    if not isinstance(licence, dict):
        raise Invalid(f"{NAME}: licence must be an object with spdx or name.")
    source = told.get("source", {})
    if not isinstance(source, dict):
        raise Invalid(f"{NAME}: source must be an object.")
    records = told.get("records", {})
    if not isinstance(records, dict) or not all(isinstance(value, int | str) for value in records.values()):
        raise Invalid(f"{NAME}: records must be an object of names and numbers.")
    terms = told.get("terms", told.get("suggested_duo"))
    demand_terms(terms)
    return {
        "licence": _text(licence, "spdx" if licence.get("spdx") else "name", 120),
        "citation": _text(told, "citation", 2000, needed=False),
        "format": _text(told, "format", 500, needed=False),
        "source": source | {"licence": licence} | {name: told[name] for name in TOLD_WITH_SOURCE if name in told},
        "records": records,
        "terms": terms,
    }


def _told(text: bytes) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise Invalid(f"{NAME} is larger than {LARGEST // 1024**2} MB.")
    try:
        told = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{NAME} is not JSON in UTF-8.") from error
    if not isinstance(told, dict):
        raise Invalid(f"{NAME} must be an object.")
    if "\\u0000" in json.dumps(told):
        raise Invalid(f"{NAME} holds characters that can't be kept.")
    return told


def _no_number(name: str) -> Callable[[], None]:
    raise ValueError(name)


def _text(told: dict[str, Any], name: str, most: int, *, needed: bool = True) -> str:
    value = told.get(name, "")
    if not isinstance(value, str) or len(value) > most or (needed and not value.strip()):
        raise Invalid(f"{NAME}: {name} must be text of at most {most:,} characters.")
    return value.strip()


def _count(told: dict[str, Any], name: str) -> int:
    value = told.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1000:
        raise Invalid(f"{NAME}: {name} must be a small whole number.")
    return value


def _register() -> list[tuple[str, int]]:
    return [(name, 500) for name in REGISTER]
