"""A stand-in for JupyterHub: its REST API for users and servers, as a real HTTP server on loopback or a Unix socket."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote


class StandIn:
    """What it was asked for, and how it answers: `down` for nothing at all, `refuses` for a status to everything."""

    def __init__(self, token):
        self.token, self.refuses = token, 0
        self.users, self.servers, self.asked, self.signed_out = set(), {}, [], []

    def answer(self, method, path, headers, facts):
        self.asked.append((method, path, facts))
        if headers.get("Authorization") != f"token {self.token}":
            return 403, {"status": 403, "message": "Action is not authorized with current scopes"}
        if self.refuses:
            return self.refuses, {"status": self.refuses, "message": "No."}
        if path.startswith("/hub/api/signed-out/"):
            self.signed_out.append(path.rpartition("/")[2])
            return 204, {}
        parts = path.removeprefix("/hub/api/users/").split("/")
        if len(parts) == 1:
            return self._user(parts[0])
        return self._start(parts[0], parts[2], facts) if method == "POST" else self._stop(parts[0], parts[2])

    def _user(self, name):
        is_there = name in self.users
        self.users.add(name)
        return (409, {"message": f"User {name} already exists"}) if is_there else (201, {"name": name})

    def _start(self, user, server, facts):
        if user not in self.users:
            return 404, {"message": f"No such user {user}"}
        if (user, server) in self.servers:
            return 400, {"message": f"{user}/{server} is already running"}
        self.servers[user, server] = facts
        return 202, {}

    def _stop(self, user, server):
        if (user, server) not in self.servers:
            return 404, {"message": f"{user} has no server named '{server}'"}
        del self.servers[user, server]
        return 202, {}


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def served(hub, socket_path=None):
    """The stand-in at an address, as CAIA_HUB_API_URL names it."""

    class Answers(BaseHTTPRequestHandler):
        def _answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            status, facts = hub.answer(self.command, self.path, self.headers, json.loads(sent) if sent else {})
            body = json.dumps(facts).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = _answer

        def log_message(self, *_):
            """Nothing is printed."""

        def address_string(self):
            return "local"

    server = Unix(str(socket_path), Answers) if socket_path else Tcp(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        if socket_path:
            yield f"http+unix://{quote(str(socket_path), safe='')}/hub/api"
        else:
            yield f"http://127.0.0.1:{server.server_address[1]}/hub/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
