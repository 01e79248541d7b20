"""How each part is asked whether it answers: "" for yes, else what is wrong, in words."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from door.ground import Ground

_SECONDS = 2.0


def answers(host: str, port: int) -> bool:
    """Whether something takes connections there."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def get(port: int, path: str) -> tuple[int, bytes]:
    """One GET on loopback: status and body; status 0 when nobody answers."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        link.request("GET", path, headers={"Host": f"localhost:{port}"})
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        link.close()


def host(path: Path) -> str:
    """The workspaces' host takes a request at its socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(_SECONDS)
            link.connect(str(path))
            link.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            said = link.recv(64)
    except OSError as error:
        return f"its socket gives no answer: {error.strerror or error}"
    return "" if b" 200 " in said else "its socket gives a strange answer"


def hub(ground: Ground) -> str:
    """JupyterHub says that it is well."""
    status, _ = get(ground.ports["hub"], "/hub/health")
    return "" if status == 200 else "no answer yet" if status == 0 else f"/hub/health answers {status}"


def redis(ground: Ground) -> str:
    """Redis takes our password and says PONG."""
    said = redis_says(ground, "PING")
    return "" if said.startswith("+PONG") else f"Redis says: {said.strip() or 'nothing'}"


def redis_says(ground: Ground, *words: str) -> str:
    """Redis's raw answer to one command; "" where it gives none."""
    try:
        with socket.create_connection(("127.0.0.1", ground.ports["redis"]), timeout=_SECONDS) as link:
            link.sendall(_spoken("AUTH", ground.secret("redis")))
            if not link.recv(200).startswith(b"+OK"):
                return ""
            link.sendall(_spoken(*words))
            return link.recv(65_536).decode(errors="replace")
    except OSError:
        return ""


def web(ground: Ground) -> str:
    """The portal answers, and all that it needs answers it."""
    status, body = get(ground.ports["web"], "/health/ready")
    if status == 200:
        return ""
    if status == 0:
        return "no answer yet"
    wrong = [f"{name}: {part['words']}" for name, part in ready_parts(body).items() if not part.get("ok")]
    return "; ".join(wrong) or f"/health/ready answers {status}"


def ready_parts(body: bytes) -> dict[str, Any]:
    """The parts that /health/ready tells of."""
    try:
        return dict(json.loads(body)["parts"])
    except (ValueError, KeyError, TypeError):
        return {}


def worker(ground: Ground) -> str:
    """A Celery worker listens for remote control (its pattern subscription); asked of our own Redis only."""
    if "redis" not in ground.ports:
        return ""
    said = redis_says(ground, "PUBSUB", "NUMPAT")
    return "" if said.startswith(":") and said.strip() != ":0" else "the worker has not connected yet"


def _spoken(*words: str) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(word.encode())}\r\n{word}\r\n".encode() for word in words)
