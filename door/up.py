"""`up` and `down`: from nothing to a portal that answers, and back."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

from door import cluster, hub, portal, python_parts, storage, supervise, vendor
from door.account import service_account
from door.direct import last_words
from door.ground import Ground, outside_parts
from door.home import Home, is_free, main_home
from door.leftovers import recorded, stop_leftovers
from door.parts import PARTS, Part, waves
from door.say import Trouble, elapsed, line, log, step, warn
from door.supervise import PortTaken, Supervisor

_PART_SECONDS = 300.0  # on a machine that others use, too: what is slow is told every ten seconds meanwhile
_TRIES = 3


def up(*, wait: bool, port: int | None = None) -> int:
    """Start everything that is not there yet; stay in the foreground unless told to return."""
    home = main_home()
    with _ending_politely():
        with _alone(home):
            stands = bool(Supervisor(home).is_there() and home.read("standing"))
            if stands:
                ground = standing_ground()
                address = ground.environment()["CAIA_BASE_URL"]
                line(f"It is running already: {address}  (./caia status tells more, ./caia down stops it)")
            else:
                ground = _brought_up(home, stays=wait, port=port)
                _say_ready(ground)
        if stands or wait:
            hub.make_environment(ground)
            return 0
        try:
            hub.make_environment(ground)
            _stay(ground)
        finally:
            with step("stopping"):
                _stop_all(home)
    return 0


def down() -> int:
    """Stop everything of this home, with or without a living supervisor."""
    home = main_home()
    if not Supervisor(home).is_there() and not recorded(home):
        left = stop_leftovers(home)
        line(f"Stopped {left} leftover processes." if left else "Nothing is running here.")
        return 0
    with _alone(home), step("stopping"):
        _stop_all(home)
    return 0


def standing_ground() -> Ground:
    """The ground of the copy that is running; a Trouble where none is."""
    home = main_home()
    kept = home.read("standing")
    if not kept or not Supervisor(home).is_there():
        raise Trouble("It is not running.", "./caia up starts it.")
    return Ground(
        home, service_account(home.root), ports=kept["ports"], outside=kept["outside"], is_demo=kept["is_demo"],
        without_workspaces=kept.get("without_workspaces", "An older ./caia up left them out."),
    )  # fmt: skip


def show_people() -> int:
    """How to sign in as each demo person."""
    return portal.show_people(standing_ground())


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """No other up or down works in this home meanwhile."""
    lock = home.lock("up.lock")
    if lock is None:
        raise Trouble("Another ./caia up or down is at work in this home.", "Wait for it, or see ./caia status.")
    with lock:
        yield


@contextlib.contextmanager
def _ending_politely() -> Iterator[None]:
    """A closed terminal or a polite kill ends as Ctrl-C does: everything is stopped."""

    def interrupted(number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupted) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, what in former.items():
            signal.signal(number, what)


def _brought_up(home: Home, *, stays: bool, port: int | None) -> Ground:
    """Everything started and answering; nothing left running where that fails."""
    python_parts.make_ready()
    vendor.make_ready()
    left = stop_leftovers(home)
    if left:
        line(f"{elapsed()}  stopped {left} processes that an earlier run left behind")
    without = hub.why_not(home, outside_parts())
    if without:
        warn(f"without workspaces: {without}")
    refused: set[int] = set()
    for attempt in range(1, _TRIES + 1):
        ground = _new_ground(home, refused, port, without)
        try:
            _bring_up(ground, stays=stays)
            return ground
        except PortTaken as taken:
            log.warning("attempt %d: %s", attempt, taken)
            _stop_all(home)
            refused |= {number for number in ground.ports.values() if not is_free(number)}
            warn(f"{taken}; trying another")
        except BaseException:
            _stop_all(home)
            raise
    raise Trouble("Ports were taken by other programs three times in a row.", "Run ./caia up again.")


def _new_ground(home: Home, refused: set[int], port: int | None, without_workspaces: str) -> Ground:
    if port is not None and not is_free(port):
        raise Trouble(f"Port {port} is taken by another program.", "Name another: ./caia up --port N, or leave it out.")
    ground = Ground(
        home, service_account(home.root), outside=outside_parts(), is_demo=True, without_workspaces=without_workspaces
    )
    wanted = [name for part in PARTS if part.is_ours(ground) for name in part.ports]
    ground.ports = home.ports(wanted, avoid=refused, wished=port)
    if ground.outside.get("DATABASE_URL") and not os.environ.get("DATABASE_OWNER_URL"):
        warn(
            "DATABASE_OWNER_URL is not set, so migrations run under the role of DATABASE_URL, which should own nothing"
        )
    return ground


def _bring_up(ground: Ground, *, stays: bool) -> None:
    parts = [part for part in PARTS if part.is_ours(ground)]
    for part in parts:
        if part.is_service:
            _prepare(ground, part)
    ground.keep_environment()
    supervisor = supervise.start(ground, parts, stays=stays)
    _start(ground, supervisor, [part for part in parts if part.is_service])
    if "DATABASE_URL" not in ground.outside:
        cluster.put_right(ground)
    portal.make_ready(ground)
    others = [part for part in parts if not part.is_service]
    for part in others:
        part.prepare(ground)
    _start(ground, supervisor, others)
    # Last, so that a start which was killed half way is not taken for one that stands.
    ground.home.write("standing", {
        "ports": ground.ports, "outside": ground.outside, "is_demo": ground.is_demo,
        "without_workspaces": ground.without_workspaces,
    })  # fmt: skip


def _prepare(ground: Ground, part: Part) -> None:
    if part.name == "postgres" and not ground.folder("postgres").exists():
        with step("database cluster (first start)"):
            part.prepare(ground)
    else:
        part.prepare(ground)


def _start(ground: Ground, supervisor: Supervisor, parts: list[Part]) -> None:
    for wave in waves(parts):
        for part in wave:
            if not supervisor.start(part):
                raise PortTaken(f"a port of {part.name} was taken by another program")
        for part in wave:
            with step(part.what) as notes:
                _wait(ground, supervisor, part)
                notes.append(part.address(ground) or "running")


def _wait(ground: Ground, supervisor: Supervisor, part: Part) -> None:
    until, wrong = time.monotonic() + _PART_SECONDS, ""
    while time.monotonic() < until:
        rows = supervisor.state_of(part)
        if not rows:
            raise Trouble("The supervisor went away while starting.", "Run ./caia up again.")
        if any(row["statename"] in ("BACKOFF", "FATAL", "EXITED") for row in rows):
            _raise_for(ground, part, rows)
        if all(row["statename"] == "RUNNING" or (row["statename"] == "STARTING" and row["pid"]) for row in rows):
            wrong = part.probe(ground)
            if not wrong and all(row["statename"] == "RUNNING" for row in supervisor.state_of(part)):
                return
        time.sleep(0.1)
    raise Trouble(f"{part.what}: {wrong or 'it did not start'}.", f"./caia logs {part.name} shows what it wrote.")


def _raise_for(ground: Ground, part: Part, rows: list[dict[str, object]]) -> None:
    said = f"{last_words(ground, part)} {' '.join(str(row['spawnerr']) for row in rows)}"
    log.error("%s: %s", part.name, rows)
    if "in use" in said.lower() or not all(is_free(ground.ports[name]) for name in part.ports):
        raise PortTaken(f"a port of {part.name} was taken by another program")
    raise Trouble(
        f"{part.what} ended while starting: {last_words(ground, part)}", f"./caia logs {part.name} shows more."
    )


def _say_ready(ground: Ground) -> None:
    line()
    line(f"{elapsed()}  ready:  {ground.environment()['CAIA_BASE_URL']}")
    if ground.is_demo:
        line("            Sign in: choose one of the demo people on the sign-in page; ./caia demo names them all.")
    line("            ./caia status · ./caia logs · ./caia down")


def _stay(ground: Ground) -> None:
    """Stay until Ctrl-C; tell of parts that end and come back."""
    line("            Ctrl-C stops everything.")
    supervisor, known = Supervisor(ground.home), dict[str, int]()
    while supervisor.is_there():
        for row in supervisor.states():
            name, state, pid = row["name"], row["statename"], row["pid"]
            if state == "RUNNING":
                if known.get(name, pid) != pid:
                    line(f"{elapsed()}  {name} ended and was started again")
                known[name] = pid
            elif state in ("BACKOFF", "FATAL") and known.get(name) != 0:
                line(f"{elapsed()}  {name} does not start; ./caia logs {name} shows why")
                known[name] = 0
        time.sleep(1.0)
    line(f"{elapsed()}  stopped from elsewhere")


def _stop_all(home: Home) -> None:
    supervisor = Supervisor(home)
    if supervisor.is_there():
        for wave in reversed(waves(list(PARTS))):
            supervisor.stop(wave)
        supervisor.shut_down()
        until = time.monotonic() + 60
        while "supervisord" in recorded(home) and time.monotonic() < until:
            time.sleep(0.1)
    stop_leftovers(home)
    ports = home.read("ports")
    if "weed_filer_grpc" in ports:
        storage.clear_sockets(Ground(home, service_account(home.root), ports=ports))
    for path in home.run.glob("*.pid"):
        path.unlink(missing_ok=True)
    (home.root / "standing").unlink(missing_ok=True)
