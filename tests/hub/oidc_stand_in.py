"""The portal as the Hub's OpenID provider, on loopback: codes for whoever is named; asks for PKCE and secret."""

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass
class Provider:
    """`person`: who sits before the browser. `welcome`: whom it still vouches for."""

    client_secret: str
    person: str = ""
    welcome: set[str] = field(default_factory=set)
    codes: dict[str, tuple[str, dict]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Requests)
        self.server.daemon_threads = True
        self.server.far = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://localhost:{self.server.server_port}"


class _Requests(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        far, parts = self.server.far, urlsplit(self.path)
        far.asked.append(parts.path)
        if parts.path == "/oidc/authorize/":
            words = {name: values[0] for name, values in parse_qs(parts.query).items()}
            assert words["client_id"] == "hub"
            assert words["code_challenge_method"] == "S256"
            code = secrets.token_hex(8)
            far.codes[code] = (far.person, words)
            self.send_response(302)
            self.send_header(
                "Location", f"{words['redirect_uri']}?{urlencode({'code': code, 'state': words['state']})}"
            )
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        person = far.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if parts.path == "/oidc/userinfo/" and person in far.welcome:
            self._answer(200, {"sub": person})
        else:
            self._answer(401, {"error": "invalid_token"})

    def do_POST(self):
        far = self.server.far
        words = {name: values[0] for name, values in parse_qs(self._body()).items()}
        basic = base64.b64encode(f"hub:{far.client_secret}".encode()).decode()
        person, asked = far.codes.pop(words.get("code"), ("", {}))
        proof = base64.urlsafe_b64encode(hashlib.sha256(words.get("code_verifier", "").encode()).digest())
        is_ours = self.headers.get("Authorization") == f"Basic {basic}"
        if not person or not is_ours or proof.decode().rstrip("=") != asked["code_challenge"]:
            self._answer(400, {"error": "invalid_grant"})
            return
        token = secrets.token_hex(8)
        far.tokens[token] = person
        self._answer(200, {"access_token": token, "token_type": "Bearer", "scope": "openid", "expires_in": 3600})

    def _body(self):
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def _answer(self, status, facts):
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
