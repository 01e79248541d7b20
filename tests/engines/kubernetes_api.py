"""The part of a Kubernetes API that the backend speaks to, on loopback: it keeps what is made, and answers like one.

It runs nothing: a test says what became of a Job, in the words that a cluster's controllers write into its status.
"""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAMESPACE = "jobs"
KINDS = {"jobs": "Job", "networkpolicies": "NetworkPolicy", "pods": "Pod"}
PLACES = {
    "jobs": f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs",
    "networkpolicies": f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
    "pods": f"/api/v1/namespaces/{NAMESPACE}/pods",
}


@dataclass
class Api:
    """`things` by kind and name. `refuses`: answers by method and kind; `is_silent`: it takes no word for an answer."""

    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in KINDS})
    logs: dict[str, bytes] = field(default_factory=dict)
    refuses: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    loses: set[tuple[str, str]] = field(default_factory=set)  # does it, and breaks off before it answers
    asked: list[tuple[str, str]] = field(default_factory=list)
    page: int = 500
    number: int = 0

    def __post_init__(self) -> None:
        api = self

        class Answers(_Answers):
            pass

        Answers.api = api
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    # ── what a cluster's controllers do ─────────────────────────────────────────────────────────────────────────────
    def job(self, key: str) -> dict[str, Any]:
        return self.things["jobs"][key]

    def pod_of(self, key: str, phase: str = "Running", **status: Any) -> dict[str, Any]:
        """The pod that the Job's controller makes."""
        job = self.job(key)
        job["status"] = {"active": 1}
        pod = {
            "metadata": {"name": f"{key}-x7k2p", "labels": dict(job["spec"]["template"]["metadata"]["labels"])},
            "spec": {**job["spec"]["template"]["spec"], "nodeName": "node-1"},
            "status": {"phase": phase, **status},
        }
        self.things["pods"][f"{key}-x7k2p"] = pod
        return pod

    def ended(self, key: str, kind: str, terminated: dict[str, Any], *, reason: str = "", message: str = "") -> None:
        """The Job is over; `terminated` is what the kubelet says of its container."""
        if terminated:
            self.pod_of(key, "Succeeded" if kind == "Complete" else "Failed")["status"]["containerStatuses"] = [
                {"name": "sandbox", "ready": False, "restartCount": 0, "image": "i", "imageID": "i",
                 "state": {"terminated": terminated}}
            ]  # fmt: skip
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        self.job(key)["status"] = {"conditions": [condition]}


class _Answers(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        kind, name, rest, query = self._where()
        if rest == "log":
            limit = int(query.get("limitBytes", ["1000000"])[0])
            self._say(200, self.api.logs.get(name, b"")[:limit], "text/plain")
        elif name:
            self._known(kind, name)
        else:
            self._list(kind, query)

    def do_POST(self) -> None:
        kind, _, _, _ = self._where()
        made = self._body()
        name = made["metadata"]["name"]
        if name in self.api.things[kind]:
            self._fail(409, "AlreadyExists", f'{kind} "{name}" already exists')
            return
        self.api.number += 1
        made["metadata"]["uid"] = f"uid-{self.api.number}"
        made.setdefault("status", {})
        self.api.things[kind][name] = made
        self._say(201, made)

    def do_PATCH(self) -> None:
        kind, name, _, _ = self._where()
        there, change = self.api.things[kind].get(name), self._body()
        if there is None:
            self._fail(404, "NotFound", name)
            return
        there["metadata"].setdefault("annotations", {}).update(change["metadata"].get("annotations", {}))
        there["spec"].update(change.get("spec", {}))
        self._say(200, there)

    def do_DELETE(self) -> None:
        kind, name, _, query = self._where()
        self._body()
        if not name:
            for one in [one for one, pod in self.api.things[kind].items() if _fits(pod, query)]:
                del self.api.things[kind][one]
            self._say(200, {"kind": "Status", "status": "Success"})
        elif self.api.things[kind].pop(name, None) is None:
            self._fail(404, "NotFound", name)
        else:
            if kind == "jobs":
                self.api.things["pods"].pop(f"{name}-x7k2p", None)
            self._say(200, {"kind": "Status", "status": "Success"})

    def _where(self) -> tuple[str, str, str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        kind, place = next((kind, place) for kind, place in PLACES.items() if parts.path.startswith(place))
        name, _, rest = parts.path.removeprefix(place).strip("/").partition("/")
        self.asked = (self.command, kind)
        self.api.asked.append(self.asked)
        return kind, name, rest, parse_qs(parts.query)

    def _body(self) -> dict[str, Any]:
        size = int(self.headers.get("Content-Length") or 0)
        return dict(json.loads(self.rfile.read(size) or b"{}"))

    def _known(self, kind: str, name: str) -> None:
        there = self.api.things[kind].get(name)
        self._say(200, there) if there else self._fail(404, "NotFound", name)

    def _list(self, kind: str, query: dict[str, list[str]]) -> None:
        found = sorted((name, one) for name, one in self.api.things[kind].items() if _fits(one, query))
        start = int(query.get("continue", ["0"])[0])
        page = [one for _, one in found[start : start + self.api.page]]
        more = str(start + self.api.page) if start + self.api.page < len(found) else ""
        self._say(200, {"kind": f"{KINDS[kind]}List", "metadata": {"continue": more}, "items": page})

    def _fail(self, status: int, reason: str, message: str) -> None:
        self._say(status, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status})

    def _say(self, status: int, said: Any, kind: str = "application/json") -> None:
        if self.asked in self.api.loses:
            self.close_connection = True
            return
        if (refusal := self.api.refuses.get(self.asked)) and status < 400:
            if self.command == "POST":
                self.api.things[self.asked[1]].pop(said["metadata"]["name"], None)
            status, said = refusal[0], {"kind": "Status", "status": "Failure", "message": refusal[1]}
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _fits(thing: dict[str, Any], query: dict[str, list[str]]) -> bool:
    name, is_equal, value = query.get("labelSelector", [""])[0].partition("=")
    labels = thing["metadata"].get("labels", {})
    return not name or (labels.get(name) == value if is_equal else name in labels)
