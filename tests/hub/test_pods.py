"""What a cluster is asked to make for a run: held against Kubernetes' schemas, and against what the walls must be."""

import json
import uuid
from dataclasses import replace

import kubernetes_validate
import pytest

from gateway import settings as gateway_settings
from host import plan as plans
from host.cache import name_of
from hub.cluster import ClusterError, ClusterSettings
from hub.pods import RELAY_PORT, Pods
from sandbox.spec import MB, SpecError
from tests.hub.cluster_stand_in import VERSION
from tests.hub.test_cluster import FACTS

RUN, WORKSPACE, SHARED = (str(uuid.UUID(int=number)) for number in (7, 8, 9))
FILE = {"path": "rows.csv", "sha256": "a" * 64, "size": 20, "url": "https://storage.example/a?sig=x"}
PLAN = {
    "run": RUN, "workspace": WORKSPACE, "shared": SHARED, "name": "pec8370", "uid": 300_000, "idle_seconds": 3600,
    "environment": "python-cancer", "meter": {"warn": 50 * MB, "pause": 200 * MB, "window_seconds": 3600},
    "datasets": [{"slug": "demo-study", "version": "v-1", "readme": "What this is.\n", "files": [FILE]}],
    "limits": {"memory": 1500 * MB, "cpus": 2, "processes": 200, "seconds": 3600, "home": 32 * MB, "shared": 33 * MB,
               "results": 16 * MB},
}  # fmt: skip
ORDER = {
    "run": RUN, "name": "p1", "prefix": "/user/m1/p1/", "origin": "https://m1.workspaces.example.org",
    "hub": {"api_url": "http://hub:8081/hub/api", "client_id": "client", "token": "the gateway's own",
            "authorize_url": "https://workspaces.example.org/hub/api/oauth2/authorize",
            "scopes": ["access:servers!server=m1/p1"]},
}  # fmt: skip
HARDER = {"runtime_class": "gvisor", "seccomp_profile": "profiles/caia.json", "storage_class": "fast"}


def pods_of(**changes) -> Pods:
    settings = replace(ClusterSettings(**FACTS), **changes)
    return Pods(settings, plans.read(PLAN), ORDER, "https://caia.example.org", "singleuser-server")


@pytest.fixture
def pods():
    return pods_of()


def manifests(pods: Pods) -> dict[str, dict]:
    home, results, shared = pods.claims()
    walls, gate_walls = pods.policies()
    return {"home": home, "results": results, "shared": shared, "walls": walls, "gate-walls": gate_walls,
            "fetch": pods.fetching(), "sandbox": pods.sandbox(), "secret": pods.secret(),
            "gateway": pods.gateway("10.1.2.3")}  # fmt: skip


@pytest.mark.parametrize("changes", [{}, HARDER], ids=["plain", "harder"])
@pytest.mark.parametrize("name", list(manifests(pods_of())))
def test_each_manifest_fits_the_schema_of_kubernetes(name, changes):
    kubernetes_validate.validate(manifests(pods_of(**changes))[name], VERSION, strict=True)


