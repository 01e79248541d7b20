"""`test` and `bench`: services of their own for one run, in a folder of its own that goes away with it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from door import chromium, cluster, debian, environments, storage
from door.account import launch_words, service_account
from door.direct import running
from door.ground import Ground, outside_parts
from door.home import PYTHON, REPO, Home, main_home
from door.launch import started_at
from door.leftovers import stop_leftovers
from door.parts import services
from door.say import log, step, warn

_GRACE_SECONDS = 30.0
_FAILED, _NO_TESTS = 1, 5  # pytest's own exit codes


@contextlib.contextmanager
def own_services(kind: str, *, is_for_tests: bool) -> Iterator[Ground]:
    """Services under $CAIA_HOME/<kind>/run-…, from a template cluster that is made once."""
    base = main_home().root / kind
    _sweep(base)
    home = Home(base / f"run-{os.getpid()}-{started_at(os.getpid())}")
    home.make()
    outside = outside_parts()
    ground = Ground(home, service_account(home.root), outside=outside, is_for_tests=is_for_tests)
    parts = [part for part in services() if part.is_ours(ground)]
    ground.ports = home.ports([port for part in parts for port in part.ports])
    try:
        with contextlib.ExitStack() as stack:
            with step("services") as notes:
                if "DATABASE_URL" not in outside:
                    _lay_cluster(base, ground)
                stack.enter_context(running(ground, parts))
                notes.append(", ".join(f"{part.name} {part.address(ground)}" for part in parts) or "all from outside")
            yield ground
    finally:
        stop_leftovers(home)
        if "s3" in ground.ports:
            storage.clear_sockets(ground)
        shutil.rmtree(home.root, ignore_errors=True)


def run_tests(words: list[str], *, is_long: bool) -> int:
    """Run pytest with services of its own; its exit code is ours."""
    browser = chromium.found_or_installed()
    debian.install_slurm()
    with own_services("test", is_for_tests=True) as ground:
        environment = ground.process_environment(owner=True)
        if browser:
            environment["CHROMIUM_PATH"] = browser
        environment["CAIA_ENVIRONMENTS"] = str(environments.base())  # built once for this copy, not for each run
        return _in_turn(_passes(words, is_long=is_long), environment)


def run_bench(words: list[str]) -> int:
    """Run the benchmarks on a database and services of their own, with the settings that production has."""
    with own_services("bench", is_for_tests=False) as ground:
        environment = ground.process_environment(owner=True)
        environment["CAIA_ENVIRONMENTS"] = str(environments.base())
        with step("tables"):
            migrate = {**environment, "DATABASE_URL": environment["DATABASE_OWNER_URL"]}
            subprocess.run([PYTHON, "manage.py", "migrate", "--verbosity", "0"], cwd=REPO, env=migrate, check=True)
        return _foreground([str(PYTHON), "-m", "tests.bench", *words], environment)


def _passes(words: list[str], *, is_long: bool) -> list[list[str]]:
    """Both cores and no long tests, unless the words say otherwise; what measures comes afterwards, by itself."""
    cores: list[str] = []
    if not any(word == "-n" or word.startswith(("-n", "--numprocesses")) for word in words):
        cores = ["-n", "2", "--dist", "worksteal"]  # whoever has nothing left takes over what waits behind a long one
    if any(word == "-m" for word in words):
        return [[*cores, *words]]
    if not is_long:
        return [[*cores, "-m", "not long", *words]]
    return [[*cores, "-m", "not alone", *words], ["-m", "alone", *words]]


def _in_turn(passes: list[list[str]], environment: dict[str, str]) -> int:
    """Run them one after the other, also where tests failed; the exit code of all."""
    codes: list[int] = []
    for words in passes:
        command = [str(PYTHON), "-m", "pytest", *words]
        log.info("running %s", command)
        codes.append(_foreground(command, environment))
        if codes[-1] not in {0, _FAILED, _NO_TESTS}:
            return codes[-1]  # it was interrupted, or could not begin
    found = [code for code in codes if code != _NO_TESTS]
    return max(found) if found else _NO_TESTS


def _foreground(command: list[str], environment: dict[str, str]) -> int:
    """Run to the end; Ctrl-C and a polite kill reach the child first, and then us."""
    patience = float("inf")

    def pass_on(number: int, _frame: object) -> None:
        nonlocal patience
        patience = time.monotonic() + _GRACE_SECONDS
        # A terminal has sent Ctrl-C to the child already.
        if number != signal.SIGINT or not os.isatty(0):
            child.send_signal(signal.SIGINT)

    # Before the child starts: a shell's background job ignores Ctrl-C, and the child would inherit that.
    former = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    child = subprocess.Popen(launch_words(command, dies_by="SIGTERM", is_our_child=True), cwd=REPO, env=environment)
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(1)
            if time.monotonic() > patience:
                child.kill()
    finally:
        for number, what in former.items():
            signal.signal(number, what)


def _lay_cluster(base: Path, ground: Ground) -> None:
    """Copy the template cluster, with roles and database in it, into this run; make it where there is none."""
    made_by = hashlib.sha256(Path(cluster.__file__).read_bytes()).hexdigest()[:8]  # new roles need a new template
    kind = f"template-{'fleeting' if ground.is_for_tests else 'lasting'}-{ground.account.uid}-{made_by}"
    template = Home(base / kind)
    if not (template.root / "postgres").exists():
        _make_template(base, template, ground)
    shutil.copy(template.root / "secrets", ground.home.root / "secrets")
    command = ["cp", "-a", "--reflink=auto", str(template.root / "postgres"), str(ground.folder("postgres"))]
    subprocess.run(command, check=True)


def _make_template(base: Path, template: Home, ground: Ground) -> None:
    """Make it under another name first: two runs may come here at once, and one may be killed."""
    making = Home(base / f"run-{os.getpid()}-{started_at(os.getpid())}-template")
    making.make()
    own = Ground(making, ground.account, is_for_tests=ground.is_for_tests)
    own.ports = making.ports(["postgres"])
    with running(own, [part for part in services() if part.name == "postgres"]):
        cluster.put_right(own)
        cluster.run_sql(own, "CHECKPOINT")
        cluster.stop(own)
    try:
        making.root.rename(template.root)
    except OSError:
        log.info("another run made the template first")
        shutil.rmtree(making.root)


def _sweep(base: Path) -> None:
    """Remove what killed runs left: folders whose process is gone."""
    for folder in base.glob("run-*"):
        _, pid, start = [*folder.name.split("-"), "0", "0"][:3]
        if started_at(int(pid)) != int(start):
            home = Home(folder)
            stop_leftovers(home)
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                warn(f"{folder} could not be removed; it belongs to another account.")
