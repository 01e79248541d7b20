"""Which system calls a sandbox may make: one policy, written as a kernel filter and as Kubernetes' profile."""

from __future__ import annotations

import errno
import platform

from sandbox import bpf
from sandbox.bpf import Step
from sandbox.calls import LAST_KNOWN, LOOKED_AT, REFUSED

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the table, AUDIT_ARCH_*
_X32 = 0x40000000  # x86-64 calls by 32-bit pointers: a second way in, which nobody needs

# Offsets in struct seccomp_data; the low halves of the arguments on little-endian machines.
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENT = (16, 24, 32)

ALLOW = 0x7FFF0000
KILL = 0x80000000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS
# libzmq, through which notebooks reach their kernels, asks for the network's interfaces: it lives on where nobody can
# tell (EOPNOTSUPP) and ends its process at any other word.
ABSENT = 0x00050000 | errno.EOPNOTSUPP
NETLINK = 16

FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
KINDS = (1, 2, 5)  # SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET; not raw
KIND_BITS = 0xF  # without SOCK_NONBLOCK and SOCK_CLOEXEC
PROTOCOLS = (0, 6, 17)  # the default, TCP, UDP; not ICMP, SCTP, MPTCP
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
TERMINAL_TRICKS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD


class UnknownMachine(Exception):
    """There is no filter for this kind of processor."""


def program(machine: str | None = None) -> bytes:
    """The filter for this kind of processor, for `bwrap --seccomp`."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise UnknownMachine(f"There is no filter of system calls for {machine}, only for {', '.join(ARCHITECTURES)}.")
    column, architecture = ARCHITECTURES[machine]
    known = {name: numbers[column] for name, numbers in (REFUSED | LOOKED_AT).items()}
    return bpf.assemble(
        [
            Step(bpf.LOAD_WORD, _ARCHITECTURE),
            Step(bpf.JUMP_EQUAL, architecture, otherwise="kill"),
            Step(bpf.LOAD_WORD, _NUMBER),
            Step(bpf.JUMP_AT_LEAST, _X32, then="refuse"),
            Step(bpf.JUMP_GREATER, LAST_KNOWN, then="unknown"),
            *(Step(bpf.JUMP_EQUAL, known[name] or 0, then=name) for name in LOOKED_AT),
            *(Step(bpf.JUMP_EQUAL, number, then="refuse") for name in REFUSED if (number := known[name]) is not None),
            Step(bpf.RETURN, ALLOW),
            *_closer_looks(),
            "clone3",  # its flags lie in memory that a filter can't read; libc falls back to clone
            "unknown",
            Step(bpf.RETURN, UNKNOWN),
            "refuse",
            Step(bpf.RETURN, REFUSE),
            "absent",
            Step(bpf.RETURN, ABSENT),
            "kill",
            Step(bpf.RETURN, KILL),
        ]
    )


def _closer_looks() -> list[Step | str]:
    return [
        "clone",
        Step(bpf.LOAD_WORD, _ARGUMENT[0]),
        Step(bpf.JUMP_ANY_BIT, NEW_NAMESPACES, then="refuse"),
        Step(bpf.RETURN, ALLOW),
        "socket",
        Step(bpf.LOAD_WORD, _ARGUMENT[0]),
        Step(bpf.JUMP_EQUAL, NETLINK, then="absent"),
        *_one_of(FAMILIES, "family"),
        Step(bpf.LOAD_WORD, _ARGUMENT[1]),
        Step(bpf.AND, KIND_BITS),
        *_one_of(KINDS, "kind"),
        Step(bpf.LOAD_WORD, _ARGUMENT[2]),
        *_one_of(PROTOCOLS, "protocol"),
        Step(bpf.RETURN, ALLOW),
        "ioctl",
        Step(bpf.LOAD_WORD, _ARGUMENT[1]),
        *(Step(bpf.JUMP_EQUAL, request, then="refuse") for request in TERMINAL_TRICKS),
        Step(bpf.RETURN, ALLOW),
    ]


def _one_of(values: tuple[int, ...], what: str) -> list[Step | str]:
    """Go on after this where the word at hand is one of these, else refuse."""
    return [
        *(Step(bpf.JUMP_EQUAL, value, then=f"{what} is well") for value in values[:-1]),
        Step(bpf.JUMP_EQUAL, values[-1], otherwise="refuse"),
        f"{what} is well",
    ]


def profile() -> dict[str, object]:
    """The same policy as an OCI profile, for a node's folder of seccomp profiles (Kubernetes, podman).

    It is coarser in one place: unknown numbers can't be named there, so a later kernel's calls are let through.
    """
    refuse = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    rules: list[dict[str, object]] = [
        {"names": sorted(REFUSED), **refuse},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
        *(
            {"names": ["clone"], **refuse, "args": [_masked(0, bit, bit)]}
            for bit in (1 << place for place in range(32))
            if bit & NEW_NAMESPACES
        ),
        *(
            {"names": ["socket"], **refuse, "args": [{"index": 0, "value": family, "op": "SCMP_CMP_EQ"}]}
            for family in range(46)
            if family not in (*FAMILIES, NETLINK)
        ),
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": errno.EOPNOTSUPP,
            "args": [{"index": 0, "value": NETLINK, "op": "SCMP_CMP_EQ"}],
        },
        {"names": ["socket"], **refuse, "args": [{"index": 0, "value": 45, "op": "SCMP_CMP_GT"}]},
        {"names": ["socket"], **refuse, "args": [_masked(1, KIND_BITS, 3)]},
        *(
            {"names": ["ioctl"], **refuse, "args": [_masked(1, 0xFFFFFFFF, request)]}
            for request in TERMINAL_TRICKS
        ),
    ]  # fmt: skip
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": rules,
    }


def _masked(index: int, mask: int, value: int) -> dict[str, object]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
