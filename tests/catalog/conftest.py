"""A center with its data steward, a bucket, and folders of data as they come in."""

import hashlib
import json

import pytest
from celery import current_app

from apps.alliance.roles import Role
from apps.core import outbox
from apps.core.gateways import Objects
from apps.core.models import Message
from tests.factories import CenterFactory, holder


@pytest.fixture
def center(db):
    return CenterFactory(slug="owner", short_name="Owner")


@pytest.fixture
def steward(center):
    return holder(Role.DATA_STEWARD, center, email="steward@owner.example.org")


@pytest.fixture(scope="session", autouse=True)
def _bucket():
    Objects().ensure_bucket()


@pytest.fixture
def folder_of(tmp_path):
    """Make a folder with these files and the manifest that fits them; the manifest's other facts can be changed."""

    def make(files, **facts):
        folder = tmp_path / "incoming"
        folder.mkdir(exist_ok=True)
        lines = []
        for path, body in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
            lines.append({"path": path, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()})
        told = {
            "id": "incoming-data",
            "title": "Incoming data",
            "modality": "ehr",
            "owner_center": "owner",
            "owner_basis": "Collected here.",
            "description": "What it holds.",
            "licence": {"spdx": "CC0-1.0", "name": "Creative Commons Zero 1.0"},
            "records": {"patients": 3},
            "suggested_duo": [{"code": "DUO:0000042", "short": "GRU", "label": "general research use"}],
            "files": lines,
            **facts,
        }
        (folder / "dataset.json").write_text(json.dumps(told))
        return folder

    return make


@pytest.fixture
def deliver_all():
    """Carry out what waits in the outbox, as a worker would."""
    current_app.loader.import_default_modules()

    def deliver():
        waiting = Message.objects.filter(delivered_at=None, failed_at=None).order_by("created_at", "pk")
        return [outbox.deliver(pk) for pk in list(waiting.values_list("pk", flat=True))]

    return deliver
