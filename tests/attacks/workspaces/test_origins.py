"""E62 and E63 of security.md in Chromium, on a whole portal: what a page of a workspace can do to the browser it is in.

The victim is signed in at the portal, the Hub and the workspace, and runs a cell that somebody gave them; then the
server behind the gateway is another program. Afterwards the browser holds what it held, and portal and Hub answer as
before.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from tests.attacks.workspaces.ground import DATA, PYTHON, Ground
from tests.attacks.workspaces.hub import ask, forgery_token, names_of
from tests.live.lab import PAGE, Lab
from tests.live.test_in_a_browser import become, run_cell

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA = "Rosa Jimenez"
TOSSED = "tossed-by-a-cell"
# What somebody else's cell does in the victim's page. Each way says what came of it.
ATTACK = """
(async () => {
  const {names, hosts, paths, targets, sockets, tossed} = FACTS, said = {};
  for (const name of names) for (const host of hosts) for (const path of paths)
    for (const more of ['', '; secure', '; secure; partitioned'])
      document.cookie = `${name}=${tossed}; path=${path}${host && '; domain=' + host}; max-age=600${more}`;
  const within = promise => Promise.race([promise, new Promise(done => setTimeout(done, 3000, 'silence'))]);
  const attempt = async (what, work) => {
    try { said[what] = String(await within(work())); } catch (error) { said[what] = 'refused ' + error.name; }
  };
  const put = (tag, facts) => new Promise(done => {
    const made = Object.assign(document.createElement(tag), facts);
    made.onload = () => done('loaded'); made.onerror = () => done('refused');
    document.body.append(made);
  });
  for (const url of targets) {
    for (const mode of ['no-cors', 'cors'])
      await attempt(`fetch ${mode} ${url}`, () => fetch(url, {mode, credentials: 'include'}).then(() => 'open'));
    await attempt(`post ${url}`, () => fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include',
      body: new URLSearchParams({_xsrf: tossed})}).then(() => 'open'));
    await attempt(`popup ${url}`, () => window.open(url) === null ? 'refused' : 'open');
    await attempt(`image ${url}`, () => put('img', {src: url}));
    await attempt(`script ${url}`, () => put('script', {src: url}));
    await attempt(`style ${url}`, () => put('link', {rel: 'stylesheet', href: url}));
    put('iframe', {src: url});
    navigator.sendBeacon(url, tossed);
    const form = Object.assign(document.createElement('form'), {action: url, method: 'post', target: '_blank'});
    document.body.append(form); form.submit();
  }
  for (const url of sockets) await attempt(`socket ${url}`, () => new Promise((done, failed) => {
    const line = new WebSocket(url); line.onopen = () => done('open'); line.onerror = () => failed(new Error('closed'));
  }));
  for (const script of ['attack.js', '../../files/attack.js', 'api/contents/attack.js?content=1', 'lab'])
    await attempt(`worker ${script}`, () => navigator.serviceWorker.register(BASE + script, {scope: BASE})
      .then(() => 'open'));
  said.left = (await navigator.serviceWorker.getRegistrations()).length;
  window.attacked = said;
})();
"""
# The program in the server's place: each address is answered with something that a browser should never believe.
HOSTILE = r"""
import os, socket, threading, time
place, marks = '/run/ws/server.sock', SIGNS
evil = "\r\n".join((
    "Set-Cookie: caia_session=stolen; Path=/; Domain=localhost", "Set-Cookie: _xsrf=stolen; Path=/",
    "Set-Cookie: jupyterhub-hub-login=stolen; Path=/hub/; Domain=workspaces.localhost", 'Clear-Site-Data: "*"',
    "Refresh: 0; url=PORTAL/sign-in/", "Service-Worker-Allowed: /", "Content-Security-Policy: default-src *",
    "Access-Control-Allow-Origin: *", "Link: <PORTAL/x>; rel=preload; as=script")) + "\r\n"
