"""How dates, numbers and sizes read on every page: plain English, the time zone always said."""

from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

register = template.Library()

NOTHING = "–"
UNITS = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("week", 7 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
)
SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


def _read(value: Any) -> datetime | date | None:
    """A datetime in the page's time zone, or a date; text in ISO form is understood too."""
    if isinstance(value, str):
        value = parse_datetime(value) or parse_date(value)
    if isinstance(value, datetime):
        return timezone.localtime(value if timezone.is_aware(value) else timezone.make_aware(value))
    return value if isinstance(value, date) else None


@register.filter
def moment(value: Any) -> str:
    """A point in time with its zone: 4 May 2027, 14:02 UTC."""
    when = _read(value)
    if isinstance(when, datetime):
        return f"{when.day} {when:%b %Y, %H:%M} {when.tzname()}"
    return day(when)


@register.filter
def day(value: Any) -> str:
    """A day: 4 May 2027."""
    when = _read(value)
    return f"{when.day} {when:%b %Y}" if when else NOTHING


@register.filter
def iso(value: Any) -> str:
    """The machine's form, for the datetime attribute of <time>."""
    when = _read(value)
    return when.isoformat() if when else ""


@register.filter
def ago(value: Any) -> str:
    """How far away: 3 days ago, in 2 weeks, yesterday; days are counted whole when no hour is known."""
    when = _read(value)
    if when is None:
        return NOTHING
    if not isinstance(when, datetime):
        apart = (when - timezone.localdate()).days
        if abs(apart) <= 1:
            return {-1: "yesterday", 0: "today", 1: "tomorrow"}[apart]
        return _toward(apart, span(timedelta(days=abs(apart))))
    seconds = (when - timezone.now()).total_seconds()
    if abs(seconds) < 60:
        return "just now" if seconds <= 0 else "in a moment"
    return _toward(seconds, span(timedelta(seconds=abs(seconds))))


def _toward(sign: float, words: str) -> str:
    return f"in {words}" if sign > 0 else f"{words} ago"


@register.filter
def span(value: Any) -> str:
    """A length of time in its largest unit: 3 days, 5 minutes; a past moment is measured until now."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = timedelta(seconds=value)
    if not isinstance(value, timedelta):
        when = _read(value)
        if when is None:
            return NOTHING
        value = timezone.now() - when if isinstance(when, datetime) else timezone.localdate() - when
    seconds = abs(value.total_seconds())
    for unit, length in UNITS:
        # Weeks, months and years start at two, so that 44 days do not read "1 month".
        if seconds >= length * (2 if unit in {"year", "month", "week"} else 1):
            return count(int(seconds // length), f"{unit},{unit}s")
    return "under a minute"


@register.filter
def number(value: Any) -> str:
    """A number with thousands separators: 1,204,331; a decimal keeps what it has, at most two places."""
    if value is None or value == "":
        return NOTHING
    try:
        amount = float(value)
    except (TypeError, ValueError):
        return str(value)
    if amount == int(amount):
        return f"{int(value):,}" if not isinstance(value, str) else f"{int(amount):,}"
    return f"{amount:,.2f}".rstrip("0")


@register.filter
def size(value: Any) -> str:
    """Bytes in the unit a person would say: 3.4 GB."""
    try:
        amount = float(value)
    except (TypeError, ValueError):
        return NOTHING
    step = 0
    while amount >= 999.5 and step < len(SIZES) - 1:
        amount, step = amount / 1000, step + 1
    if step == 0:
        return count(int(amount), "byte,bytes")
    return f"{amount:.0f} {SIZES[step]}" if amount >= 99.95 else f"{amount:.1f} {SIZES[step]}"


@register.filter
def count(value: Any, words: str) -> str:
    """A count with its word, singular and plural given with a comma: {{ 3|count:"member,members" }}."""
    one, many = words.split(",")
    try:
        return f"{int(value):,} {one if int(value) == 1 else many}"
    except (TypeError, ValueError):
        return f"{NOTHING} {many}"


@register.filter
def as_value(value: Any) -> str:
    """A value of an event's details: yes or no, a list as its parts, and a dash for nothing."""
    if value is None or value == "" or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return number(value) if isinstance(value, int) else str(value)


@register.filter
def as_words(state: Any) -> str:
    """A state as words: out_for_signature → Out for signature."""
    words = str(state).replace("_", " ")
    return words[:1].upper() + words[1:]
