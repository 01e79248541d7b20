"""On a cluster: what the host does for a run that already stands, beside the run's gateway, for this run alone.

`python -m host.carrier FILE`: tells the portal what is mounted, carries the gateway's events to it, says every two
seconds that the run is there, and hears when it has to stop. Then the gateway is closed, and this program ends; the Hub
sees that, and takes the run's pods away. `python -m host.carrier --lay FROM TO` makes a copy that only its account
reads, since a gateway refuses words that others can read, and a cluster's secrets are always readable to a group.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.events import Outbox
from host.figures import Figures
from host.gateway import Folders as GatewayFolders
from host.gateway import Gateway, GatewayError, until
from host.portal import Portal, Unreadable
from host.wire import Unreachable

HEARTBEAT = 2.0
SILENT_SECONDS = 600.0
_READY_SECONDS = 60.0
_LAST_SECONDS = 8.0  # so long the last events are tried to be told; the pod's own patience is longer
_SECRET = "CAIA_HOST_SECRET"  # noqa: S105  the variable's name


class Folders(GatewayFolders):
    """The same folders; the gateway's account makes them, in memory that the pod's containers share."""

    def lay(self, words: Path) -> None:
        """Make them, with a copy of the gateway's words for its account alone."""
        for folder in (self.listen.parent, self.control.parent, self.inner):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.spool.mkdir(exist_ok=True)
        handle = os.open(self.words, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(words.read_bytes())


@dataclass
class Carrier:
    """`told` is the Hub's: run, uid, portal, host, idle_seconds, and what is mounted."""

    told: dict[str, Any]
    portal: Portal
    folders: Folders
    figures: Figures = field(default_factory=Figures)
    heartbeat: float = HEARTBEAT
    silent_seconds: float = SILENT_SECONDS

    def __post_init__(self) -> None:
        self.run = str(self.told["run"])
        self.gateway = Gateway(self.folders, int(self.told["uid"]))
        self.outbox = Outbox(self.folders.control.parent / "events", self.folders.spool / "events.jsonl")
        self.end: dict[str, Any] = {}
        self.heard_at = time.monotonic()
        self.wake = threading.Event()

    def live(self) -> None:
        """Until it has to stop, or somebody ends this program."""
        if until(self.gateway.is_ready, _READY_SECONDS):
            self.outbox.tell("started", **self.told["mounted"])
            self.outbox.tell(
                "not_watched", words="On a cluster nobody outside a pod sees which files are opened in it."
            )
        else:
            self._stop("failed", "Its gateway did not get ready.")
        while not self.end:
            self._look()
            self._beat()
            self._send()
            self.wake.wait(self.heartbeat)
        with contextlib.suppress(GatewayError):
            self.gateway.tell("close", self.end["words"])
        self.outbox.collect()
        self.outbox.tell("ended", usage={}, **self.end)
        until(self._send, _LAST_SECONDS, pause=0.5)

    def leave(self) -> None:
        """The Hub takes the pods away."""
        self._stop("stopped", "It was stopped.")

    def _stop(self, why: str, words: str) -> None:
        self.end = self.end or {"why": why, "words": words}
        self.wake.set()

    def _look(self) -> None:
        try:
            facts = self.gateway.figures()
        except GatewayError:
            self._stop("failed", "Its gateway ended, so nobody could watch what flows to the browser.")
            return
        self.figures.take(facts)
        idle = float(self.told["idle_seconds"])
        if self.figures.idle_for() >= idle:
            self._stop("idle", f"Nothing was done in it for {idle / 60:,.0f} minutes. Its files are kept.")

    def _beat(self) -> None:
        words = {"percent": 100, "words": "Ready"}
        row = {"run": self.run, "state": "running", "progress": words, **self.figures.facts()}
        try:
            said = self.portal.heartbeat([row])
        except Unreachable:
            if time.monotonic() - self.heard_at >= self.silent_seconds:
                self._stop(
                    "stopped", "The portal could not be reached for too long, so nobody could have revoked access."
                )
            return
        self.heard_at = time.monotonic()
        for wish in said.get("stop", []):
            if wish.get("run") == self.run:
                self._stop("stopped", str(wish.get("reason") or "The portal stopped it."))
        if self.run in said.get("resume", []):
            with contextlib.suppress(GatewayError):
                self.gateway.tell("resume")

    def _send(self) -> bool:
        """Hand over what waits; whether the portal has everything now."""
        self.outbox.collect()
        try:
            while batch := self.outbox.batch():
                acknowledged = self.portal.events(self.run, batch)
                if 0 <= acknowledged < batch[0]["seq"]:
                    return False
                self.outbox.acknowledge(batch[-1]["seq"] if acknowledged < 0 else acknowledged)
        except Unreadable as error:
            self.outbox.give_up(batch[0]["seq"], str(error))
            return False
        except Unreachable:
            return False
        return True


def main(words: list[str]) -> int:
    """0 when it has told the end."""
    if words[:1] == ["--lay"]:
        Folders(Path(words[2])).lay(Path(words[1]))
        return 0
    told = json.loads(Path(words[0]).read_text(encoding="utf-8"))
    portal = Portal(told["portal"], os.environ[_SECRET], told["host"])
    carrier = Carrier(told, portal, Folders(Path(told["folder"])))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: carrier.leave())
    carrier.live()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
