"""Pods and policies: held against Kubernetes' own schemas, and against the Pod Security Standard "restricted"."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import kubernetes_validate
import pytest
from kubernetes import client as k8s

from sandbox.ends import Why
from sandbox.kubernetes import Cluster, Kubernetes, end_of
from sandbox.spec import GB, Environment, Limits, ReadOnly, SandboxSpec, SocketFolder, SpecError, Writable

IMAGE = "registry.example/environments/python-cancer@sha256:" + "a" * 64
RELAY = "registry.example/relay@sha256:" + "b" * 64
DATA, HOME, SOCKETS = Path("/srv/data/0a1b"), Path("/srv/home/2c3d"), Path("/srv/sockets/4e5f")
CLUSTER = Cluster(
    namespace="workspaces",
    claims={DATA: ("datasets", "0a1b"), HOME: ("homes", "2c3d")},
    runtime_class="gvisor",
    relay=RELAY,
    gateway_labels={"app": "gateway"},
)
SPEC = SandboxSpec(
    name="project-7",
    command=("jupyterhub-singleuser",),
    uid=300_000,
    environment=Environment(image=IMAGE),
    read_only=(ReadOnly(DATA, PurePosixPath("/data/demo")),),
    writable=(Writable(HOME, PurePosixPath("/home/researcher")),),
    sockets=(SocketFolder(SOCKETS, PurePosixPath("/run/ws"), listens=True),),
    limits=Limits(memory=4 * GB, cpus=1.5, seconds=90.5),
    variables={"LANG": "C.UTF-8"},
)
VERSION = "1.31"


def written(made):
    return k8s.ApiClient().sanitize_for_serialization(made)


@pytest.fixture
def backend():
    return Kubernetes(CLUSTER)


def manifests(backend):
    return {"pod": backend.pod(SPEC), "policy": backend.network_policy(SPEC), "namespace": backend.namespace()}


@pytest.mark.parametrize("name", ["pod", "policy", "namespace"])
def test_a_manifest_fits_the_schema_of_kubernetes(backend, name):
    kubernetes_validate.validate(written(manifests(backend)[name]), VERSION, strict=True)


def test_the_schema_would_notice_a_slip(backend):
    pod = written(backend.pod(SPEC))
    pod["spec"]["hostNetwrok"] = False

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSION, strict=True)


def test_the_pod_is_restricted(backend):
    """Each control of the standard "restricted", for each container."""
    pod = written(backend.pod(SPEC))["spec"]
    for container in pod["containers"]:
        settings = container["securityContext"]
        assert settings["allowPrivilegeEscalation"] is False
        assert settings["capabilities"] == {"drop": ["ALL"]}
        assert settings["runAsNonRoot"] is True
        assert settings["readOnlyRootFilesystem"] is True
        assert settings["privileged"] is False
        assert container["resources"]["limits"] == container["resources"]["requests"]
    assert pod["securityContext"]["seccompProfile"]["type"] in {"RuntimeDefault", "Localhost"}
    assert pod["securityContext"]["runAsUser"] == SPEC.uid
    assert not any(pod[name] for name in ("hostNetwork", "hostPID", "hostIPC", "automountServiceAccountToken"))
    assert pod["enableServiceLinks"] is False
    assert {key for volume in pod["volumes"] for key in volume} == {"name", "emptyDir", "persistentVolumeClaim"}
    assert pod["runtimeClassName"] == "gvisor"


def test_the_same_description_becomes_the_same_limits(backend):
    pod = written(backend.pod(SPEC))["spec"]
    limits = pod["containers"][0]["resources"]["limits"]

    assert (limits["memory"], limits["cpu"]) == (str(4 * GB), "1500m")
    assert pod["activeDeadlineSeconds"] == 91
    assert {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume}[
        "scratch"
    ] == str(SPEC.limits.scratch)


def test_data_are_read_only_and_named_by_a_folder_of_a_claim(backend):
    pod = written(backend.pod(SPEC))["spec"]
    mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}

    assert mounts["/data/demo"]["readOnly"] is True
    assert mounts["/data/demo"]["subPath"] == "0a1b"
    assert mounts["/home/researcher"]["readOnly"] is False


def test_nothing_goes_out_and_only_the_gateway_comes_in(backend):
    policy = written(backend.network_policy(SPEC))["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    assert policy["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}], "ports": [{"port": 8443, "protocol": "TCP"}]}
    ]
    assert policy["podSelector"]["matchLabels"].items() <= written(backend.pod(SPEC))["metadata"]["labels"].items()


def test_without_sockets_nobody_comes_in(backend):
    closed = replace(SPEC, sockets=())

    assert written(backend.network_policy(closed))["spec"]["ingress"] == []
    assert len(backend.pod(closed).spec.containers) == 1


@pytest.mark.parametrize(
    ("cluster", "spec", "words"),
    [
        (CLUSTER, replace(SPEC, environment=Environment()), "needs an image"),
        (replace(CLUSTER, relay=None), SPEC, "relay"),
        (replace(CLUSTER, gateway_labels={}), SPEC, "gateway"),
        (replace(CLUSTER, claims={}), SPEC, "No volume claim"),
    ],
)
def test_what_cannot_be_a_pod_is_refused_in_words(cluster, spec, words):
    with pytest.raises(SpecError, match=words):
        Kubernetes(cluster).pod(spec)


def test_our_own_profile_takes_the_place_of_the_runtimes():
    pod = Kubernetes(replace(CLUSTER, seccomp_profile="profiles/caia.json")).pod(SPEC)

    assert pod.spec.security_context.seccomp_profile.type == "Localhost"
    assert pod.spec.security_context.seccomp_profile.localhost_profile == "profiles/caia.json"


def status(*, reason=None, message=None, exit_code=None, why=None):
    ended = None if exit_code is None else k8s.V1ContainerStateTerminated(exit_code=exit_code, reason=why)
    state = k8s.V1ContainerState(terminated=ended)
    one = k8s.V1ContainerStatus(name="sandbox", image=IMAGE, image_id="", ready=False, restart_count=0, state=state)
    return k8s.V1PodStatus(reason=reason, message=message, container_statuses=[one])


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (status(exit_code=0), Why.FINISHED),
        (status(exit_code=3), Why.FINISHED),
        (status(exit_code=137, why="OOMKilled"), Why.MEMORY),
        (status(reason="DeadlineExceeded"), Why.TIME),
        (status(reason="Evicted", message="ephemeral storage"), Why.DISK),
    ],
)
def test_the_pods_last_word_is_told_as_on_a_single_machine(told, why):
    assert end_of(told).why is why


def test_a_pod_that_runs_has_no_end():
    assert end_of(status()) is None
    assert end_of(k8s.V1PodStatus()) is None
