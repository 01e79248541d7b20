"""A Slurm cluster, by its own commands: sbatch, squeue, scancel, sinfo, and sacct where it keeps books.

The job's name is the key. What the script leaves in the try's folder, which node and host share, outlives Slurm's own
memory of ended jobs (MinJobAge, 300 seconds by default).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from host.engines.base import (
    PLAIN,
    Capabilities,
    ExternalRef,
    LogChunk,
    Rejected,
    State,
    Status,
    Unavailable,
    Wanted,
    demand_key,
)
from host.engines.printed import chunk_of
from sandbox.ends import End, Usage, Why, of_code
from sandbox.promises import Standing
from sandbox.slurm import Slurm
from sandbox.spec import Limits, SandboxSpec, SpecError

OUTPUT, CODE, ATTENDED, SCRIPT = "output", "code", "attended", "script"
TOLD, SIGNALLED = "told", "signalled"  # by us, to end; by whomever
_NO_LIMITS = Limits()  # Slurm itself says where memory was the reason
_TIMEOUT = 30  # seconds of one command
_COLUMNS = ("JobID", "Name", "State", "Reason", "exit_code", "NodeList")
_FORMAT = ",".join(f"{name}:|" for name in _COLUMNS)
_WAITS = {"PENDING": State.QUEUED, "REQUEUED": State.QUEUED, "SUSPENDED": State.QUEUED,
          "CONFIGURING": State.INITIALIZING, "RUNNING": State.RUNNING, "COMPLETING": State.RUNNING,
          "STAGE_OUT": State.RUNNING, "SIGNALING": State.RUNNING, "STOPPED": State.RUNNING}  # fmt: skip
_LOST = {
    "NODE_FAIL": "Its node failed.",
    "BOOT_FAIL": "Its node did not start.",
    "REVOKED": "It was taken back.",
}
_NEVER = re.compile(
    r"configuration is not available|Invalid (account|partition|qos|generic resource|feature)|more processors|"
    r"Memory (required|specification)|time limit is invalid|violates accounting/QOS policy|too many|Unable to allocate "
    r"resources: Invalid|not permitted|Access/permission denied",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(rb"^slurmstepd-\S*: error: .*exceeded memory limit", re.MULTILINE)
_TAIL = 64 * 1024
_WORDS = {
    "Resources": "It waits until enough of the cluster is free.",
    "Priority": "Others' jobs go before it.",
    "BeginTime": "It rests a while after it was put back into the queue.",
    "ReqNodeNotAvail": "The nodes that it could use are not there now.",
}


class SlurmBackend:
    """`folder` is seen by the nodes under the same path. `variables`: such as SLURM_CONF, and nothing else is given.

    `has_accounting`: the cluster keeps accounts of its own that sacct reads (slurmdbd).
    """

    name = "slurm"
    pause = 2.0

    def __init__(self, slurm: Slurm, folder: Path, variables: dict[str, str], *, has_accounting: bool = False) -> None:
        self.slurm, self.folder, self.variables, self.has_accounting = slurm, folder, variables, has_accounting
        self._lock = threading.Lock()

    def capabilities(self) -> Capabilities:
        """As sinfo says of all its partitions and nodes."""
        lines = self._ask("sinfo", "--noheader", "--Node", "--format=%N|%G|%l").splitlines()
        rows = [line.split("|") for line in lines if line.count("|") == 2]
        found: dict[str, int] = {}
        for resources in {node: resources for node, resources, _ in rows}.values():  # a line for each of its partitions
            for model, number in re.findall(r"gpu:([A-Za-z0-9_.-]+):(\d+)", resources):
                found[model] = found.get(model, 0) + int(number)
        longest = max(filter(None, (_seconds(limit.strip()) for _, _, limit in rows)), default=None)
        return Capabilities(
            isolation="process", gpus=found, longest=longest, has_queue=True, is_preemptible=True, measures_use=False,
            cannot={"time limit": "Slurm counts in whole minutes"},
        )  # fmt: skip

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """As the cluster's staff says that its nodes keep them."""
        return self.slurm.promises(spec)

    def submit(self, spec: SandboxSpec, key: str, wanted: Wanted = PLAIN) -> ExternalRef:
        """Hand the script to sbatch. Where its answer leaves a doubt, what has this name is adopted."""
        place = self.folder / demand_key(key)
        with self._lock:
            if there := self.find(key):
                return there
            try:
                script = self.slurm.script(spec)
            except SpecError as error:
                raise Rejected(str(error)) from error
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            (place / SCRIPT).write_text(script, encoding="utf-8")
            (place / ATTENDED).touch()
            answer = self._run(*_handed_in(key, place, wanted))
            if answer is not None and answer.returncode == 0:
                return ExternalRef(key, answer.stdout.strip().partition(";")[0])
            said = "sbatch did not answer" if answer is None else answer.stderr.strip()[-500:]
            if _NEVER.search(said):
                shutil.rmtree(place, ignore_errors=True)
                raise Rejected(f"The cluster refuses it: {said}")
            if there := self.find(key):
                return there
            raise Unavailable(f"Nobody knows whether the cluster took it: {said}")

    def find(self, key: str) -> ExternalRef | None:
        """The first job of this name that Slurm did not refuse, or one that it has forgotten and we have not.

        A second one came of a submission whose answer was late, or of another host. --dependency=singleton kept it from
        running beside the first, and here it is taken away, so that it never runs after it either.
        """
        rows = [row for row in self._rows([demand_key(key)]) if not _was_refused(row)]
        rows.sort(key=lambda row: int(row["JobID"]))
        for row in rows[1:]:
            if row["State"] == "PENDING":
                self._ask("scancel", row["JobID"])
        if rows:
            return ExternalRef(key, rows[0]["JobID"])
        return ExternalRef(key) if (self.folder / key / CODE).exists() else None

    def poll(self, refs: Sequence[ExternalRef]) -> dict[ExternalRef, Status]:
        """One squeue for all of them; what it knows no more is read from their folders, or from the cluster's books."""
        rows = {(row["Name"], row["JobID"]): row for row in self._rows([ref.key for ref in refs])}
        first = {name: row for (name, _), row in sorted(rows.items(), key=lambda one: int(one[0][1]), reverse=True)}
        return {ref: self._status(ref, rows.get((ref.key, ref.number)) or first.get(ref.key)) for ref in refs}

    def attend(self, ref: ExternalRef) -> None:
        """The script looks at the file's time."""
        if (self.folder / ref.key).is_dir():
            (self.folder / ref.key / ATTENDED).touch()

    def cancel(self, ref: ExternalRef, grace: float) -> None:
        """A signal to the script, which passes it on and ends everything after its grace; 0: at once."""
        number = ref.number or getattr(self.find(ref.key), "number", "")
        if not number:
            return
        words = ["--batch", "--signal=TERM"] if grace > 0 and self._is_running(ref) else []
        if (self.folder / ref.key).is_dir():
            (self.folder / ref.key / TOLD).touch()
        answer = self._run("scancel", *words, number)
        if answer is None or (answer.returncode and "Invalid job id" not in answer.stderr):
            raise Unavailable("scancel did not answer." if answer is None else answer.stderr.strip()[-500:])

    def logs(self, ref: ExternalRef, offset: int, limit: int) -> LogChunk:
        """From the file into which Slurm writes."""
        has_ended = self.poll([ref])[ref].end is not None
        return chunk_of(self.folder / ref.key / OUTPUT, offset, limit, has_ended=has_ended)

    def forget(self, ref: ExternalRef) -> None:
        """Cancel it, and take its folder away."""
        self.cancel(ref, 0)
        shutil.rmtree(self.folder / ref.key, ignore_errors=True)

    def keep_only(self, keys: Collection[str]) -> None:
        """By the folders of the tries."""
        for place in self.folder.iterdir():
            if place.name not in keys:
                self.forget(ExternalRef(place.name))

    # ── how it stands ───────────────────────────────────────────────────────────────────────────────────────────────
    def _is_running(self, ref: ExternalRef) -> bool:
        return self.poll([ref])[ref].state is State.RUNNING

    def _status(self, ref: ExternalRef, row: dict[str, str] | None) -> Status:
        row = row or self._in_books(ref)
        code = self._code(ref)
        if row is None:
            return Status(State.UNKNOWN) if code is None else _ended(self._meant(ref, ""), code)
        said = row["State"].partition(" ")[0].rstrip("+")
        if said in _WAITS:
            return Status(_WAITS[said], _WORDS.get(row["Reason"].partition(",")[0], ""), node=row["NodeList"])
        code = code if code is not None else _exit_code(row["exit_code"])
        if code == 128 + signal.SIGKILL and said == "FAILED" and self._was_too_large(ref):
            said = "OUT_OF_MEMORY"
        status = _ended(self._meant(ref, said), code)
        return Status(status.state, status.words, status.end, node=row["NodeList"])

    def _meant(self, ref: ExternalRef, said: str) -> str:
        """Slurm calls what obeyed a signal failed, or completed: we told it to end, or the end of its time did."""
        if said not in {"", "FAILED", "COMPLETED"}:
            return said
        if (self.folder / ref.key / TOLD).exists():
            return "CANCELLED"
        return "TIMEOUT" if (self.folder / ref.key / SIGNALLED).exists() else said

    def _was_too_large(self, ref: ExternalRef) -> bool:
        """Where Slurm itself, and no control group, ended it for its memory, only its words in the log say so."""
        with contextlib.suppress(OSError), (self.folder / ref.key / OUTPUT).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return _TOO_LARGE.search(file.read(_TAIL)) is not None
        return False

    def _code(self, ref: ExternalRef) -> int | None:
        """The exit code that the script kept."""
        try:
            return int((self.folder / ref.key / CODE).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None

    def _in_books(self, ref: ExternalRef) -> dict[str, str] | None:
        if not self.has_accounting:
            return None
        said = self._ask(
            "sacct", "--noheader", "--parsable2", "--allocations", "--starttime=now-90days", f"--name={ref.key}",
            "--format=JobID,JobName,State,ExitCode,NodeList",
        )  # fmt: skip
        rows = [line.split("|") for line in said.splitlines() if line.count("|") == 4]
        if not rows:
            return None
        number, name, state, code, nodes = rows[-1]
        return {"JobID": number, "Name": name, "State": state, "Reason": "", "exit_code": code, "NodeList": nodes}

    def _rows(self, keys: Sequence[str]) -> list[dict[str, str]]:
        if not keys:
            return []
        said = self._ask("squeue", "--noheader", "--states=all", f"--name={','.join(keys)}", f"--Format={_FORMAT}")
        found = [dict(zip(_COLUMNS, line.split("|"), strict=False)) for line in said.splitlines() if line]
        return [row for row in found if row.get("JobID", "").isdigit() and len(row) == len(_COLUMNS)]

    # ── its commands ────────────────────────────────────────────────────────────────────────────────────────────────
    def _ask(self, *words: str) -> str:
        answer = self._run(*words)
        if answer is None or answer.returncode:
            raise Unavailable(f"{words[0]} did not answer: {answer.stderr.strip()[-500:] if answer else 'too late'}")
        return answer.stdout

    def _run(self, *words: str) -> subprocess.CompletedProcess[str] | None:
        """None where it takes too long or isn't there: then nobody knows what it has done."""
        variables = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": os.devnull, **self.variables}
        program = shutil.which(words[0], path=variables["PATH"])
        if program is None:
            return None
        try:
            return subprocess.run(
                [program, *words[1:]], env=variables, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=_TIMEOUT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None


def _handed_in(key: str, place: Path, wanted: Wanted) -> list[str]:
    """Of one name and account only one runs at a time."""
    return [
        "sbatch", "--parsable", f"--job-name={key}", f"--output={place / OUTPUT}", "--open-mode=append",
        "--dependency=singleton", *_asked(wanted), str(place / SCRIPT), str(place),
    ]  # fmt: skip


def _asked(wanted: Wanted) -> list[str]:
    words = [f"--gres=gpu:{wanted.model + ':' if wanted.model else ''}{wanted.gpus}"] if wanted.gpus else []
    words += [f"--partition={wanted.queue}"] if wanted.queue else []
    return words + ([f"--account={wanted.account}"] if wanted.account else [])


def _was_refused(row: dict[str, str]) -> bool:
    """sbatch leaves a row behind for what it refuses as impossible."""
    return row["State"] == "FAILED" and row["Reason"] == "BadConstraints"


def _ended(said: str, code: int | None) -> Status:
    """The end in our words. `said`: Slurm's state, "" where it has forgotten the job."""
    if words := _LOST.get(said):
        return Status(State.SYSTEM_ERROR, words, End(Why.LOST, None, words))
    if said == "PREEMPTED":
        words = "Something more urgent took its place."
        return Status(State.PREEMPTED, words, End(Why.LOST, code, words))
    if said == "CANCELLED":
        return Status(State.CANCELED, "It was cancelled.", End(Why.STOPPED, code, "It was cancelled."))
    if said == "OUT_OF_MEMORY":
        words = "It needed more memory than it asked for."
        return Status(State.EXECUTOR_ERROR, words, End(Why.MEMORY, code, words))
    if said in {"TIMEOUT", "DEADLINE"}:
        return Status(State.EXECUTOR_ERROR, "Its time was up.", End(Why.TIME, code, "Its time was up."))
    if code is None:
        words = "The cluster says that it ended, and not how."
        return Status(State.SYSTEM_ERROR, words, End(Why.LOST, None, words))
    end = of_code(code, Usage(), _NO_LIMITS)
    return Status(State.COMPLETE if code == 0 else State.EXECUTOR_ERROR, end.words, end)


def _exit_code(said: str) -> int | None:
    """As a shell would say it, from squeue's wait status or sacct's code:signal."""
    code, _, number = said.strip().partition(":")
    if not code.isdigit():
        return None
    if number.isdigit():
        return 128 + int(number) if int(number) else int(code)
    status = int(code)
    return 128 + (status & 127) if status & 127 else status >> 8


def _seconds(said: str) -> float | None:
    """A time limit of Slurm: days-hours:minutes:seconds; None where it has none."""
    days, _, rest = said.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() for part in parts) or (days and not days.isdigit()):
        return None
    seconds = sum(int(part) * 60**place for place, part in enumerate(reversed(parts)))
    return float(seconds + 86_400 * int(days or 0))
