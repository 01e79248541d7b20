"""Machines and commands as Markdown for docs/generated/, from the very tables that the gate uses."""

from collections.abc import Iterable, Sequence

from apps.core.actors import SYSTEM_ACTORS
from apps.core.commands import COMMANDS, Policy
from apps.core.machines import Machine


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; every cell is text without line breaks."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def diagram(machine: Machine) -> str:
    """The machine as a Mermaid state diagram."""
    moves = machine.moves.items()
    arrows = [f"[*] --> {machine.start}"]
    arrows += [f"{state} --> {step.target}: {name}" for name, step in moves for state in _sources(machine, name)]
    for name, follow in machine.follows.items():
        arrows += [f"{state} --> {follow.target}: ({name})" for state in machine.states if state in follow.sources]
    left = [step.sources for step in machine.moves.values()] + [step.sources for step in machine.follows.values()]
    arrows += [f"{state} --> [*]" for state in machine.states if not any(state in sources for sources in left)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {arrow}" for arrow in arrows), "```"])


def moves_table(machine: Machine) -> str:
    """Each move: from where, to where, who, and the event in the record."""
    rows = []
    for name, step in machine.moves.items():
        sources = ", ".join(_sources(machine, name))
        rows.append([name, sources, step.target, who_may(step.event, step.who), _asks(step.fresh), f"`{step.event}`"])
    for name, follow in machine.follows.items():
        sources = ", ".join(state for state in machine.states if state in follow.sources)
        rows.append([f"({name})", sources, follow.target, f"follows: {follow.because}", "", ""])
    return markdown_table(["move", "from", "to", "who", "fresh factor", "event"], rows)


def commands_table() -> str:
    """Every command by its event: what it does, who may, and whether a fresh factor is asked for."""
    rows = [
        [f"`{event}`", found.doc.split("\n")[0], who_may(event, found.policy), _asks(found.fresh)]
        for event, found in sorted(COMMANDS.items())
    ]
    return markdown_table(["event", "what it does", "who", "fresh factor"], rows)


def who_may(event: str, policy: Policy) -> str:
    """The background duty that does it, else the policy's own sentence, or its name where that says it all."""
    duties = [actor.name for actor in SYSTEM_ACTORS.values() if event in actor.may]
    if duties:
        return f"the portal itself: {', '.join(duties)}"
    words = (policy.__doc__ or "").strip().split("\n")[0]
    return words or policy.__name__.replace("_", " ")


def _sources(machine: Machine, name: str) -> list[str]:
    return [state for state in machine.states if state in machine.moves[name].sources]


def _asks(fresh: bool) -> str:
    return "yes" if fresh else ""
