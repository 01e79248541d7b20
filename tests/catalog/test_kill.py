"""kill -9 in the middle of a large file: nobody sees half of it, the next try goes on, and memory stays flat."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from apps.catalog.gateways import DatasetStore, key_of
from apps.catalog.models import DatasetFile, DatasetVersion
from tests.factories_catalog import REGISTER

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
MB = 1024 * 1024
KILLED = 160 * MB  # ten parts
LET_THROUGH = 4  # of its parts, before the kill
SIZES = (128 * MB, 384 * MB)  # both of more parts than are in memory at once
FLAT = 64 * MB  # the noise that is allowed; whoever keeps the file in memory grows by the 256 MB between the two


class Gate:
    """Stands before the storage: lets so many parts through to it, and from then on no other arrives."""

    def __init__(self, parts):
        self._left, self._lock, self._open = parts, threading.Lock(), []
        self._storage = urlsplit(os.environ["S3_ENDPOINT_URL"])
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._welcome, daemon=True).start()
        return self

    def __exit__(self, *error):
        for one in (self._door, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _welcome(self):
        with contextlib.suppress(OSError):  # the door was closed
            while True:
                caller, _ = self._door.accept()
                storage = socket.create_connection((self._storage.hostname, self._storage.port))
                self._open += [caller, storage]
                threading.Thread(target=self._carry, args=(caller, storage, self._may_pass), daemon=True).start()
                threading.Thread(target=self._carry, args=(storage, caller, lambda _: True), daemon=True).start()

    def _carry(self, source, sink, may_pass):
        with contextlib.suppress(OSError):  # one side is gone
            while (piece := source.recv(MB)) and may_pass(piece):
                sink.sendall(piece)

    def _may_pass(self, piece):
        """A request begins with a piece of its own; one that brings a part counts."""
        if not (piece.startswith(b"PUT ") and b"partNumber=" in piece.split(b"\r\n", 1)[0]):
            return True
        with self._lock:
            self._left -= 1
            return self._left >= 0


def environment(**more):
    """This test's own database and bucket, for a process of its own."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = settings.DATABASES["default"]["NAME"]
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": urlunsplit(url._replace(path=name)),
        **more,
    }


def start(folder, **more):
    """The command in a process of its own; what it says stands beside the folder."""
    who = ["--by", "steward@owner.example.org"]
    command = [sys.executable, "manage.py", "catalog", "ingest", str(folder), *who]
    with (folder.parent / "said").open("w") as said:
        return subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment(**more), stderr=said)


def said_by(folder):
    return (folder.parent / "said").read_text()


def peak_of(child):
    """The most memory that the process held, watched to its end."""
    peak = 0
    while child.poll() is None:
        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        peak = max([peak, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))])
        time.sleep(0.02)
    return peak


def large(folder_of, size, name="large.bin"):
    """A folder with one large file, written in pieces that all differ."""
    folder = folder_of({name: b""}, **REGISTER)
    digest = hashlib.sha256()
    with (folder / name).open("wb") as file:
        for _ in range(size // MB):
            piece = os.urandom(MB)
            digest.update(piece)
            file.write(piece)
    told = json.loads((folder / "dataset.json").read_text())
    told["files"] = [{"path": name, "bytes": size, "sha256": digest.hexdigest()}]
    (folder / "dataset.json").write_text(json.dumps(told))
    return folder, digest.hexdigest()


def sent_parts(sha256):
    store = DatasetStore()
    return [number for upload in store._half_sent(sha256) for number, _ in store._parts_sent(key_of(sha256), upload)]


def test_what_was_killed_goes_on_and_is_whole_in_the_end(steward, folder_of):
    folder, sha256 = large(folder_of, KILLED)
    with Gate(LET_THROUGH) as gate:  # it can't come to its end, however fast it is
        child = start(folder, S3_ENDPOINT_URL=gate.address)
        until = time.monotonic() + 300
        while len(sent_parts(sha256)) < LET_THROUGH:
            assert time.monotonic() < until
            assert child.poll() is None, said_by(folder)
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

    assert DatasetVersion.objects.get().status == "draft"
    assert not DatasetFile.objects.exists()
    assert not DatasetStore().has(sha256, KILLED)
    assert len(sent_parts(sha256)) == LET_THROUGH

    again = start(folder)

    assert again.wait(timeout=300) == 0, said_by(folder)
    assert DatasetVersion.objects.get().files.get().sha256 == sha256
    body = hashlib.sha256()
    for chunk in DatasetStore().open(key_of(sha256)):
        body.update(chunk)
    assert body.hexdigest() == sha256
    DatasetStore().forget(sha256)


def test_memory_stays_flat_however_large_the_file(steward, folder_of):
    peaks = []
    for size in SIZES:
        folder, sha256 = large(folder_of, size, name=f"of-{size}.bin")
        told = json.loads((folder / "dataset.json").read_text())
        (folder / "dataset.json").write_text(json.dumps({**told, "id": f"of-{size}"}))
        child = start(folder)
        peaks.append(peak_of(child))
        assert child.returncode == 0, said_by(folder)
        DatasetStore().forget(sha256)

    smaller, larger = peaks
    print(f"\nthe most memory held: {smaller // MB} MB and {larger // MB} MB")
    assert larger - smaller < FLAT, peaks
