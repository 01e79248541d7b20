"""E14, E61 and E69 of security.md: what a workspace holds of the Hub, and who may ask what of the Hub and its portal.

By two members' own browsers, and by those whose roles might tempt them, at the real Hub of a whole portal.
"""

import hashlib
import json

import pytest

from tests.attacks.workspaces.hub import addresses, ask, names_of
from tests.live.lab import PAGE
from tests.live.site import Person

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

# Reads, inside, every file and every program's surroundings, and hashes each word long enough to be a secret.
SEARCH = """
import hashlib, os, re
sought, planted = {sought!r}, ''.join({planted!r})
os.makedirs('/tmp/planted', exist_ok=True); open('/tmp/planted/file', 'w').write('token=' + planted)
child = __import__('subprocess').Popen(['sleep', '60'], env={{'PLANTED': planted}})
files = []
for top in ('/etc', '/home', '/opt/settings', '/results', '/run', '/shared', '/tmp', '/dev/shm'):
    for folder, _, names in os.walk(top):
        files += [os.path.join(folder, name) for name in names]
for pid in filter(str.isdigit, os.listdir('/proc')):
    files += [f'/proc/{{pid}}/{{name}}' for name in ('environ', 'cmdline', 'mountinfo', 'cgroup')]
found = []
for file in files:
    try:
        if os.path.isfile(file): said = open(file, 'rb').read(1 << 22)
        else: continue
    except OSError: continue
    words = set(re.findall(rb'[A-Za-z0-9_+/=-]{{16,}}', said))
    pieces = words | {{piece for word in words for piece in word.split(b'=')}}
    if b'JUPYTERHUB' + b'_' in said or any(hashlib.sha256(one).hexdigest() in sought for one in pieces):
        found.append(file)
child.kill(); os.remove('/tmp/planted/file')
print(len(files)); print(sorted(set(found) - {{'/tmp/planted/file', f'/proc/{{child.pid}}/environ'}}))
print(len(set(found)))
"""
PLANTED = "planted-0123456789abcdef"  # in pieces in the code: IPython keeps that in a file


def _hashes(words):
    return {hashlib.sha256(word.encode()).hexdigest() for word in words}


def test_a_workspace_holds_nothing_of_the_hub(ground):
    """The probe looks for hashes, so that it brings no secret inside itself; it finds the two that it planted."""
    folder, _ = ground.notes(ground.lab)
    told = json.loads(next(folder.glob("s/own/gateway.json")).read_text())["hub"]
    cookies = [str(one.value) for one in ground.rosa.browser.cookies if len(str(one.value)) > 15]
    sought = _hashes([*ground.secrets(), told["token"], *cookies, PLANTED])

    ran = ground.lab.execute(SEARCH.format(sought=sought, planted=tuple(PLANTED)))

    assert not ran.error, ran.error
    looked_at, found, rang = ran.text.splitlines()
    assert (found, rang) == ("[]", "2")
    assert int(looked_at) > 50


# ── what the Hub answers to somebody who may enter one workspace ────────────────────────────────────────────────────
def _open_to(person, name, server):
    return {
        (method, path): answer
        for method, path in addresses(name, server)
        if (answer := ask(person, method, path)).status_code < 400
    }


def test_of_all_the_hubs_api_a_member_is_told_their_own_name_and_nothing_else(ground):
    name, server = names_of(ground.lab)

    told = _open_to(ground.rosa, name, server)

    assert set(told) == {("GET", "/hub/api/"), ("GET", "/hub/api/user"), ("GET", f"/hub/api/users/{name}")}
    own = told["GET", f"/hub/api/users/{name}"].json()
    assert {key for key, value in own.items() if value} == {"kind", "name"}
    user = told["GET", "/hub/api/user"].json()
    assert {scope.partition("!")[0] for scope in user["scopes"]} == {
        "access:servers", "read:users:name", "read:users:groups",
    }  # fmt: skip
    assert ground.lab.ask("GET", "api/me").status_code == 200, "her workspace runs on"


def test_of_somebody_elses_the_hub_says_nothing(ground):
    name, server = names_of(ground.their_lab)

    told = _open_to(ground.rosa, name, server)

    assert set(told) == {("GET", "/hub/api/"), ("GET", "/hub/api/user")}
    assert name not in str([answer.text for answer in told.values()])
    unknown = ask(ground.rosa, "GET", f"/hub/api/users/m{'0' * 20}")
    there = ask(ground.rosa, "GET", f"/hub/api/users/{name}")
    assert (there.status_code, there.text) == (unknown.status_code, unknown.text)
    assert ground.their_lab.ask("GET", "api/me").status_code == 200, "Julia's workspace runs on"


def test_no_token_is_given_to_whoever_asks_for_one(ground):
    """Neither at the API nor on the Hub's page; and none in an address is believed."""
    name, server = names_of(ground.lab)
    asked = ask(ground.rosa, "POST", f"/hub/api/users/{name}/tokens", facts={"note": "mine", "scopes": ["inherit"]})

    assert asked.status_code == 403
    assert "token" not in asked.json()
    notes = json.loads(next(ground.notes(ground.lab)[0].glob("s/own/gateway.json")).read_text())
    for secret in (notes["hub"]["token"], ground.site.values["CAIA_HUB_TOKEN"]):
        answer = ground.rosa.site.person("Rosa Jimenez").browser.get(
            f"{ground.site.workspaces_url}/hub/api/users?token={secret}", timeout=30, allow_redirects=False
        )
        assert answer.status_code == 403, "a token in an address"
    assert server not in ask(ground.rosa, "GET", "/hub/api/user").text.replace(f"server={name}/{server}", "")


