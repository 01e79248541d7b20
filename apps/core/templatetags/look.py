"""What components need beyond Django's own tags: a block shown twice, a form control dressed, a state's tone."""

from collections.abc import Iterable
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField, BoundWidget
from django.template.context import Context
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.safestring import SafeString

register = template.Library()

# One place that decides what a state's word looks like. Everything not listed is neutral.
TONES = {
    "good": "active accepted agreed approved decided done enrolled granted in_force met published ready released "
    "running success succeeded valid verified vouched yes",
    "wait": "applicant cancelling checking coming draft invited new now open out_for_signature pending queued requeued "
    "review starting stopping signed submitted waiting",
    "warn": "due ends_soon expiring late lost missing paused returned suspended unvouched",
    "bad": "broken error failed failure lapsed no refused rejected revoked terminated unmet",
    "off": "cancelled closed discarded dropped ended expired inactive left none over replaced retired stopped "
    "superseded todo withdrawn",
}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states.split()}
ICON_OF_TONE = {
    "good": "circle-check",
    "wait": "clock",
    "warn": "alert-triangle",
    "bad": "circle-x",
    "off": "circle-minus",
    "plain": "point",
}
ICON_OF_STATE = {
    "draft": "pencil",
    "invited": "mail",
    "new": "bell",
    "paused": "player-pause",
    "queued": "hourglass",
    "returned": "arrow-back-up",
    "running": "player-play",
    "suspended": "ban",
    "todo": "circle-dashed",
}


@register.simple_tag(takes_context=True)
def again(context: Context, name: str) -> str:
    """The block of that name once more: the title stands in <title> and in <h1>, and is written once."""
    blocks = context.render_context.get(BLOCK_CONTEXT_KEY)
    block = blocks.get_block(name) if blocks else None
    return block.nodelist.render(context) if block else ""


@register.filter
def control(field: BoundField) -> SafeString:
    """A bound field's control with the class its kind needs; Django adds aria-invalid and aria-describedby."""
    widget = field.field.widget
    css = "form-control"
    if isinstance(widget, forms.CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, forms.Select):
        css = "form-select"
    return field.as_widget(attrs={"class": f"{widget.attrs.get('class', '')} {css}".strip()})


@register.filter
def options(field: BoundField) -> list[BoundWidget]:
    """The single choices of a radio or checkbox field, dressed."""
    for option in field.subwidgets:
        option.data["attrs"]["class"] = "form-check-input"
    return field.subwidgets


@register.filter
def widget_kind(field: BoundField) -> str:
    """tick, choices, hidden or plain: how label and control are laid out."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, (forms.RadioSelect, forms.CheckboxSelectMultiple)):
        return "choices"
    return "tick" if isinstance(widget, forms.CheckboxInput) else "plain"


def _state(value: Any) -> str:
    return str(value).lower().replace(" ", "_").replace("-", "_")


@register.filter
def tone(state: Any) -> str:
    """The tone of a state: good, wait, warn, bad, off or plain."""
    return TONE_OF.get(_state(state), "plain")


@register.filter
def tone_icon(state: Any, said: str = "") -> str:
    """The icon of a state; a tone said aloud decides where the state is not known."""
    return ICON_OF_STATE.get(_state(state)) or ICON_OF_TONE.get(said or tone(state), "point")


def _holds(line: Any, key: str) -> bool:
    return bool(line.get(key) if isinstance(line, dict) else getattr(line, key, None))


@register.filter
def having(lines: Iterable[Any] | None, key: str) -> list[Any]:
    """Those whose attribute holds."""
    return [line for line in lines or () if _holds(line, key)]


@register.filter
def lacking(lines: Iterable[Any] | None, key: str) -> list[Any]:
    """Those whose attribute does not hold."""
    return [line for line in lines or () if not _holds(line, key)]


@register.filter
def initials(name: Any) -> str:
    """At most two letters for the round mark of a person."""
    parts = [part for part in str(name).split() if part[0].isalpha() and not part.endswith(".")]
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper() if parts else "?"
