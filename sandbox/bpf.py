"""A small assembler of classic BPF, the language of seccomp filters: instructions with labels in, bytes out."""

from __future__ import annotations

import struct
from dataclasses import dataclass

# Codes of linux/bpf_common.h: what we use of them.
LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_GREATER = 0x25  # BPF_JMP | BPF_JGT | BPF_K
JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

_FAR = 255  # a jump's distance is one byte
_MOST = 4096  # BPF_MAXINSNS


@dataclass(frozen=True)
class Step:
    """One instruction; `then` and `otherwise` name the label to jump to, None goes on with the next one."""

    code: int
    value: int
    then: str | None = None
    otherwise: str | None = None


def assemble(program: list[Step | str]) -> bytes:
    """The program as an array of `struct sock_filter`; ValueError for a jump backwards, too far or to nowhere."""
    places: dict[str, int] = {}
    steps: list[Step] = []
    for part in program:
        if isinstance(part, str):
            if part in places:
                raise ValueError(f"The label {part} stands twice.")
            places[part] = len(steps)
        else:
            steps.append(part)
    if len(steps) > _MOST:
        raise ValueError(f"A filter has at most {_MOST} instructions, this one has {len(steps)}.")
    return b"".join(
        struct.pack("=HBBI", step.code, _jump(places, at, step.then), _jump(places, at, step.otherwise), step.value)
        for at, step in enumerate(steps)
    )


def _jump(places: dict[str, int], at: int, target: str | None) -> int:
    if target is None:
        return 0
    if target not in places:
        raise ValueError(f"No label is called {target}.")
    distance = places[target] - at - 1
    if not 0 <= distance <= _FAR:
        raise ValueError(f"The jump to {target} is {distance} instructions long; 0 to {_FAR} are possible.")
    return distance
