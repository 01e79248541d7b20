"""What a host says of a run: read, checked, bounded and cleaned before anything of it is kept."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeGuard

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.core.errors import Invalid
from apps.workspaces.models import KINDS

MOST_EVENTS = 500  # in one request
MOST_DETAILS = 64 * 1024  # characters of JSON, the code of a cell aside
MOST_CODE = 110_000  # characters: 100 kB and the mark where it was cut
SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Told:
    """One event of a run; `details` without what every event has."""

    seq: int
    at: datetime
    kind: str
    details: dict[str, Any]


def events_of(body: Any) -> list[Told]:
    """The events in their order. Raises Invalid where one can't be read, or they do not rise one by one."""
    given = body.get("events") if isinstance(body, dict) else None
    if not isinstance(given, list) or len(given) > MOST_EVENTS:
        raise Invalid(f"“events” must be a list of at most {MOST_EVENTS}.")
    told = [_event(one) for one in given]
    if any(later.seq != one.seq + 1 for one, later in pairwise(told)):
        raise Invalid("The numbers of the events must rise one by one.")
    return told


def _event(given: Any) -> Told:
    if not isinstance(given, dict):
        raise Invalid("Each event must be an object of JSON.")
    seq, kind, at = given.get("seq"), given.get("kind"), moment(given.get("at"))
    if not whole(seq, least=1, most=2**31 - 1) or kind not in KINDS or at is None:
        raise Invalid(f"An event needs seq, at and a kind of {', '.join(KINDS)}.")
    details = {str(key): cleaned(value) for key, value in given.items() if key not in {"seq", "at", "kind"}}
    code = details.get("code", "") if kind == "cell" else ""
    if len(json.dumps({**details, "code": ""} if kind == "cell" else details)) > MOST_DETAILS:
        raise Invalid("An event says too much.")
    if kind == "cell":
        _demand_cell(details, code)
    return Told(seq, at, str(kind), details)


def _demand_cell(details: dict[str, Any], code: Any) -> None:
    is_text = isinstance(code, str) and len(code) <= MOST_CODE and isinstance(details.get("kernel"), str)
    if not is_text or not SHA256.match(str(details.get("sha256", ""))):
        raise Invalid(f"A cell needs kernel, sha256 and code of at most {MOST_CODE} characters.")


def moment(given: Any) -> datetime | None:
    """A moment with its zone, or None."""
    try:
        found = parse_datetime(given) if isinstance(given, str) else None
    except ValueError:
        return None
    return found if found and timezone.is_aware(found) else None


def whole(given: Any, *, least: int = 0, most: int = 2**62) -> TypeGuard[int]:
    """Whether it is a whole number within these bounds."""
    return isinstance(given, int) and not isinstance(given, bool) and least <= given <= most


def cleaned(given: Any) -> Any:
    """The same without what PostgreSQL can't keep as text: zero bytes and halves of characters."""
    if isinstance(given, str):
        return given.replace("\0", "�").encode("utf-8", "replace").decode()
    if isinstance(given, list):
        return [cleaned(one) for one in given]
    if isinstance(given, dict):
        return {cleaned(str(key)): cleaned(value) for key, value in given.items()}
    return given
