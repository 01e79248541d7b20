"""The filter of system calls, decoded: each refusal asserted on the program itself, for both kinds of processor."""

import errno
import re
import struct
from pathlib import Path

import pytest

from sandbox import bpf, seccomp
from sandbox.calls import LAST_KNOWN, LOOKED_AT, REFUSED

MACHINES = ["x86_64", "aarch64"]
ALLOW, KILL = "allow", "kill"
# What security.md asks for (appendix B), by the kernel's names.
ASKED = set(
    """
    ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd process_madvise kexec_load kexec_file_load
    init_module finit_module delete_module swapon swapoff reboot pivot_root mount umount2 chroot acct open_tree
    move_mount fsopen fsconfig fsmount fspick mount_setattr unshare setns add_key request_key keyctl bpf
    perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register open_by_handle_at name_to_handle_at
    personality vhangup adjtimex clock_adjtime clock_settime settimeofday quotactl nfsservctl lookup_dcookie
    migrate_pages move_pages mbind set_mempolicy get_mempolicy syslog memfd_secret create_module get_kernel_syms
    query_module ioperm iopl uselib ustat sysfs _sysctl
    """.split()  # noqa: SIM905 (a list of the design's, as it stands there)
)
EVERYDAY = {"x86_64": [0, 1, 2, 9, 39, 57, 59, 202, 257, 318], "aarch64": [56, 57, 63, 64, 98, 172, 221, 222, 278]}


def answer(machine, number, *words, architecture=None):
    """What the kernel would do: run the program as the kernel does, on `struct seccomp_data`."""
    code = seccomp.program(machine)
    own = seccomp.ARCHITECTURES[machine][1]
    data = struct.pack("<iIQ6Q", number, architecture or own, 0, *(words + (0,) * 6)[:6])
    steps = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at = value = 0
    while True:
        kind, then, otherwise, constant = steps[at]
        at += 1
        if kind == bpf.LOAD_WORD:
            value = struct.unpack_from("<I", data, constant)[0]
        elif kind == bpf.AND:
            value &= constant
        elif kind == bpf.RETURN:
            return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(constant) or constant & 0xFFFF
        else:
            holds = {
                bpf.JUMP_EQUAL: value == constant,
                bpf.JUMP_GREATER: value > constant,
                bpf.JUMP_AT_LEAST: value >= constant,
                bpf.JUMP_ANY_BIT: bool(value & constant),
            }[kind]
            at += then if holds else otherwise


def numbers(machine, table):
    column = seccomp.ARCHITECTURES[machine][0]
    return {name: both[column] for name, both in table.items() if both[column] is not None}


@pytest.mark.parametrize("machine", MACHINES)
def test_each_call_of_the_list_is_refused(machine):
    answers = {name: answer(machine, number) for name, number in numbers(machine, REFUSED).items()}

    assert set(answers.values()) == {errno.EPERM}


def test_the_list_holds_what_the_design_asks_for():
    assert set(REFUSED) >= ASKED


@pytest.mark.parametrize("machine", MACHINES)
def test_exactly_the_list_is_refused(machine):
    """Every other number that we know of goes through, so that a slip in the table can't hide."""
    looked_at = set(numbers(machine, LOOKED_AT).values())
    refused = {n for n in range(LAST_KNOWN + 1) if n not in looked_at and answer(machine, n) == errno.EPERM}

    assert refused == set(numbers(machine, REFUSED).values())
    assert all(answer(machine, number) == ALLOW for number in EVERYDAY[machine])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("number", [LAST_KNOWN + 1, LAST_KNOWN + 7, 1000, 0x3FFFFFFF])
def test_a_call_newer_than_the_list_does_not_exist(machine, number):
    assert answer(machine, number) == errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_another_way_into_the_kernel_ends_the_program(machine):
    for architecture in (0x40000003, 0xC000003E, 0xC00000B7, 0x40000028):  # i386, x86-64, arm64, arm
        if architecture != seccomp.ARCHITECTURES[machine][1]:
            assert answer(machine, 0, architecture=architecture) == KILL


def test_calls_with_short_pointers_are_refused():
    assert all(answer("x86_64", number) == errno.EPERM for number in (0x40000000, 0x40000027, 0x40000200, -1))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_new_namespace_is_refused_and_a_thread_is_not(machine):
    clone = numbers(machine, LOOKED_AT)["clone"]
    for bit in range(32):
        flag = 1 << bit
        is_namespace = flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
        assert answer(machine, clone, flag | 17) == (errno.EPERM if is_namespace else ALLOW)
    assert answer(machine, clone, 0x3D0F00) == ALLOW  # what pthread_create asks for
    assert answer(machine, numbers(machine, LOOKED_AT)["clone3"]) == errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_only_plain_sockets_are_made(machine):
    number = numbers(machine, LOOKED_AT)["socket"]
    families = {family for family in range(64) if answer(machine, number, family, 1, 0) == ALLOW}
    kinds = {kind for kind in range(16) if answer(machine, number, 2, kind, 0) == ALLOW}
    protocols = {protocol for protocol in range(300) if answer(machine, number, 2, 1, protocol) == ALLOW}

    assert (families, kinds, protocols) == ({1, 2, 10}, {1, 2, 5}, {0, 6, 17})
    assert answer(machine, number, 2, 1 | 0o2004000, 0) == ALLOW  # SOCK_NONBLOCK, SOCK_CLOEXEC
    assert answer(machine, number, 2, 3 | 0o2004000, 0) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_words_are_not_pushed_into_a_terminal(machine):
    number = numbers(machine, LOOKED_AT)["ioctl"]

    assert {request for request in range(0x5400, 0x5500) if answer(machine, number, 1, request) == errno.EPERM} == {
        0x5412, 0x541C, 0x5423,
    }  # fmt: skip
    assert answer(machine, number, 1, 0x1_0000_5412) == errno.EPERM


def test_another_processor_has_no_filter_and_is_told():
    with pytest.raises(seccomp.UnknownMachine, match="riscv64"):
        seccomp.program("riscv64")


def test_the_numbers_are_those_of_this_systems_headers():
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    known = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", header.read_text())) if header.exists() else {}
    ours = numbers("x86_64", REFUSED | LOOKED_AT)

    assert {name: ours[name] for name in ours if name in known and int(known[name]) != ours[name]} == {}
    assert len(set(ours.values())) == len(ours)


def test_the_profile_for_nodes_holds_the_same_list():
    rules = seccomp.profile()["syscalls"]
    plain = {name for rule in rules if "args" not in rule and rule["errnoRet"] == errno.EPERM for name in rule["names"]}
    flags = {rule["args"][0]["value"] for rule in rules if rule["names"] == ["clone"]}

    assert plain == set(REFUSED)
    assert sum(flags) == seccomp.NEW_NAMESPACES


# ── the assembler ───────────────────────────────────────────────────────────────────────────────────────────────────
STEP = bpf.Step(bpf.JUMP_EQUAL, 1, then="end")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ([STEP], "No label"),
        (["end", STEP], "-1 instructions"),
        ([STEP, *[bpf.Step(bpf.RETURN, 0)] * 256, "end"], "256 instructions"),
        (["end", "end"], "twice"),
        ([bpf.Step(bpf.RETURN, 0)] * 4097, "at most 4096"),
    ],
)
def test_a_program_that_cannot_be_is_refused(program, words):
    with pytest.raises(ValueError, match=words):
        bpf.assemble(program)


def test_an_instruction_is_eight_bytes():
    assert bpf.assemble([STEP, "end", bpf.Step(bpf.RETURN, 5)]) == bytes.fromhex("15000000010000000600000005000000")
