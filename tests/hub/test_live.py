"""The real Hub, its real proxy and a real host: started by the portal alone, reached by its owner alone, never lost."""

import http.client
import json
import os
import secrets
import threading
from pathlib import Path

import pytest

from tests.host.conftest import wait
from tests.host.stand_ins import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]
HOME = "workspaces.localhost"


def own(name):
    return f"{name}.{HOME}"


def folder_of(hub, run):
    """Where the host keeps what it knows of this run."""
    files = (hub.place.settings.run / "r").glob("*/run.json")
    return next(file.parent for file in files if json.loads(file.read_text())["run"] == run)


def test_the_portal_starts_a_server_it_is_reached_and_stopped(standing):
    name, server, run = standing.started()
    target = standing.routes()[f"/{own(name)}/user/{name}/{server}"]

    assert target.startswith("http+unix://")
    assert ":80" not in target
    status, _, said = standing.get(own(name), f"/user/{name}/{server}/api/status")
    assert status == 200
    assert "kernels" in json.loads(said)

    status, _ = standing.api("DELETE", f"/users/{name}/servers/{server}")
    assert status in {202, 204}
    wait(lambda: f"/{own(name)}/user/{name}/{server}" not in standing.routes(), 60)
    wait(lambda: "ended" in standing.place.portal.kinds(run))
    assert standing.server_of(name, server) in (None, {}) or not standing.server_of(name, server)["ready"]


def test_while_it_opens_its_owner_reads_so_and_nobody_else_does(standing):
    standing.place.storage.slow = threading.Event()
    name = standing.enter()
    never_seen = standing.place.storage.put(secrets.token_bytes(64))
    server, run = f"p{secrets.token_hex(10)}", standing.place.plan(never_seen)["run"]
    other = standing.sign_in(standing.enter())
    try:
        assert standing.start(name, server, run)[0] in {201, 202}
        wait(lambda: (standing.server_of(name, server) or {}).get("pending") == "spawn")
        jar = standing.sign_in(name)
        status, headers, said = standing.get(HOME, f"/hub/spawn-pending/{name}/{server}", jar)
        assert (status, headers["Refresh"]) == (200, "1")
        assert "Your workspace opens" in said
        assert standing.get(HOME, f"/hub/spawn-pending/{name}/{server}", other)[0] == 404
    finally:
        standing.place.storage.slow.set()
    wait(lambda: (standing.server_of(name, server) or {}).get("ready"), 60)
    status, headers, _ = standing.get(HOME, f"/hub/spawn-pending/{name}/{server}", jar)
    assert status == 302
    assert headers["Location"].endswith(f"/user/{name}/{server}/")
    standing.place.storage.slow = None
    standing.api("DELETE", f"/users/{name}/servers/{server}")
    wait(lambda: "ended" in standing.place.portal.kinds(run), 60)


@pytest.mark.long
def test_what_the_host_says_is_seen_as_progress(hub):
    hub.place.storage.slow = threading.Event()
    name = hub.enter()
    server, run = f"p{secrets.token_hex(10)}", hub.place.plan()["run"]
    status, _ = hub.start(name, server, run)
    assert status in {201, 202}
    connection = http.client.HTTPConnection("127.0.0.1", hub.ports["api"], timeout=60)
    token = {"Authorization": f"token {hub.secrets['CAIA_HUB_TOKEN']}"}
    wait(lambda: (hub.server_of(name, server) or {}).get("pending") == "spawn")
    connection.request("GET", f"/hub/api/users/{name}/servers/{server}/progress", headers=token)
    answer = connection.getresponse()
    hub.place.storage.slow.set()
    said = [json.loads(line[5:]) for line in answer.read().decode().splitlines() if line.startswith("data:")]
    connection.close()

    words = [line.get("message", "") for line in said]
    assert "Asking the portal what you may work with" in words
    assert "Starting JupyterLab" in words
    assert said[-1].get("ready") is True


