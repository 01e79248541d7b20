"""The far sides of a host, as real servers on loopback: the portal's inner API, and object storage with ranges."""

import base64
import hashlib
import json
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "a secret of the host"
MB = 1024**2
LIMITS = {
    "cpus": 1, "memory": 500 * MB, "seconds": 60, "grace": 5, "processes": 100, "work": 64 * MB, "shared": 64 * MB,
    "output": MB, "alone": 30,
}  # fmt: skip


@dataclass
class Storage:
    """Bytes by name. `broken` breaks off after so many bytes, once; `without_ranges` gives whole files only."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    without_ranges: bool = False
    slow: threading.Event | None = None

    def __post_init__(self):
        self.server = _serve(self, _Storage)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, content: bytes, path: str = "rows.csv", **changes) -> dict:
        """A file as a plan names it."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.files[sha256] = content
        return {"path": path, "sha256": sha256, "size": len(content), "url": f"{self.url}/{sha256}?sig=x"} | changes


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass


class _Storage(_Requests):
    def do_GET(self):
        far, name, wanted = self.server.far, self.path[1:].split("?")[0], self.headers.get("Range")
        far.asked.append((name, wanted))
        if far.slow:
            far.slow.wait(10)
        if name in far.refused:
            far.refused.discard(name)
            self.send_error(403)
            return
        content, status = far.files[name], 200
        if wanted and not far.without_ranges:
            content, status = content[int(wanted.removeprefix("bytes=").rstrip("-")) :], 206
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: far.broken.pop(name, None)])
        self.close_connection = True


@dataclass
class Portal:
    """Plans by run, events as they came, and what the next heartbeat is told."""

    plans: dict[str, dict] = field(default_factory=dict)
    refusals: dict[str, tuple[int, dict]] = field(default_factory=dict)
    events: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    beats: list[dict] = field(default_factory=list)
    stop: list[dict] = field(default_factory=list)
    resume: list[str] = field(default_factory=list)
    erase: list[dict] = field(default_factory=list)
    erase_projects: list[str] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    attempts: dict[str, dict] = field(default_factory=dict)  # plans of jobs
    told: dict[str, list[tuple[str, dict]]] = field(default_factory=lambda: defaultdict(list))
    ends: list[dict] = field(default_factory=list)  # what the next heartbeat of jobs is told to end
    gone: set[str] = field(default_factory=set)  # attempts that were given up
    keeps_results: bool = True
    most_log: int = MB
    job_beats: list[dict] = field(default_factory=list)
    asked: list[tuple[str, str, dict]] = field(default_factory=list)  # from inside: run, what, facts
    job_answers: dict[str, tuple[int, dict]] = field(default_factory=dict)
    is_down: bool = False
    forgets_answers: int = 0  # so many times it stores events and then breaks off

    def __post_init__(self):
        self.server = _serve(self, _Portal)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def plan(self, uid: int, datasets: list[dict], changes: dict) -> dict:
        """A plan, kept for the run that it names."""
        plan = {
            "uid": uid, "datasets": datasets,
            "run": str(uuid.uuid4()), "workspace": str(uuid.uuid4()), "name": f"test-{uid}",
            "environment": "python-cancer", "shared": str(uuid.uuid4()), "idle_seconds": 3600,
            "limits": {"memory": 1500 * MB, "cpus": 2, "processes": 200, "seconds": None, "home": 32 * MB,
                       "shared": 32 * MB, "results": 16 * MB},
            "meter": {"warn": 50 * MB, "pause": 200 * MB, "window_seconds": 3600},
        } | changes  # fmt: skip
        self.plans[plan["run"]] = plan
        return plan

    def job_plan(self, uid: int, code: dict, datasets: list[dict], changes: dict) -> dict:
        """The plan of an attempt, which the next heartbeat offers."""
        plan = {
            "attempt": str(uuid.uuid4()), "fence": 1, "job": str(uuid.uuid4()), "resumes": None,
            "label": "j-0001-train",
            "name": f"test-{uid}", "uid": uid, "environment": "python-cancer", "command": ["python3", "main.py"],
            "seed": 7, "code": code, "datasets": datasets, "project": str(uuid.uuid4()),
            "limits": LIMITS,
        } | changes  # fmt: skip
        self.attempts[plan["attempt"]] = plan
        return plan

    def log(self, attempt: str) -> bytes:
        """What it printed, as it was told."""
        pieces = [body for what, body in self.told[attempt] if what == "log"]
        return b"".join(base64.b64decode(one["content"]) for one in pieces)

    def said(self, attempt: str, what: str) -> list[dict]:
        return [body for kind, body in self.told[attempt] if kind == what]

    def kinds(self, run: str) -> list[str]:
        return [event["kind"] for event in self.events[run]]

    def state(self, run: str) -> dict | None:
        """The last word of a heartbeat about this run."""
        return next((row for beat in reversed(self.beats) for row in beat["runs"] if row["run"] == run), None)