def test_a_hub_that_opened_its_api_would_be_noticed(ground):
    """The same list asked with the portal's own token, without the member's cookies: more is answered."""
    name, server = names_of(ground.lab)
    token = {"Authorization": f"token {ground.site.values['CAIA_HUB_TOKEN']}"}
    nobody = Person(ground.site, "nobody")
    reads = [path for method, path in addresses(name, server) if method == "GET"]

    opened = {path for path in reads if ask(nobody, "GET", path, headers=token).status_code == 200}

    assert {"/hub/api/users", f"/hub/api/users/{name}"} <= opened


@pytest.mark.long
def test_a_workspace_is_no_proxy_to_anything_else(ground):
    """E13 and E14: addresses that jupyter-server-proxy has, for ports of this machine and other hosts' names."""
    ports = json.loads((ground.site.place / "ports").read_text())
    ways = [f"{way}{port}/" for port in ports.values() for way in ("proxy/", "proxy/absolute/", "proxy/127.0.0.1:")]
    ways += ["proxy/169.254.169.254:80/", "proxy/localhost:22/", "proxy/unix/run/server.sock/", "desktop/", "rstudio/"]
    ways += [f"%70roxy/{ports['web']}/", f"api/..%2fproxy/{ports['web']}/", f"lab/../proxy/{ports['web']}/"]

    told = {way: ground.lab.ask("GET", way, allow_redirects=False).status_code for way in ways}

    assert set(told.values()) <= {400, 403, 404}, told
    assert ground.lab.ask("GET", "api/me").status_code == 200


# ── roles that might tempt somebody ─────────────────────────────────────────────────────────────────────────────────
# Of Rosa's project on data of Fred Hutch: her page of the project, her run, its code; a start of hers, a stop of hers.
TEMPTED = {
    "Farid Nouri": ("auditor of the data's owner", (404, 200, 200), (404, 403)),
    "Isaac Cohen": ("auditor of the alliance", (200, 200, 200), (403, 403)),
    "Carmen Ruiz": ("steward of the data, who may stop it", (200, 200, 403), (403, None)),
    "Mateo Silva": ("steward of other data of her own center", (404, 404, 404), (404, 404)),
    "Kofi Mensah": ("manager of her center", (200, 404, 404), (403, 404)),
    "Ada Osei": ("alliance manager, and manager of the owner", (404, 404, 404), (404, 404)),
    "Julia Santos": ("lead of another project", (404, 404, 404), (404, 404)),
}


@pytest.mark.parametrize("name", TEMPTED)
def test_nobody_else_enters_starts_or_stops_it_whatever_their_role(ground, name):
    _, pages, acts = TEMPTED[name]
    person = ground.julia if name == "Julia Santos" else ground.site.person(name)
    page, run = f"/projects/{ground.project}/workspace/", f"/runs/{ground.lab.run}/"

    assert tuple(person.get(path).status_code for path in (page, run, f"{run}code/")) == pages
    assert ground.lab.base not in person.get(page).text
    for path, expected in zip((f"{page}start/", f"{run}stop/"), acts, strict=True):
        if expected is not None:
            assert person.post(path, "/account/", reason="I would like to.").status_code == expected, path
    for address in (ground.lab.address, f"{ground.lab.base}api/contents?content=1", f"{ground.lab.base}api/kernels"):
        answer = person.get(address, headers=PAGE)
        assert answer.status_code == 403, (address, answer.url)
    assert person.get(f"{ground.site.workspaces_url}/hub/admin", headers=PAGE).status_code == 403
    assert ask(person, "GET", "/hub/api/users").status_code == 403
    assert ground.lab.ask("GET", "api/me").status_code == 200


def test_each_of_them_is_on_the_record(ground):
    """Who has no workspace and went there all the same, or acted on what they see; an auditor's look at the code."""
    tempted = {name: ground.site.person(name) for name in ("Carmen Ruiz", "Isaac Cohen")}
    run = f"/runs/{ground.lab.run}/"
    for person in tempted.values():
        person.get(ground.lab.address, headers=PAGE)
        person.post(f"/projects/{ground.project}/workspace/start/", "/account/")
    tempted["Isaac Cohen"].post(f"{run}stop/", "/account/", reason="I would like to.")
    tempted["Isaac Cohen"].get(f"{run}code/")
    tempted["Carmen Ruiz"].get(f"{run}code/")

    both = {"Carmen Ruiz": "refused", "Isaac Cohen": "refused"}
    expected = {
        "workspaces.hub.entered": both,
        "workspaces.run.started": both,
        "workspaces.run.stopped": {"Isaac Cohen": "refused"},
        "workspaces.code.viewed": {"Isaac Cohen": "success", "Carmen Ruiz": "refused"},
    }
    rows = ground.site.inside(*expected, module="tests.live.record")
    told = {(event, outcome, who) for event, outcome, who, _ in rows}
    assert {(event, outcome, who) for event, of in expected.items() for who, outcome in of.items()} <= told