page = ("<title>Sign in</title><h1>Your session has ended</h1><form action='PORTAL/sign-in/' method='post'>"
        "<input name=password type=password value=secret><button>Sign in</button></form>"
        "<meta http-equiv='Set-Cookie' content='caia_session=stolen'><base href='PORTAL'><iframe src='PORTAL'></iframe>"
        "<script>window.stolen = 1; document.cookie = 'stolen=1'</script><img src=x onerror='window.stolen=1'>")
def say(line, status, head, body=''): line.sendall(f'HTTP/1.1 {status}\r\n{evil}{head}\r\n\r\n{body}'.encode())
def answer(line):
    try:
        asked = line.recv(65536).split(b' ')[1].decode()
        open(marks, 'a').write(asked + '\n')
        if asked.endswith('/away'): say(line, '302 Found', 'Location: PORTAL/sign-in/\r\nContent-Length: 0')
        elif asked.endswith('/huge'):
            say(line, '200 OK', 'Transfer-Encoding: chunked')
            for _ in range(1 << 14): line.sendall(b'10000\r\n' + b'x' * 65536 + b'\r\n')
        elif asked.endswith('/slow'):
            for letter in 'HTTP/1.1 200 OK\r\nX-Slow: ' + 'x' * 200: line.sendall(letter.encode()); time.sleep(1)
        elif asked.endswith('/bomb'): say(line, '200 OK', '\r\n'.join(f'X-{n}: {"a" * 900}' for n in range(1100)))
        else: say(line, '200 OK', f'Content-Type: text/html\r\nContent-Length: {len(page)}', page)
    except OSError: pass
    finally: line.close()
os.unlink(place)
door = socket.socket(socket.AF_UNIX); door.bind(place); os.chmod(place, 0o660); door.listen(64)
open(marks, 'w').write('ready\n')
while True: threading.Thread(target=answer, args=(door.accept()[0],), daemon=True).start()
"""
TAKE_OVER = f"""
import os, subprocess, time
subprocess.Popen(['{PYTHON}', 'hostile.py'], start_new_session=True)
until = time.monotonic() + 30
while not os.path.exists('asked.txt') and time.monotonic() < until: time.sleep(0.1)
print(os.path.exists('asked.txt'))
"""
ENDINGS = {"tree/away": {502}, "tree/huge": {200, 502}, "tree/slow": {502, 504}, "tree/bomb": {502}}


@dataclass
class Victim:
    """A browser that is signed in everywhere; `heard` are the answers that came to it."""

    page: Page
    ground: Ground
    heard: list[tuple[str, str, int]] = field(default_factory=list)

    def listen(self) -> None:
        self.page.context.on("response", lambda one: self.heard.append((one.request.method, one.url, one.status)))

    def cookies(self) -> dict[tuple[str, ...], str]:
        """The value of each; one that is kept for the pages of one site alone is another one."""
        return {
            (one["name"], one["domain"], one["path"], str(one.get("partitionKey", ""))): one["value"]
            for one in self.page.context.cookies()
        }

    def sees_the_portal(self) -> None:
        """Still as herself, without a new sign-in."""
        answer = self.page.goto(f"{self.ground.site.url}/account/")
        assert answer is not None
        assert (answer.status, self.page.url) == (200, f"{self.ground.site.url}/account/")
        expect(self.page.locator("body")).to_contain_text(ROSA)

    def is_known_at_the_hub(self, name: str) -> None:
        answer = self.page.goto(f"{self.ground.site.workspaces_url}/hub/api/user")
        assert answer is not None
        assert (answer.status, answer.json()["name"]) == (200, name)


@pytest.fixture
def victim(ground, open_page) -> Victim:
    page = open_page()
    become(page, ground.site, ROSA)
    return Victim(page, ground)


def enter(page: Page, lab: Lab) -> None:
    page.goto(lab.address)
    page.locator("#jp-main-dock-panel").wait_for(timeout=60_000)


@pytest.fixture
def lab(ground) -> Iterator[Lab]:
    """Rosa's, in which the notebook of a test does not stay behind."""
    yield ground.lab
    for name in ("Untitled.ipynb", "attack.js"):
        ground.lab.ask("DELETE", f"api/contents/{name}")
    for kernel in ground.lab.ask("GET", "api/sessions").json():
        ground.lab.ask("DELETE", f"api/sessions/{kernel['id']}")