def test_a_refusal_of_the_portal_is_told_by_the_hub_in_the_same_words(standing):
    name, run = standing.enter(), standing.place.plan()["run"]
    standing.place.portal.refusals[run] = (403, {"reason": "The agreement ended on Monday."})

    status, said = standing.start(name, "p" + "0" * 20, run)

    assert status in {409, 202, 201}
    if status == 409:
        assert "The agreement ended on Monday." in said["message"]
    wait(lambda: not (standing.server_of(name, "p" + "0" * 20) or {}).get("pending"))
    assert not (standing.server_of(name, "p" + "0" * 20) or {}).get("ready")
    assert "The agreement ended on Monday." in standing.log("hub")


def test_a_start_without_a_run_of_the_portal_starts_nothing(standing):
    name = standing.enter()

    status, _ = standing.api("POST", f"/users/{name}/servers/p{'0' * 20}", {"run": "../../x"})

    assert status >= 400
    assert name not in str(standing.routes())


def test_a_killed_hub_ends_no_workspace_and_finds_it_again(hub):
    name, server, run = hub.started()
    hub.kill("hub")
    status, _, _ = hub.get(own(name), f"/user/{name}/{server}/api/status")
    assert status == 200, "the proxy and the gateway work on without it"

    hub.begin_hub()

    assert wait(lambda: (hub.server_of(name, server) or {}).get("ready"))
    assert hub.get(own(name), f"/user/{name}/{server}/api/status")[0] == 200
    assert hub.routes()[f"/{own(name)}/user/{name}/{server}"].endswith("gateway.sock")
    hub.api("DELETE", f"/users/{name}/servers/{server}")
    wait(lambda: "ended" in hub.place.portal.kinds(run))


@pytest.mark.long
def test_a_killed_proxy_gets_its_routes_back(hub):
    name, server, _ = hub.started()
    hub.kill("proxy")
    hub.begin_proxy()

    wait(lambda: f"/{own(name)}/user/{name}/{server}" in hub.routes(), 60)
    assert hub.get(own(name), f"/user/{name}/{server}/api/status")[0] == 200


@pytest.mark.long
def test_a_killed_host_that_comes_back_is_the_same_to_the_hub(hub):
    name, server, _ = hub.started()
    hub.place.programs[-1].kill()
    hub.place.programs[-1].wait()
    assert hub.get(own(name), f"/user/{name}/{server}/api/status")[0] == 200
    hub.place.begin_program()

    assert hub.server_of(name, server)["ready"]
    assert hub.get(own(name), f"/user/{name}/{server}/api/status")[0] == 200


@pytest.mark.long
def test_a_run_that_ends_by_itself_is_taken_off_the_routes(hub):
    name, server, run = hub.started()
    hub.place.portal.stop = [{"run": run, "reason": "Your access was revoked.", "now": True}]

    wait(lambda: f"/{own(name)}/user/{name}/{server}" not in hub.routes(), 60)
    assert not (hub.server_of(name, server) or {}).get("ready")


# ── who comes in ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_somebody_with_a_workspace_signs_in_by_the_portal(standing):
    name = standing.enter()
    jar = standing.sign_in(name)

    assert standing.answer[0] == 302, standing.log("hub")
    assert any(cookie.startswith("__Host-jupyterhub-hub-login") for cookie in jar)
    assert "/oidc/userinfo/" in standing.provider.asked


@pytest.mark.parametrize("name", ["m" + "1" * 20, "admin", "root", "m1"])
def test_somebody_whom_the_portal_has_not_entered_stays_outside(standing, name):
    standing.provider.welcome.add(name)
    jar = standing.sign_in(name)

    assert standing.answer[0] == 403, standing.log("hub")
    assert not any(cookie.startswith("__Host-jupyterhub-hub-login") for cookie in jar)
    assert standing.api("GET", f"/users/{name}")[0] == 404


def test_a_person_can_neither_start_nor_share_nor_make_tokens(standing):
    name = standing.enter()
    jar = standing.sign_in(name)
    xsrf = {"_xsrf": jar.get("_xsrf", "")}
    server = f"p{'0' * 20}"

    for method, path in (
        ("POST", f"/hub/api/users/{name}/servers/{server}"),
        ("POST", f"/hub/api/users/{name}/tokens"),
        ("POST", f"/hub/api/shares/{name}/{server}"),
        ("POST", f"/hub/api/share-codes/{name}/{server}"),
        ("GET", "/hub/api/users"),
        ("GET", "/hub/api/proxy"),
        ("POST", "/hub/api/shutdown"),
        ("GET", "/hub/api/services"),
        ("POST", f"/hub/spawn/{name}/{server}"),
    ):
        status, _, said = standing.get(
            HOME, f"{path}?_xsrf={xsrf['_xsrf']}", jar, method, "" if method == "POST" else None
        )
        assert status in {403, 404}, (method, path, status, said[:300])
    assert name not in str(standing.routes())


