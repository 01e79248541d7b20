"""caia-job, inside a workspace: hand in, look at, read and cancel jobs of this project. Needs nothing but Python.

It speaks through the workspace's own socket; who asks is known by that, so there is nothing to sign in with and nothing
that could be pretended. Everything is decided by the portal: this program is a way of saying it, and no wall.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import http.client
import io
import json
import os
import re
import shlex
import socket
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

SOCKET = os.environ.get("CAIA_JOBS", "/run/jobs/portal.sock")
MOST_FILES, MOST_BYTES, MOST_PACKED = 2_000, 20_000_000, 5_000_000
KINDS = (".py", ".r", ".sh", ".ipynb")
LEFT_OUT = {"__pycache__", "node_modules"}
LIVE = {"queued", "starting", "running", "cancelling"}
TAIL = -1
BROKE_OFF = "It broke off, as when too much is asked at once. Look with caia-job list how things stand, and try again."
ABOUT = """\
caia-job submit train.py -- python train.py --epochs 5
caia-job submit --name forest --cpus 4 --memory 8 --hours 6 my-folder -- python train.py
caia-job list
caia-job show J-0042
caia-job logs J-0042 --follow
caia-job cancel J-0042 --reason "A typo in the labels"
"""


class Sorry(Exception):
    """It can't be done; the message says why and what to do."""


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def ask(what: str, **facts: Any) -> dict[str, Any]:
    """One request and its answer. Sorry with the reason where it is refused."""
    for patience in (0.5, 1.0, 2.0, 4.0, 0.0):
        status, said = _asked(what, facts)
        if status != 429 or not patience:
            break
        time.sleep(patience)
    if status != 200:
        raise Sorry(str(said.get("reason") or f"The portal answered with {status}."))
    return said


def _asked(what: str, facts: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if not os.path.exists(SOCKET):
        raise Sorry("This workspace has no way to jobs. Hand them in on the portal: Jobs, New job.")
    connection = _Connection("localhost", timeout=90)
    try:
        connection.request("POST", f"/{what}", json.dumps(facts).encode(), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read() or b"{}")
    except ConnectionRefusedError:
        return 429, {"reason": "The machine's host begins anew. Try again in a moment."}
    except (ConnectionError, http.client.HTTPException):
        # What was handed in may be there already: only its answer is missing.
        return (503 if what == "submit" else 429), {"reason": BROKE_OFF}
    except (OSError, ValueError) as error:
        raise Sorry(f"The machine's host does not answer: {error}. Try again in a moment.") from error
    finally:
        connection.close()
    return answer.status, said if isinstance(said, dict) else {}


# ── code ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def packed(place: Path) -> tuple[str, bytes]:
    """One file as it is, or a folder as an archive; its name and bytes."""
    if place.is_dir():
        return "code.tar.gz", _archive(place)
    if not place.is_file():
        raise Sorry(f"{place} is not there.")
    if place.suffix.lower() not in KINDS:
        raise Sorry(f"{place.name} is no program. Hand in a file that ends with {', '.join(KINDS)}, or a folder.")
    content = place.read_bytes()
    _demand_small(len(content))
    return place.name, content


def _archive(folder: Path) -> bytes:
    """What lies below a folder, hidden files left out; links are refused, since nobody could follow them elsewhere."""
    plain, whole = io.BytesIO(), 0
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, path in enumerate(_below(folder)):
            if number >= MOST_FILES:
                raise Sorry(f"{folder} has more than {MOST_FILES:,} files. Hand in the code alone.")
            whole += path.stat().st_size
            if whole > MOST_BYTES:
                raise Sorry(f"{folder} has more than {MOST_BYTES // 10**6} MB. Data comes by /data, not with the code.")
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    if not whole:
        raise Sorry(f"There is no code in {folder}.")
    content = gzip.compress(plain.getvalue(), mtime=0)
    _demand_small(len(content))
    return content


def _below(folder: Path) -> list[Path]:
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in LEFT_OUT)
        for name in sorted([*files, *folders]):
            path = Path(root, name)
            if path.is_symlink():
                raise Sorry(f"{path} is a link; links are not taken. Hand in a folder that holds the code alone.")
            if name in files and not name.startswith(".") and path.is_file():
                found.append(path)
        if len(found) > MOST_FILES:
            break
    return found


def _demand_small(size: int) -> None:
    if size > MOST_PACKED:
        raise Sorry(f"Packed, code has at most {MOST_PACKED // 10**6} MB. Data comes by /data, not with the code.")


# ── what it does ────────────────────────────────────────────────────────────────────────────────────────────────────
def submit(words: argparse.Namespace, command: list[str]) -> None:
    """Hand in a job."""
    if not command:
        raise Sorry("Say after -- what shall run: caia-job submit train.py -- python train.py")
    place = Path(words.code)
    file, content = packed(place)
    name = words.name or re.sub(r"[^a-z0-9]+", "-", place.resolve().stem.lower()).strip("-")[:64] or "job"
    said = ask(
        "submit", name=name, command=command, file=file, content=base64.b64encode(content).decode(),
        datasets=words.dataset, cpus=words.cpus, memory=words.memory, gpus=words.gpus, hours=words.hours,
        grace=words.grace, priority=words.priority, seed=words.seed,
    )  # fmt: skip
    print(f"{said['job']} waits for its turn. It works on {', '.join(said['datasets'])}.")
    print(f"  caia-job logs {said['job']} --follow")