def facts_of(ground: Ground, victim: Victim) -> dict[str, Any]:
    """Every name of a cookie that this browser holds, each host above this one, and what it would like to reach."""
    site, host = ground.site, ground.lab.origin.split("/")[2].split(":")[0]
    known = sorted({name for name, *_ in victim.cookies()})
    hub = f"{site.workspaces_url}/hub"
    return {
        "tossed": TOSSED,
        "names": [*known, "session", "sessionid", "_xsrf", "login", "csrftoken", "jupyterhub-hub-login"],
        "hosts": ["", host, host.partition(".")[2], "localhost", ground.their_lab.origin.split("/")[2].split(":")[0]],
        "paths": ["/", "/hub/", "/hub", ground.lab.base.removeprefix(ground.lab.origin), "/account/"],
        "targets": [
            f"{site.url}/account/", f"{site.url}/projects/{ground.project}/workspace/start/", f"{hub}/api/user",
            f"{hub}/logout", ground.their_lab.address, f"{ground.their_lab.base}api/contents",
        ],
        "sockets": [f"{ground.their_lab.base}api/events/subscribe".replace("http", "ws", 1),
                    site.url.replace("http", "ws", 1)],
    }  # fmt: skip


def test_e62_a_cell_can_toss_no_cookie_that_counts_and_reaches_nobody_else(ground, victim, lab):
    name, _ = names_of(lab)
    enter(victim.page, lab)
    victim.is_known_at_the_hub(name)
    enter(victim.page, lab)
    facts, before = facts_of(ground, victim), victim.cookies()
    script = ATTACK.replace("FACTS", json.dumps(facts)).replace("BASE", json.dumps(lab.base))
    lab.put("attack.js", script.encode())
    victim.listen()

    run_cell(victim.page, "from IPython.display import Javascript\nJavascript(filename='attack.js')")
    victim.page.wait_for_function("window.attacked", timeout=240_000)

    said = victim.page.evaluate("window.attacked")
    assert said.pop("left") == 0
    assert len(said) > 40
    assert {what: of for what, of in said.items() if not of.startswith("refused")} == {}
    reached = [one for one in victim.heard if not one[1].startswith((lab.base, "blob:", "data:"))]
    assert reached == []
    assert len(victim.page.context.pages) == 1
    _holds_what_it_held(victim, before, name)
    enter(victim.page, lab)
    assert ground.their_lab.ask("GET", "api/me").status_code == 200


def _holds_what_it_held(victim: Victim, before: dict[tuple[str, ...], str], name: str) -> None:
    """What was tossed is nobody's: each cookie that says who somebody is has the value that it had."""
    after = victim.cookies()
    assert {key: after.get(key) for key in before} == before
    for url in (victim.ground.site.url, f"{victim.ground.site.url}/account/"):
        assert TOSSED not in [one["value"] for one in victim.page.context.cookies(url)]
    victim.sees_the_portal()
    victim.is_known_at_the_hub(name)
    victim.sees_the_portal()


