"""What a host of workspaces sends, over HTTP as it would."""

import json

from django.conf import settings
from django.test import Client
from django.utils import timezone


class Host:
    """Posts JSON with the secret; `status` is of its last answer."""

    status = 0

    def __init__(self, secret=None):
        self.client = Client(SERVER_NAME="localhost")
        self.secret = settings.HOST_SECRET if secret is None else secret

    def post(self, path, facts, **headers):
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.secret}"} | headers
        sent = facts if isinstance(facts, bytes | str) else json.dumps(facts)
        answer = self.client.post(path, sent, content_type="application/json", **headers)
        self.status = answer.status_code
        return answer.json() if answer["Content-Type"] == "application/json" else {}

    def plan(self, run):
        return self.post(f"/internal/runs/{run.pk}/plan", {})

    def tell(self, run, *events, first=1):
        """Events by kind and details, numbered from `first`."""
        at = timezone.now().isoformat()
        told = [{"seq": first + place, "at": at, **one} for place, one in enumerate(events)]
        return self.post(f"/internal/runs/{run.pk}/events", {"events": told})

    def beat(self, *runs, host="h1", **figures):
        return self.post("/internal/heartbeat", {"host": host, "runs": [told_of(run, **figures) for run in runs]})


def told_of(run, **figures):
    """One line of a heartbeat."""
    return {
        "run": str(getattr(run, "pk", run)),
        "state": "running",
        "progress": {"percent": 100, "words": "Lab answers"},
        "cpu_seconds": 12.5,
        "memory": 300_000_000,
        "disk": {"home": 1000, "shared": 2000, "results": 0},
        "bytes_out": 4096,
        "last_activity": timezone.now().isoformat(),
        **figures,
    }


def began(version, **more):
    """That a run mounted this version."""
    promise = {"promise": "no network", "kept": True, "words": ""}
    data = [{"version": str(version.pk), "files": 1, "bytes": 4}]
    return {"kind": "started", "data": data, "promises": [promise], "environment": "e" * 64, **more}


def cell(code="print(1)"):
    return {"kind": "cell", "kernel": "k1", "code": code, "sha256": "a" * 64}