@pytest.mark.parametrize("name", ["fetch", "sandbox", "gateway"])
def test_each_pod_is_restricted(pods, name):
    """Each control of the Pod Security Standard "restricted", for each container."""
    spec = manifests(pods)[name]["spec"]
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        settings = container["securityContext"]
        assert settings["allowPrivilegeEscalation"] is False
        assert settings["capabilities"] == {"drop": ["ALL"]}
        assert settings["runAsNonRoot"] is True
        assert settings["readOnlyRootFilesystem"] is True
        assert container["image"].partition("@")[2].startswith("sha256:")
        assert container["resources"]["limits"] == container["resources"]["requests"]
    assert spec["securityContext"]["seccompProfile"]["type"] in {"RuntimeDefault", "Localhost"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["hostUsers"] is False
    kinds = {key for volume in spec["volumes"] for key in volume} - {"name"}
    assert kinds <= {"emptyDir", "persistentVolumeClaim", "secret"}


def test_the_sandbox_has_no_way_out_and_only_its_own_gateway_comes_in(pods):
    walls, sandbox, gateway = (manifests(pods)[name] for name in ("walls", "sandbox", "gateway"))
    (rule,) = walls["spec"]["ingress"]
    (peer,) = rule["from"]

    assert walls["spec"]["egress"] == []
    assert walls["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert walls["spec"]["podSelector"]["matchLabels"].items() <= sandbox["metadata"]["labels"].items()
    assert peer == {"podSelector": {"matchLabels": {"caia/gate": f"gate-{RUN}"}}}
    assert peer["podSelector"]["matchLabels"].items() <= gateway["metadata"]["labels"].items()
    assert "caia/gate" not in sandbox["metadata"]["labels"]
    assert rule["ports"] == [{"port": RELAY_PORT, "protocol": "TCP"}]


def test_the_gateway_reaches_its_sandbox_the_hub_and_the_portal_and_is_reached_by_the_proxy(pods):
    walls = manifests(pods)["gate-walls"]["spec"]

    assert walls["egress"] == [
        {"to": [{"podSelector": {"matchLabels": {"caia/sandbox": f"run-{RUN}"}}}],
         "ports": [{"port": RELAY_PORT, "protocol": "TCP"}]},
        {"to": FACTS["reach"]},
        {"to": FACTS["names"], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
    ]  # fmt: skip
    assert walls["ingress"] == [{"from": FACTS["proxy"], "ports": [{"port": 8000, "protocol": "TCP"}]}]


def test_data_are_read_only_and_what_is_written_lies_in_claims_of_its_owner(pods):
    spec = manifests(pods)["sandbox"]["spec"]
    mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    claims = {volume["name"]: volume.get("persistentVolumeClaim", {}) for volume in spec["volumes"]}
    (dataset,) = pods.plan.datasets

    data = mounts["/data/demo-study"]
    assert (data["readOnly"], data["subPath"]) == (True, f"versions/{name_of(dataset)}")
    assert claims[data["name"]] == {"claimName": "datasets", "readOnly": True}
    written = ("/home/researcher", "/results", "/shared")
    assert {place: claims[mounts[place]["name"]]["claimName"] for place in written} == {
        "/home/researcher": f"home-{WORKSPACE}", "/results": f"results-{WORKSPACE}", "/shared": f"shared-{SHARED}",
    }  # fmt: skip


def test_claims_have_the_sizes_of_the_plan(pods):
    home, results, shared = (claim["spec"] for claim in pods.claims())

    assert [one["resources"]["requests"]["storage"] for one in (home, results, shared)] == [
        str(32 * MB), str(16 * MB), str(33 * MB),
    ]  # fmt: skip
    assert [one["accessModes"] for one in (home, results, shared)] == [
        ["ReadWriteOnce"], ["ReadWriteOnce"], ["ReadWriteMany"],
    ]  # fmt: skip


def test_the_limits_of_the_plan_bound_the_sandbox(pods):
    spec = manifests(pods)["sandbox"]["spec"]

    assert spec["containers"][0]["resources"]["limits"]["memory"] == str(1500 * MB)
    assert spec["containers"][0]["resources"]["limits"]["cpu"] == "2000m"
    assert spec["activeDeadlineSeconds"] == 3600
    assert spec["containers"][0]["command"][2] == "/opt/settings/start.py"
    assert spec["containers"][0]["image"] == FACTS["environments"]["python-cancer"]


def test_whoever_shares_a_project_shares_a_group_and_nobody_shares_a_uid(pods):
    sandbox, gateway, fetch = (manifests(pods)[name]["spec"]["securityContext"] for name in
                               ("sandbox", "gateway", "fetch"))  # fmt: skip
    other = replace(pods, plan=replace(pods.plan, uid=300_001, workspace=str(uuid.UUID(int=88))))

    assert sandbox["fsGroup"] == other.sandbox()["spec"]["securityContext"]["fsGroup"]
    assert len({sandbox["runAsUser"], gateway["runAsUser"], fetch["runAsUser"], 300_001}) == 4


def test_the_hosts_secret_is_only_named_and_only_where_the_portal_is_asked(pods):
    def holders(spec):
        return {one["name"] for one in spec["containers"] if any("valueFrom" in row for row in one.get("env", []))}

    made = manifests(pods)

    assert holders(made["fetch"]["spec"]) == {"fetch"}
    assert holders(made["gateway"]["spec"]) == {"carrier"}
    assert holders(made["sandbox"]["spec"]) == set()
    assert [volume for volume in made["sandbox"]["spec"]["volumes"] if "secret" in volume] == []


def test_the_gateway_understands_what_it_is_told(pods):
    told = json.loads(manifests(pods)["secret"]["stringData"]["gateway.json"])
    understood = gateway_settings.understand(told)

    assert understood.hub.token == "the gateway's own"
    assert understood.owner == "m1"


def test_the_portal_is_told_each_promise_and_whether_it_is_kept(pods):
    told = json.loads(manifests(pods)["secret"]["stringData"]["carrier.json"])
    kept = {one["promise"]: one["kept"] for one in told["mounted"]["promises"]}

    assert told["mounted"]["data"] == [{"version": "v-1", "files": 1, "bytes": 20}]
    assert kept["system calls filtered by our own list"] is False
    assert any(kept.values())


def test_an_environment_without_an_image_is_refused(pods):
    with pytest.raises(SpecError, match="no image of the environment"):
        replace(pods, settings=replace(pods.settings, environments={"other": FACTS["image"]})).sandbox()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": "registry.example/caia:latest"}, "must be named by its digest"),
        ({"namespace": ""}, "does not say: namespace"),
        ({"storageclass": "fast"}, "not known: storageclass"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_whole(tmp_path, changes, words):
    (tmp_path / "cluster.json").write_text(json.dumps(FACTS | changes))

    with pytest.raises(ClusterError, match=words):
        ClusterSettings.read(tmp_path / "cluster.json")
