"""From a click to a usable JupyterLab, beside a plain JupyterHub in the same run; reads, the gateway, memory.

Usable: the page has come, and what it asks for before it shows anything has been answered. A start is counted as a
person has it: our page looks again at the pace that it names itself, the plain Hub's page hears of it at once.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from door import environments
from tests.bench.plain_hub import Guest, PlainHub
from tests.gateway.speed import measure
from tests.live.lab import Lab
from tests.live.site import Person, Site, sites

BENCH = "workspaces"
WHO = "Rosa Jimenez"
WARM, COLD, READS, SETTLED = 7, 3, 7, 5  # rounds; seconds
SMALL = ("ehr-alliance-gbsg2", "ehr-alliance-ncctg-lung", "ehr-alliance-wdbc")
LARGE = "radiology-msk-lidc-idri-chest-ct"
ASKED = ("lab/api/settings", "api/contents?type=directory&content=1", "api/kernelspecs", "api/sessions")
READ = """
import os, sys, time
def speed(folder, opens=20, reads=1):
    room, size, began = bytearray(1 << 20), 0, time.perf_counter()
    for _ in range(opens):
        for place, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(place, name), "rb", buffering=0) as file:
                    for _ in range(reads):
                        file.seek(0)
                        while got := file.readinto(room):
                            size += got
    return size / 1e6 / (time.perf_counter() - began)
"""
Times = dict[str, list[float]]


def figures(*, scale: float = 1.0) -> Iterator[dict[str, object]]:
    """Each as docs/benchmarks.md tells it."""
    environment = environments.make_ready("python-cancer")
    with (
        TemporaryDirectory(prefix="plain-") as place,
        sites(environment.parent) as site,
        PlainHub(environment, Path(place)) as plain,
    ):
        yield from _starts("start_cold", _cold(site, plain, environment, _rounds(COLD, scale)))
        project = site.project(WHO, LARGE)
        person, guest = site.person(WHO), plain.person("warm")
        yield from _starts("start_warm", _warm(person, guest, project, _rounds(WARM, scale)))
        yield from _inside(site, person, guest, project, environment, _rounds(READS, scale))
    speed = asyncio.run(measure(environment))
    more = {f"small_{name}_ms": speed[f"small_{name}"] for name in ("gateway", "direct")}
    yield _figure("gateway", speed["file_gateway"], "MB/s", speed["file_direct"], **more)


def _rounds(full: int, scale: float) -> int:
    return max(1, round(full * scale))


# ── starts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _cold(site: Site, plain: PlainHub, environment: Path, rounds: int) -> Times:
    """Data that was never fetched, a home that was never used, and nothing of the environment in memory."""
    found: Times = {}
    for number in range(rounds):
        project = site.project(WHO, SMALL[number % len(SMALL)])
        person, guest = site.person(WHO), plain.person(f"cold{number}")
        _forget(environment)
        _round(found, "plain", guest.open)
        guest.stop()
        _forget(environment)
        _round(found, "ours", lambda person=person, project=project: _open(person, project))
        person.stop(project)
    return found


def _warm(person: Person, guest: Guest, project: str, rounds: int) -> Times:
    """In turns, after one start of each that does not count."""
    found: Times = {}
    for _ in range(rounds + 1):
        _round(found, "plain", guest.open)
        guest.stop()
        _round(found, "ours", lambda: _open(person, project))
        person.stop(project)
    return {name: times[1:] for name, times in found.items()}


def _round(found: Times, name: str, act: Callable[[], Lab]) -> None:
    began = time.perf_counter()
    lab = act()
    for path in ASKED:
        answer = lab.ask("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    found.setdefault(name, []).append(time.perf_counter() - began)
    lab.execute("1 + 1")
    found.setdefault(f"{name}_cell", []).append(time.perf_counter() - began)


def _open(person: Person, project: str) -> Lab:
    """Click on “Start”, look as often as the page itself does, click on “Open”."""
    assert person.start(project).status_code == 200
    while not (address := person.address(project)):
        page = person.page_of(project)
        pace = re.search(r'hx-trigger="every (\d+)s"', page)
        assert pace, re.sub(r"<[^>]+>|\s+", " ", page)[:1500]
        time.sleep(int(pace[1]))
    return person.lab(project, address)


def _forget(environment: Path) -> None:
    """Have the kernel drop what it keeps of the environment's files, as after a reboot."""
    for folder, _, names in os.walk(environment):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                handle = os.open(path, os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(handle)


def _starts(figure: str, found: Times) -> Iterator[dict[str, object]]:
    middle = {name: round(statistics.median(times), 2) for name, times in found.items()}
    spread = {name: [round(edge(found[name]), 2) for edge in (min, max)] for name in ("ours", "plain")}
    cells = {"first_cell": middle["ours_cell"], "first_cell_plain": middle["plain_cell"]}
    yield _figure(figure, middle["ours"], "s", middle["plain"], **spread, **cells, rounds=len(found["ours"]))


# ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _inside(
    site: Site, person: Person, guest: Guest, project: str, environment: Path, rounds: int
) -> Iterator[dict[str, object]]:
    lab, _ = _open(person, project), guest.open()
    time.sleep(SETTLED)
    ours, plain = _memory(_programs_of(site, lab.run)), _memory({guest.pid()})
    folder = next(path for path in site.place.glob("host/cache/versions/*") if _holds_large(path))
    found: Times = {}
    with lab.kernel() as kernel:
        assert not kernel.execute(READ).error
        for _ in range(rounds):
            for name, how in (("", ""), ("open_", ", 1, 20")):  # each file opened anew; opened once, read again
                inside = kernel.execute(f"print(speed('/data/{LARGE}'{how}))").text
                words = [environment / "bin/python3", "-c", f"{READ}\nprint(speed(sys.argv[1]{how}))", folder]
                host = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
                found.setdefault(f"{name}inside", []).append(float(inside))
                found.setdefault(f"{name}host", []).append(float(host))
    guest.stop()
    person.stop(project)
    middle = {name: statistics.median(speeds) for name, speeds in found.items()}
    opened = round(middle["open_inside"] / middle["open_host"], 2)
    yield _figure("data_read", middle["inside"], "MB/s", middle["host"], ratio_of_open_files=opened)
    yield _figure("idle_mb", ours, "MB", plain)


def _holds_large(folder: Path) -> bool:
    return any(path.suffix == ".dcm" for path in folder.rglob("*"))


def _programs_of(site: Site, run: str) -> set[int]:
    """The gateway, the keeper, and all that runs in the sandbox."""
    all_notes = (json.loads(path.read_text()) for path in site.place.glob("ws/r/*/run.json"))
    notes = next(one for one in all_notes if one["run"] == run)
    keeper = json.loads((Path(notes["sandbox"]) / "keeper.json").read_text())["pid"]
    found, left = {int(notes["gateway"][0])}, [int(keeper)]
    while left:
        pid = left.pop()
        found.add(pid)
        left += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found


def _memory(pids: set[int]) -> float:
    """Megabytes, what several share divided among them."""
    said = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) for text in said) / 1024  # type: ignore[index]


def _figure(name: str, value: float, unit: str, limit: float, **more: object) -> dict[str, object]:
    return {
        "bench": BENCH, "figure": name, "value": round(value, 2), "unit": unit, "limit": round(limit, 2),
        "ratio": round(value / limit, 2), **more, "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
