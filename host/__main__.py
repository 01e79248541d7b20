"""`python -m host [FILE]`: look after this machine's workspaces and jobs.

SIGTERM ends the host alone: workspaces live on, and the next host finds them. SIGINT stops them first.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from host.host import Host
from host.jobs import Jobs
from host.server import Server
from host.settings import Settings, SettingsError


def main() -> int:
    """Until a signal comes; 1 where it can't start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = Settings.read(Path(sys.argv[1]) if len(sys.argv) > 1 else None, os.environ)
    except SettingsError as error:
        logging.error("%s", error)
        return 1
    os.umask(0o022)
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "host.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.error("Another host looks after %s already.", settings.run)
            return 1
        return _serve(settings)


def _serve(settings: Settings) -> int:
    came: list[int] = []
    wake = threading.Event()

    def hear(number: int, _frame: object) -> None:
        came.append(number)
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
    host = Host(settings)
    host.begin()
    jobs = Jobs(host.means)
    jobs.begin()
    server = Server(host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    logging.info("the host listens at %s", settings.socket)
    wake.wait()
    server.shutdown()
    server.server_close()
    jobs.close(stop_runs=signal.SIGINT in came)
    host.close(stop_runs=signal.SIGINT in came)
    return 0


if __name__ == "__main__":
    sys.exit(main())
