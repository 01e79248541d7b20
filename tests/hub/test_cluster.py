"""The real Hub with the real KubeSpawner and its client, against a cluster's API on loopback."""

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from door.home import REPO
from tests.host.conftest import GATEWAY, places, wait
from tests.host.stand_ins import SECRET
from tests.hub.cluster_stand_in import NAMESPACE, Cluster
from tests.hub.conftest import Hub, database
from tests.hub.oidc_stand_in import Provider

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]
IMAGE = "registry.example/caia@sha256:" + "a" * 64
INSIDE = "registry.example/python-cancer@sha256:" + "b" * 64
FACTS = {
    "namespace": NAMESPACE,
    "environments": {"python-cancer": INSIDE},
    "image": IMAGE,
    "data_claim": "datasets",
    "host_secret": "caia-host",
    "proxy": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "caia"}}}],
    "reach": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    "names": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
}
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "%s"}}]
users: [{name: hub, user: {token: "a token"}}]
contexts: [{name: here, context: {cluster: here, user: hub, namespace: default}}]
current-context: here
"""


@dataclass
class ClusterHub(Hub):
    """The Hub by its cluster's configuration; everything else as on one machine."""

    cluster: Cluster = None

    def environment(self) -> dict[str, str]:
        around = super().environment()
        del around["CAIA_HOST_SOCKET"]
        (self.place.root / "cluster.json").write_text(json.dumps(FACTS | {"gate_port": self.cluster.gate.server_port}))
        (self.place.root / "kubeconfig").write_text(KUBECONFIG % self.cluster.url)
        return around | {
            "CAIA_CLUSTER_FILE": str(self.place.root / "cluster.json"), "CAIA_HOST_SECRET": SECRET,
            "CAIA_HUB_PORT": str(self.ports["api"]), "KUBECONFIG": str(self.place.root / "kubeconfig"),
        }  # fmt: skip

    def begin_hub(self) -> None:
        words = [sys.executable, "-m", "jupyterhub", "-f", str(REPO / "hub/kubernetes_config.py"),
                 f"--PodSpawner.portal_url={self.place.portal.url}", "--PodSpawner.poll_interval=1"]  # fmt: skip
        self._begin("hub", words, self.environment())
        wait(self._is_up, 60)

    def asked(self, run: str = "", **changes) -> tuple[str, str, str]:
        """Somebody's start, as the portal asks for it: name, server, run. `answer` is the Hub's."""
        name, server, run = self.enter(), f"p{'0' * 20}", run or self.place.plan(**changes)["run"]
        self.answer = self.start(name, server, run)
        return name, server, run

    def told(self, run: str) -> list[str]:
        """What the portal heard of how far it is, without repetition."""
        rows = [row for beat in self.place.portal.beats for row in beat["runs"] if row["run"] == run]
        return list(dict.fromkeys(row["progress"]["words"] for row in rows))

    def end_of(self, run: str) -> dict:
        wait(lambda: self.place.portal.kinds(run) == ["ended"], 30)
        return self.place.portal.events[run][0]

    def of(self, run: str) -> set[str]:
        """Everything that is in the cluster for this run alone."""
        kinds = ("pods", "secrets", "networkpolicies")
        return {f"{kind}/{name}" for kind, name in self.cluster.kept if kind in kinds and run in name}


@pytest.fixture(scope="module")
def standing():
    with places(Path("/nowhere/at-all"), GATEWAY) as place, database() as address, contextlib.ExitStack() as stack:
        cluster = Cluster()
        stack.callback(cluster.close)
        hub = ClusterHub(place, Provider("c" * 64), address, cluster=cluster)
        stack.callback(hub.close)
        hub.begin()
        yield hub


@pytest.fixture
def hub(standing):
    """The same for all; each test has a cluster where everything goes well, unless it says otherwise."""
    cluster, portal = standing.cluster, standing.place.portal
    cluster.fate, cluster.words, cluster.refuses = (
        {"fetch": "Succeeded", "run": "Running", "gate": "Running"},
        "",
        set(),
    )
    cluster.asked.clear()
    cluster.bodies.clear()
    portal.stop = []
    return standing


def test_a_start_makes_claims_walls_data_sandbox_and_gateway_in_this_order(hub):
    name, server, run = hub.started()
    plan = hub.place.portal.plans[run]

    assert hub.cluster.made() == [
        ("persistentvolumeclaims", f"home-{plan['workspace']}"),
        ("persistentvolumeclaims", f"results-{plan['workspace']}"),
        ("persistentvolumeclaims", f"shared-{plan['shared']}"),
        ("networkpolicies", f"run-{run}"),
        ("networkpolicies", f"gate-{run}"),
        ("pods", f"fetch-{run}"),
        ("pods", f"run-{run}"),
        ("secrets", f"gate-{run}"),
        ("pods", f"gate-{run}"),
    ]
    assert hub.server_of(name, server)["ready"]
    assert hub.routes()[f"/{name}.workspaces.localhost/user/{name}/{server}"] == (
        f"http://127.0.0.1:{hub.cluster.gate.server_port}"
    )
    assert hub.told(run)[0] == "Asking the portal what you may work with"
    assert hub.of(run) == {
        f"{kind}/{one}-{run}" for kind, ones in
        (("pods", ("run", "gate")), ("secrets", ("gate",)), ("networkpolicies", ("run", "gate"))) for one in ones
    }  # fmt: skip