def list_jobs(_words: argparse.Namespace, _command: list[str]) -> None:
    """The newest jobs of this project."""
    jobs = ask("list")["jobs"]
    if not jobs:
        print("There is no job in this project yet.")
    for one in jobs:
        print(f"{one['job']:<8} {one['state']:<11} {one['submitted_at'][:16]}  {one['name']}  {one['of']}")


def show(words: argparse.Namespace, _command: list[str]) -> None:
    """One job."""
    said = ask("show", job=words.job)
    print(f"{said['job']} {said['name']}: {said['state']}. {said['standing']}")
    print(f"  command      {shlex.join(said['command'])}")
    print(f"  data         {', '.join(said['datasets'])}")
    print(f"  code         {said['code']}")
    print(f"  seed         {said['seed']}")
    for one in said["attempts"]:
        print(f"  attempt {one['attempt']:<4} {one['outcome'] or said['state']} on {one['host']}  {one['reason']}")
    for one in said["results"]:
        print(f"  result       {one['bytes']:>12,}  {one['sha256'][:16]}…  {one['path']}")
    if said["results"]:
        print(f"Its files lie under {said['folder']}.")


def logs(words: argparse.Namespace, _command: list[str]) -> None:
    """What it printed; with --follow until it has ended."""
    attempt, offset = 0, 0 if words.all else TAIL
    while True:
        said = ask("log", job=words.job, attempt=attempt, offset=offset)
        if offset == TAIL and said["start"]:
            print(f"… its first {said['start']:,} bytes are left out; --all shows them.")
        sys.stdout.write(said["text"])
        sys.stdout.flush()
        attempt, offset = said["attempt"], said["next"]
        if said["is_over"] and said["newest"] > attempt:
            attempt, offset = attempt + 1, 0
            print(f"\n… attempt {attempt}", flush=True)
        elif said["is_over"] or not said["text"]:
            if not words.follow or (said["is_over"] and said["state"] not in LIVE):
                break
            time.sleep(1)
    if words.follow:
        print(f"\n{words.job} {said['state']}. {said['standing']}")


def cancel(words: argparse.Namespace, _command: list[str]) -> None:
    """Take it back, or end it."""
    said = ask("cancel", job=words.job, reason=words.reason)
    print(f"{said['job']} is {said['state']}; what it left so far stays with it.")


def parser() -> argparse.ArgumentParser:
    """The words that it understands."""
    told = argparse.ArgumentParser(
        prog="caia-job", description="Jobs of this project.", epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    steps = told.add_subparsers(required=True, metavar="submit|list|show|logs|cancel")
    one = steps.add_parser("submit", help="hand in a file or a folder of code; after -- what shall run in it")
    one.add_argument("code", metavar="FILE|FOLDER")
    one.add_argument("--name", default="", help="small letters, digits and hyphens; the file's name where left out")
    one.add_argument("--dataset", action="append", default=[], help="a folder's name under /data; all where left out")
    one.add_argument("--cpus", type=int, default=1, help="processors")
    one.add_argument("--memory", type=float, default=2, help="GB")
    one.add_argument("--gpus", type=int, default=0, help="graphics processors")
    one.add_argument("--hours", type=float, default=1, help="of each attempt")
    one.add_argument("--grace", type=int, default=30, help="seconds to save its work before it is ended")
    one.add_argument("--seed", type=int, default=0, help="given to it as CAIA_SEED")
    one.add_argument("--priority", type=int, choices=(0, 1, 2), default=1, help="among the project's jobs: 2 is first")
    one.set_defaults(do=submit)
    steps.add_parser("list", help="the newest jobs of this project").set_defaults(do=list_jobs)
    for name, do, about in (
        ("show", show, "how a job stands, and what it left"),
        ("logs", logs, "what a job prints; that you read it is on the record"),
        ("cancel", cancel, "take a job back, or end it"),
    ):
        one = steps.add_parser(name, help=about)
        one.add_argument("job", metavar="J-0042")
        one.set_defaults(do=do)
        if do is logs:
            one.add_argument("--follow", "-f", action="store_true", help="until it has ended")
            one.add_argument("--all", action="store_true", help="from the first byte")
        if do is cancel:
            one.add_argument("--reason", required=True, help="the record keeps it, and whose job it is reads it")
    return told


def main(said: list[str]) -> int:
    """0 when it was done, 1 when it was refused, 130 when it was interrupted."""
    own, command = _parted(said)
    words = parser().parse_args(own)
    try:
        words.do(words, command)
    except Sorry as sorry:
        print(f"caia-job: {sorry}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parted(said: list[str]) -> tuple[list[str], list[str]]:
    """Before and after the first --, so that no word of the command is taken for one of ours."""
    place = said.index("--") if "--" in said else len(said)
    return said[:place], said[place + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