def test_e62_ones_cookies_are_nothing_at_anothers_workspace(ground):
    """Neither as they are, nor under the names that the other one's have."""
    own = [one for one in ground.rosa.browser.cookies if one.name.startswith("__Host-workspace-")]
    theirs = [one for one in ground.julia.browser.cookies if one.name.startswith("__Host-workspace-")]
    assert own
    assert theirs
    turned = "; ".join([f"{one.name}={one.value}" for one in own]
                       + [f"{their.name}={one.value}" for their in theirs for one in own])  # fmt: skip

    for path in ("api/me", "api/contents?content=1", "api/kernels"):
        answer = ground.site.person("Rosa Jimenez").browser.get(
            f"{ground.their_lab.base}{path}", headers={"Cookie": turned, "Accept": "application/json"}, timeout=30,
            allow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 401, path
    assert ground.their_lab.ask("GET", "api/me").status_code == 200


def test_e62_ones_word_against_forged_requests_is_worth_nothing_in_anothers_session(ground):
    """At the Hub, at the portal, and with the Hub's word at a workspace of one's own."""
    own, theirs = forgery_token(ground.rosa), forgery_token(ground.julia)
    assert own
    assert theirs not in {"", own}
    assert ask(ground.rosa, "GET", "/hub/api/user").status_code == 200
    for word in (theirs, "", own[:-1], own.swapcase()):
        assert ask(ground.rosa, "GET", "/hub/api/user", headers={"X-XSRFToken": word}).status_code == 403, word

    form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', ground.julia.get("/account/").text)
    assert form
    stop = f"/runs/{ground.lab.run}/stop/"
    answer = ground.rosa.post(stop, "/account/", csrfmiddlewaretoken=form[1], reason="As somebody else wishes.")
    assert answer.status_code == 403
    assert ground.lab.ask("GET", "api/me").status_code == 200, "her workspace runs on"
    crossing = {"Origin": ground.their_lab.origin, "Sec-Fetch-Site": "same-site", "X-XSRFToken": own}
    assert ground.lab.ask("POST", "api/kernels", json={"name": "python3"}, headers=crossing).status_code == 403


# ── another program in the server's place ───────────────────────────────────────────────────────────────────────────
@dataclass
class Replaced:
    """A workspace whose server is the attacker's program."""

    lab: Lab
    notes: dict[str, Any]

    @property
    def memory(self) -> int:
        """Bytes of its gateway."""
        lines = Path(f"/proc/{self.notes['gateway'][0]}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) << 10


@pytest.fixture
def replaced(ground) -> Iterator[Replaced]:
    """A run of its own. The wall before it, that nothing of a server's folder can be changed, is tried, then opened."""
    project = ground.site.project(ROSA, DATA)
    with ground.rosa.at_work(project) as lab:
        folder, notes = ground.notes(lab)
        inner = folder / "s" / "inner"
        program = HOSTILE.replace("PORTAL", ground.site.url).replace("SIGNS", "'/home/researcher/asked.txt'")
        lab.put("hostile.py", program.encode())
        start = f"import subprocess\nprint(subprocess.run(['{PYTHON}', 'hostile.py'], capture_output=True).returncode)"
        if os.geteuid() == 0:  # without root, that wall is not there
            assert lab.execute(start).text == "1\n", "a server's socket can be replaced from inside"
            os.chown(inner, notes["uid"], notes["uid"])  # as it was before the server listened
        assert lab.execute(TAKE_OVER).text == "True\n", "the attacker's program does not listen"
        yield Replaced(lab, notes)


def test_e63_whatever_another_server_says_the_victims_browser_holds_what_it_held(ground, victim, replaced):
    lab, name = replaced.lab, names_of(replaced.lab)[0]
    enter(victim.page, ground.lab)
    victim.is_known_at_the_hub(name)
    before = victim.cookies()
    victim.listen()

    page = victim.page
    answer = page.goto(lab.address)
    assert answer is not None
    expect(page.locator("h1")).to_have_text("Your session has ended")
    page.evaluate("document.querySelector('button').click()")  # a click would wait for where it may not lead
    page.wait_for_timeout(1500)
    assert page.url == lab.address
    assert page.evaluate("[window.stolen, document.cookie.includes('stolen')]") == [None, False]
    for tail, statuses in ENDINGS.items():
        with suppress(Error):  # cut off in its middle, the browser shows none
            page.goto(f"{lab.address}/{tail}", timeout=120_000)
        assert {status for _, url, status in victim.heard if url.endswith(tail)} <= statuses, victim.heard
        assert page.url.startswith((lab.address, "chrome-error:")), tail

    reached = {url for _, url, _ in victim.heard if not url.startswith((lab.base, "data:", "chrome-error:"))}
    assert {url for url in reached if not url.startswith(f"{ground.site.workspaces_url}/hub/")} == set()
    assert replaced.memory < 200 << 20
    after = victim.cookies()
    assert {key: after.get(key) for key in before} == before
    assert "stolen" not in after.values()
    victim.sees_the_portal()
    victim.is_known_at_the_hub(name)
    enter(page, ground.lab)
    assert ground.rosa.get(ground.lab.address, headers=PAGE).status_code == 200