def test_the_sandbox_is_told_no_secret_and_the_gateway_only_its_own(hub):
    name, server, run = hub.started()
    made = {(body["kind"], body["metadata"]["name"]): body for body in hub.cluster.bodies}
    words = json.loads(made["Secret", f"gate-{run}"]["stringData"]["gateway.json"])

    assert words["hub"]["client_id"] == f"jupyterhub-user-{name}-{server}"
    assert words["prefix"] == f"/user/{name}/{server}/"
    for body in hub.cluster.bodies:
        said = json.dumps(body)
        assert SECRET not in said
        assert not any(secret in said for secret in hub.secrets.values())
    assert words["hub"]["token"] not in json.dumps(made["Pod", f"run-{run}"])


def test_a_stop_takes_everything_away_but_the_files_and_the_gateway_first(hub):
    name, server, run = hub.started()
    hub.cluster.asked.clear()

    assert hub.api("DELETE", f"/users/{name}/servers/{server}")[0] in {202, 204}
    wait(lambda: not hub.of(run))

    gone = hub.cluster.made("DELETE")
    assert gone[0] == ("pods", f"gate-{run}")
    assert gone.index(("pods", f"run-{run}")) < gone.index(("networkpolicies", f"run-{run}"))
    assert f"home-{hub.place.portal.plans[run]['workspace']}" in hub.cluster.names("persistentvolumeclaims")


def test_a_refusal_of_the_portal_makes_nothing_and_is_told_as_it_was_said(hub):
    plan = hub.place.plan()
    hub.place.portal.refusals[plan["run"]] = (403, {"reason": "The agreement ended on Monday.", "lines": []})
    name, server, run = hub.asked(plan["run"])

    assert (hub.answer[0], hub.answer[1]["message"]) == (409, "The agreement ended on Monday.")
    assert hub.end_of(run)["words"] == "The agreement ended on Monday."
    assert not (hub.server_of(name, server) or {}).get("ready")
    assert hub.cluster.made() == []


def test_data_that_cannot_be_fetched_are_told_in_the_words_of_the_pod(hub):
    hub.cluster.fate["fetch"], hub.cluster.words = "Failed", "The object storage refused a file of the dataset (500)."
    _, _, run = hub.asked()

    assert hub.end_of(run)["words"] == "The object storage refused a file of the dataset (500)."
    wait(lambda: not hub.of(run))
    assert ("pods", f"run-{run}") not in hub.cluster.made()


def test_a_cluster_that_refuses_is_named_and_nothing_stays(hub):
    hub.cluster.refuses.add("secrets")
    _, _, run = hub.asked()

    assert hub.end_of(run)["words"] == "The cluster refused what the workspace needs (403 Forbidden)."
    wait(lambda: not hub.of(run))


def test_a_cluster_that_answers_late_is_asked_again(hub):
    hub.cluster.late = {"networkpolicies", "pods"}
    name, server, run = hub.started()

    assert hub.server_of(name, server)["ready"]
    assert hub.cluster.made().count(("pods", f"fetch-{run}")) == 2, "the answer to the first did not come in time"


def test_an_environment_without_an_image_is_refused_in_words(hub):
    _, _, run = hub.asked(environment="nowhere")

    assert hub.end_of(run)["words"] == "This cluster has no image of the environment “nowhere”."
    assert not hub.of(run)


def test_a_portal_that_takes_access_back_while_it_starts_is_heard(hub):
    hub.cluster.fate["run"] = "Pending"
    _, _, run = hub.asked()
    wait(lambda: ("pods", f"run-{run}") in hub.cluster.made())
    hub.place.portal.stop = [{"run": run, "reason": "Your access was revoked.", "now": True}]

    assert hub.end_of(run)["words"] == "Your access was revoked."
    wait(lambda: not hub.of(run))


@pytest.mark.parametrize("pod", ["run", "gate"])
def test_where_one_pod_ends_the_other_is_taken_away(hub, pod):
    name, server, run = hub.started()
    hub.cluster.end(f"{pod}-{run}", 137, "OOMKilled")

    wait(lambda: not hub.of(run), 20)
    wait(lambda: f"/{name}.workspaces.localhost/user/{name}/{server}" not in hub.routes(), 20)


def test_a_hub_that_was_killed_finds_its_pods_again(hub):
    name, server, run = hub.started()
    hub.kill("hub")
    hub.begin_hub()

    assert hub.server_of(name, server)["ready"]
    assert {f"pods/run-{run}", f"pods/gate-{run}"} <= hub.of(run)
    hub.api("DELETE", f"/users/{name}/servers/{server}")
    wait(lambda: not hub.of(run))
