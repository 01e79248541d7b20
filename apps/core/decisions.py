"""A yes or a no with the reason that a person will read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """Truthy when allowed. `reason` is a sentence, empty for a plain yes."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


YES = Decision(True)


def no(reason: str) -> Decision:
    """A refusal; the reason says what is missing and, where one can, who can help."""
    return Decision(False, reason)


def allow_if(condition: bool, *, otherwise: str) -> Decision:
    """Yes when the condition holds, else a no with this reason."""
    return YES if condition else no(otherwise)