def test_the_gateways_token_tells_whose_it_is_and_opens_nothing(standing):
    name, server, run = standing.started()
    client = json.loads((folder_of(standing, run) / "s/own/gateway.json").read_text())["hub"]

    assert client["client_id"] == f"jupyterhub-user-{name}-{server}"
    assert client["scopes"]
    assert client["authorize_url"] == f"{standing.public}/hub/api/oauth2/authorize"
    for method, path in (
        ("GET", "/users"),
        ("DELETE", f"/users/{name}/servers/{server}"),
        ("POST", f"/users/{name}/tokens"),
        ("GET", "/services"),
    ):
        assert standing.api(method, path, {} if method == "POST" else None, client["token"])[0] in {403, 404}, path
    said = standing.api("GET", f"/users/{name}", token=client["token"])[1]
    assert {field for field, value in said.items() if value} <= {"name", "kind"}


def test_a_stranger_is_heard_by_neither_api(standing):
    assert standing.api("GET", "/users", token="wrong")[0] == 403
    connection = http.client.HTTPConnection("127.0.0.1", standing.ports["proxy"], timeout=10)
    connection.request("GET", "/api/routes")
    assert connection.getresponse().status == 403
    connection.close()


def test_pages_of_the_hub_carry_their_headers_and_no_way_off_the_host(standing):
    _, headers, _ = standing.get(HOME, "/hub/login")

    assert headers["Server"] == "caia"
    assert headers["X-Content-Type-Options"] == "nosniff"
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "%2f%2fevil.example"):
        _, headers, _ = standing.get(HOME, f"/hub/oauth_login?next={target}", {})
        assert "evil" not in headers.get("Location", "").split("?")[0], target


# ── through the real gateway ────────────────────────────────────────────────────────────────────────────────────────
def test_the_owner_comes_in_by_portal_hub_and_gateway_and_nobody_else(real):
    name, server, run = real.started()
    address = f"http://{own(name)}:{real.ports['public']}/user/{name}/{server}/"

    jars = {}
    status, headers, body, at = real.visit(f"{address}lab", jars)
    assert (status, at.startswith(address)) == (200, True), real.log("hub")
    assert "JupyterLab" in body
    assert "sandbox" in headers["Content-Security-Policy"] or "default-src" in headers["Content-Security-Policy"]
    path = f"/user/{name}/{server}/api/contents/data/demo-study?content=1"
    assert real.get(own(name), path, jars[own(name)])[0] == 200
    assert real.get(own(name), path, {})[0] in {302, 401, 403}

    real.enter()  # somebody else now sits before the browser
    status, _, body, _ = real.visit(f"{address}lab", {})
    assert status == 403, body[:500]
    wait(lambda: "signed_in" in real.place.portal.kinds(run))


def test_whom_the_portal_no_longer_vouches_for_is_shut_out_of_a_page_that_was_open(real):
    name, server, _ = real.started()
    address, jars = f"http://{own(name)}:{real.ports['public']}/user/{name}/{server}/", {}
    path = f"/user/{name}/{server}/api/contents?content=0"
    assert real.visit(f"{address}lab", jars)[0] == 200
    assert real.get(own(name), path, jars[own(name)])[0] == 200

    real.api("DELETE", f"/users/{name}/servers/{server}")

    wait(lambda: real.get(own(name), path, jars[own(name)])[0] != 200, 10)


def test_a_gateway_runs_under_an_account_of_its_own_with_nothing_around_it(real):
    _, _, run = real.started()
    notes = json.loads((folder_of(real, run) / "run.json").read_text())
    pid = notes["gateway"][0]
    status = Path(f"/proc/{pid}/status").read_text()
    around = Path(f"/proc/{pid}/environ").read_text()

    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    if os.geteuid() == 0:
        assert int(uid) == 1_000_000 + notes["uid"]
    for secret in (*real.secrets.values(), SECRET):
        assert secret not in around
