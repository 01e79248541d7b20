"""supervisord: its configuration from the table of parts, and a line to it over a socket in CAIA_HOME."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from door.account import launch_words
from door.ground import Ground
from door.home import PYTHON, REPO, Home, write_private
from door.leftovers import mark
from door.parts import Part
from door.say import Trouble, log

_SOCKET = "supervisor.sock"
# Its folder is the working directory: by this name it stays within the 107 bytes that a socket has.
_SHORT_PATH = f"/proc/self/cwd/{_SOCKET}"
_START_SECONDS = 10.0
_HEAD = """\
[supervisord]
nodaemon=true
silent=true
logfile={log}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={run}/supervisord.own
childlogdir={log}
umask=077
minfds=1024

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


class PortTaken(Exception):
    """Somebody else took a port between choosing and starting."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket file that is reached through its folder: its path may be longer than 107 bytes."""

    def __init__(self, folder: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._folder = folder

    def connect(self) -> None:
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{_SOCKET}")
        finally:
            os.close(folder)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _Connection(self._folder)


class Supervisor:
    """A line to the supervisord of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._far: Any = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(home.run)).supervisor

    def is_there(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._far.getState()["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def states(self) -> list[dict[str, Any]]:
        """What supervisord knows of each process; an empty list where it does not answer."""
        try:
            return list(self._far.getAllProcessInfo())
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return []

    def state_of(self, part: Part) -> list[dict[str, Any]]:
        """The processes of one part."""
        return [row for row in self.states() if row["group"] == part.name]

    def start(self, part: Part) -> bool:
        """Start a part, without waiting; False where supervisord could not open the socket that the part shares."""
        try:
            self._far.startProcessGroup(part.name, False)
        except xmlrpc.client.ProtocolError as error:
            log.error("starting %s: %s", part.name, error)
            return False
        except xmlrpc.client.Fault as error:
            log.info("starting %s: %s", part.name, error)
        return True

    def stop(self, parts: list[Part]) -> None:
        """Stop these parts side by side and wait for their end."""
        names = {part.name for part in parts}
        for name in names:
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                self._far.stopProcessGroup(name, False)
        until = time.monotonic() + max(part.stop_seconds for part in parts) + 5
        while time.monotonic() < until:
            ended = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
            if all(row["statename"] in ended for row in self.states() if row["group"] in names):
                return
            time.sleep(0.05)

    def shut_down(self) -> None:
        """Ask it to stop every part and end."""
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
            self._far.shutdown()


def start(ground: Ground, parts: list[Part], *, stays: bool) -> Supervisor:
    """Start supervisord with these parts known and none of them started; `stays`: it outlives the door."""
    write_private(ground.home.run / "supervisord.conf", configuration(ground, parts))
    (ground.home.run / _SOCKET).unlink(missing_ok=True)
    words = launch_words(
        [str(PYTHON), "-m", "supervisor.supervisord", "-c", str(ground.home.run / "supervisord.conf")],
        record=ground.home.run / "supervisord.pid",
        mark=mark(ground.home, "supervisord"),
        dies_by="" if stays else "SIGTERM",
        is_our_child=True,
        folder=ground.home.run,
    )
    with (ground.home.log / "supervisord.out").open("wb") as out:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=ground.bare_environment(),
        )
    line, until = Supervisor(ground.home), time.monotonic() + _START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        if line.is_there():
            return line
        time.sleep(0.05)
    said = (ground.home.log / "supervisord.out").read_text(encoding="utf-8", errors="replace").strip()
    log.error("supervisord did not start: %s", said)
    if "Could not create FastCGI socket" in said:
        raise PortTaken("the port of the portal's pages was taken by another program")
    raise Trouble(
        f"The supervisor did not start: {(said.splitlines() or ['it said nothing'])[-1]}", f"See {ground.home.log}."
    )


def configuration(ground: Ground, parts: list[Part]) -> str:
    """supervisord.conf for these parts."""
    head = _HEAD.format(log=_escaped(ground.home.log), run=_escaped(ground.home.run), socket=_SHORT_PATH)
    return head + "".join("\n" + "\n".join(_section(ground, part)) + "\n" for part in parts)


def _section(ground: Ground, part: Part) -> Iterator[str]:
    number = "-%(process_num)d" if part.copies > 1 else ""
    words = launch_words(
        part.command(ground),
        account=part.account(ground),
        umask=part.umask,
        record=f"{ground.home.run}/{part.name}@NUMBER@.pid",
        mark=mark(ground.home, part.name),
        dies_by=f"SIG{part.stop_signal}",
        folder=part.folder(ground),
        environment="" if part.is_service or not part.reads else ground.home.root / part.reads,
    )
    yield f"[{'fcgi-program' if part.shared_port else 'program'}:{part.name}]"
    yield "command=" + " ".join(_quoted(word) for word in words).replace("@NUMBER@", number)
    if part.shared_port:
        yield f"socket=tcp://127.0.0.1:{ground.ports[part.shared_port]}"
        yield "socket_backlog=1024"
    yield f"process_name=%(program_name)s{number}"
    yield f"numprocs={part.copies}"
    yield f"directory={_escaped(REPO)}"
    yield from ("autostart=false", "autorestart=true", "startsecs=1", "startretries=100")
    yield f"stopsignal={part.stop_signal}"
    yield f"stopwaitsecs={part.stop_seconds}"
    yield from ("stopasgroup=false", "killasgroup=true", "redirect_stderr=true")
    yield f"stdout_logfile={_escaped(ground.home.log)}/{part.name}{number}.log"
    yield from ("stdout_logfile_maxbytes=5MB", "stdout_logfile_backups=2")


def _escaped(path: Path) -> str:
    """A path in a file where % begins a name."""
    return str(path).replace("%", "%%")


def _quoted(word: str) -> str:
    """One word of a command line as supervisord's shlex reads it."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
