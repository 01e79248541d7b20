"""kill -9 in the middle of a large file: nobody sees half of it, the next try goes on, and memory stays flat."""

import hashlib
import json
import os
import signal
import subprocess
import sys
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
LARGE = 300 * MB
GROWTH = 160 * MB  # four parts of 16 MB, what boto3 copies of them, and the rest's noise


def environment():
    """This test's own database and bucket, for a process of its own."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = settings.DATABASES["default"]["NAME"]
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": urlunsplit(url._replace(path=name)),
    }


def start(folder, *words):
    """The command in a process of its own; what it says stands beside the folder."""
    who = ["--by", "steward@owner.example.org"]
    command = [sys.executable, "manage.py", "catalog", "ingest", str(folder), *who, *words]
    with (folder.parent / "said").open("w") as said:
        return subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment(), stderr=said)


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
    folder, sha256 = large(folder_of, LARGE)
    child = start(folder)
    until = time.monotonic() + 120
    while len(sent_parts(sha256)) < 4:
        assert time.monotonic() < until
        assert child.poll() is None, said_by(folder)
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()

    assert DatasetVersion.objects.get().status == "draft"
    assert not DatasetFile.objects.exists()
    assert not DatasetStore().has(sha256, LARGE)
    before = sent_parts(sha256)
    assert len(before) >= 4

    again = start(folder)

    assert again.wait(timeout=200) == 0, said_by(folder)
    assert DatasetVersion.objects.get().files.get().sha256 == sha256
    body = hashlib.sha256()
    for chunk in DatasetStore().open(key_of(sha256)):
        body.update(chunk)
    assert body.hexdigest() == sha256
    DatasetStore().forget(sha256)


def test_memory_stays_flat_however_large_the_file(steward, folder_of):
    peaks = []
    for size in (MB, LARGE):
        folder, sha256 = large(folder_of, size, name=f"of-{size}.bin")
        told = json.loads((folder / "dataset.json").read_text())
        (folder / "dataset.json").write_text(json.dumps({**told, "id": f"of-{size}"}))
        child = start(folder)
        peaks.append(peak_of(child))
        assert child.returncode == 0, said_by(folder)
        DatasetStore().forget(sha256)

    small, huge = peaks
    assert huge - small < GROWTH, peaks