class _Portal(_Requests):
    def do_POST(self):
        far = self.server.far
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if far.is_down or self.headers.get("Authorization") != f"Bearer {SECRET}":
            self._answer(503 if far.is_down else 404, {})
            return
        match self.path.strip("/").split("/"):
            case ["internal", "heartbeat"]:
                far.beats.append(body)
                self._answer(200, {"stop": far.stop, "resume": far.resume, "erase": far.erase})
            case ["internal", "jobs", "beat"]:
                far.job_beats.append(body)
                known = {one["attempt"] for one in body["attempts"]}
                due = [one for one in far.attempts if one not in known and not far.told[one]]
                stop = far.ends + [{"attempt": one, "now": True, "reason": "Given up."} for one in far.gone & known]
                start = [{"attempt": one, "fence": 1} for one in due]
                self._answer(200, {"start": start, "stop": stop, "erase": far.erase_projects})
            case ["internal", "jobs", "wait"]:
                time.sleep(0.2)
                self._answer(200, {"rang": bool(far.attempts)})
            case ["internal", "attempts", attempt, what] if attempt in far.gone or attempt not in far.attempts:
                self._answer(410, {"reason": f"{what} of what was given up."})
            case ["internal", "attempts", attempt, what]:
                self._hear(far, attempt, what, body)
            case ["internal", "runs", run, "jobs", what]:
                far.asked.append((run, what, body))
                self._answer(*far.job_answers.get(what, (200, {"jobs": []})))
            case ["internal", "workspaces" | "projects", thing, "erased"]:
                far.erased.add(thing)
                self._answer(200, {})
            case ["internal", "runs", run, "plan"] if run in far.refusals:
                self._answer(*far.refusals[run])
            case ["internal", "runs", run, "plan"] if run in far.plans:
                self._answer(200, far.plans[run])
            case ["internal", "runs", run, "events"] if run in far.plans or run in far.refusals:
                self._take(far, run, body["events"])
            case _:
                self._answer(404, {})

    def _hear(self, far, attempt, what, body):
        there = len(far.log(attempt))
        far.told[attempt].append((what, body))
        match what:
            case "plan":
                self._answer(200, far.attempts[attempt])
            case "log" if there + len(base64.b64decode(body["content"])) > far.most_log:
                far.told[attempt][-1] = ("too much", {})
                self._answer(200, {"next": there})
            case "log":
                self._answer(200, {"next": len(far.log(attempt))})
            case "ended":
                self._answer(200, {"keeps_results": far.keeps_results})
            case _:
                self._answer(200, {})

    def _take(self, far, run, events):
        stored = far.events[run]
        if far.unreadable & {event["kind"] for event in events}:
            self._answer(400, {"reason": "An event says too much."})
            return
        for event in events:
            if event["seq"] > (stored[-1]["seq"] if stored else 0):
                assert event["seq"] == len(stored) + 1, "a gap"
                stored.append(event)
        if far.forgets_answers:
            far.forgets_answers -= 1
            self.close_connection = True
            return
        self._answer(200, {"acknowledged": stored[-1]["seq"]})

    def _answer(self, status, facts):
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _serve(far, requests) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), requests)
    server.daemon_threads = True
    server.far = far
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
