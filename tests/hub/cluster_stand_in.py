"""A cluster's API on loopback: keeps what is asked for, holds it against Kubernetes' schemas, plays the kubelet."""

import contextlib
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate

VERSION = "1.31"
NAMESPACE = "caia-workspaces"


@dataclass
class Cluster:
    """`kept` by kind and name. `fate` says what becomes of a pod whose name begins so: Running, Succeeded, Failed."""

    kept: dict[tuple[str, str], dict] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    bodies: list[dict] = field(default_factory=list)
    fate: dict[str, str] = field(default_factory=lambda: {"fetch": "Succeeded", "run": "Running", "gate": "Running"})
    words: str = ""
    refuses: set[str] = field(default_factory=set)
    log: list[dict] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    late: set[str] = field(default_factory=set)  # of which the next is made, and the answer comes too late

    def __post_init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Requests)
        self.server.daemon_threads = True
        self.server.far = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # Whoever the Hub's proxy is sent to: all pods are this machine.
        self.gate = ThreadingHTTPServer(("127.0.0.1", 0), _Gate)
        self.gate.daemon_threads = True
        threading.Thread(target=self.gate.serve_forever, daemon=True).start()

    def close(self):
        for server in (self.server, self.gate):
            server.shutdown()
            server.server_close()

    def names(self, kind: str) -> set[str]:
        return {name for found, name in self.kept if found == kind}

    def made(self, verb: str = "POST") -> list[tuple[str, str]]:
        return [(kind, name) for how, kind, name in self.asked if how == verb]

    def end(self, name: str, code: int = 0, why: str = "Completed") -> None:
        """The containers of this pod end."""
        with self.changed:
            pod = self.kept["pods", name]
            for one in pod["status"]["containerStatuses"]:
                one["ready"], one["state"] = False, {"terminated": {"exitCode": code, "reason": why}}
            pod["status"]["phase"] = "Succeeded" if code == 0 else "Failed"
            self.tell("MODIFIED", pod)

    def tell(self, how: str, pod: dict) -> None:
        pod["metadata"]["resourceVersion"] = str(next(self.numbers))
        self.log.append({"type": how, "object": json.loads(json.dumps(pod))})
        self.changed.notify_all()

    def create(self, kind: str, body: dict) -> tuple[int, dict]:
        name = body["metadata"]["name"]
        kubernetes_validate.validate(body, VERSION, strict=True)
        if kind in self.refuses:
            return 403, status("Forbidden", 403)
        with self.changed:
            if (kind, name) in self.kept:
                return 409, status("AlreadyExists", 409)
            self.kept[kind, name] = body
            self.bodies.append(body)
            body["metadata"] |= {"uid": f"uid-{name}", "resourceVersion": str(next(self.numbers))}
            if kind == "pods":
                self._run(name, body)
        return 201, body

    def _run(self, name: str, pod: dict) -> None:
        pod["status"] = {"phase": "Pending"}
        self.tell("ADDED", pod)
        phase = self.fate[name.partition("-")[0]]
        if phase == "Pending":
            return
        state = {"running": {}} if phase == "Running" else {
            "terminated": {"exitCode": int(phase == "Failed"), "message": self.words}
        }  # fmt: skip
        pod["status"] = {"phase": phase, "podIP": "127.0.0.1", "containerStatuses": [
            {"name": one["name"], "image": one["image"], "imageID": "", "ready": phase == "Running",
             "restartCount": 0, "state": dict(state)} for one in pod["spec"]["containers"]
        ]}  # fmt: skip
        self.tell("MODIFIED", pod)

    def delete(self, kind: str, name: str) -> tuple[int, dict]:
        with self.changed:
            gone = self.kept.pop((kind, name), None)
            if gone is None:
                return 404, status("NotFound", 404)
            if kind == "pods":
                self.tell("DELETED", gone)
        return 200, status("Success", 200)


def status(reason: str, code: int) -> dict:
    how = "Success" if code == 200 else "Failure"
    return {"kind": "Status", "apiVersion": "v1", "status": how, "reason": reason, "code": code, "message": reason}


class _Gate(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def _place(self) -> tuple[str, str]:
        """Kind and name of /api/v1/namespaces/<namespace>/<kind>/<name>, and of the networking group's."""
        parts = urlsplit(self.path).path.strip("/").split("/")
        at = parts.index("namespaces")
        assert parts[at + 1] == NAMESPACE, self.path
        kind, name = parts[at + 2], parts[at + 3] if len(parts) > at + 3 else ""
        assert parts[:at] == (["apis", "networking.k8s.io", "v1"] if kind == "networkpolicies" else ["api", "v1"])
        return kind, name

    def do_POST(self):
        kind, _ = self._place()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        far = self.server.far
        far.asked.append(("POST", kind, body["metadata"]["name"]))
        said = far.create(kind, body)
        if kind in far.late:
            far.late.remove(kind)
            time.sleep(4)  # longer than its client waits
        with contextlib.suppress(OSError):
            self._answer(*said)

    def do_DELETE(self):
        kind, name = self._place()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.far.asked.append(("DELETE", kind, name))
        self._answer(*self.server.far.delete(kind, name))

    def do_GET(self):
        far, asked = self.server.far, parse_qs(urlsplit(self.path).query)
        kind, _ = self._place()
        assert kind == "pods"
        if asked.get("watch", ["false"])[0].lower() == "true":
            self._watch(far, int(asked["resourceVersion"][0]))
            return
        with far.changed:
            rows = [pod for (kept, _), pod in far.kept.items() if kept == "pods"]
            self._answer(200, {"kind": "PodList", "apiVersion": "v1", "items": rows,
                               "metadata": {"resourceVersion": str(next(far.numbers))}})  # fmt: skip

    def _watch(self, far, since: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        at = 0
        with contextlib.suppress(OSError):
            while True:
                with far.changed:
                    far.changed.wait_for(lambda at=at: len(far.log) > at, 1)
                    news, at = far.log[at:], len(far.log)
                for row in news:
                    if int(row["object"]["metadata"]["resourceVersion"]) > since:
                        line = json.dumps(row).encode() + b"\n"
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()

    def _answer(self, code: int, facts: dict) -> None:
        body = json.dumps(facts).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
