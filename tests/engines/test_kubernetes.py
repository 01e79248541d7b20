"""The backend of a cluster against its API as a stand-in: what is made, what is adopted, and each end in our words."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import kubernetes_validate
import pytest
from kubernetes import client as k8s

from host.engines.base import ExternalRef, LogChunk, Rejected, State, Unavailable, Wanted
from host.engines.kubernetes import KubernetesBackend
from sandbox.ends import Why
from sandbox.kubernetes import Cluster, Kubernetes
from sandbox.spec import ReadOnly
from tests.engines.kubernetes_api import NAMESPACE, Api
from tests.sandbox.test_kubernetes import DATA, HOME, SPEC, VERSION, written

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
TRY = replace(SPEC, name="try-7", sockets=())
KEY = "caia-try-7"


@pytest.fixture
def api() -> Iterator[Api]:
    standing = Api()
    yield standing
    standing.close()


def backend_of(api: Api, queue: str = "") -> KubernetesBackend:
    configuration = k8s.Configuration()
    configuration.host, configuration.retries = api.url, 0
    cluster = Cluster(namespace=NAMESPACE, claims={DATA: ("datasets", "0a1b"), HOME: ("homes", "2c3d")})
    return KubernetesBackend(Kubernetes(cluster), k8s.ApiClient(configuration), queue)


@pytest.fixture
def backend(api):
    return backend_of(api)


@pytest.fixture
def ref(backend):
    return backend.submit(TRY, KEY)


def status(backend, ref):
    return backend.poll([ref])[ref]


# ── what is made ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_job_and_its_wall_fit_the_schemas_of_kubernetes(backend):
    job = backend.job(TRY, KEY, Wanted(gpus=2, model="NVIDIA-H200", queue="research"))

    kubernetes_validate.validate(written(job), VERSION, strict=True)


def test_a_job_makes_one_pod_never_a_second_and_asks_for_its_gpus(backend):
    spec = written(backend.job(TRY, KEY, Wanted(gpus=2, model="NVIDIA-H200")))["spec"]

    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (0, 1, 1)
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "FailJob"
    assert spec["activeDeadlineSeconds"] == 91
    assert "ttlSecondsAfterFinished" not in spec
    pod = spec["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H200"}
    assert "activeDeadlineSeconds" not in pod


def test_the_wall_stands_before_the_pod_can(api, backend, ref):
    made = [kind for method, kind in api.asked if method == "POST"]
    wall = api.things["networkpolicies"][KEY]

    assert made == ["networkpolicies", "jobs"]
    assert wall["spec"]["policyTypes"] == ["Ingress", "Egress"]
    pod = api.job(KEY)["spec"]["template"]["metadata"]["labels"]
    assert wall["spec"]["podSelector"]["matchLabels"].items() <= pod.items()


# ── one key, one try ────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_is_submitted_twice_is_there_once(api, backend, ref):
    assert backend.submit(TRY, KEY) == ref
    assert len(api.things["jobs"]) == 1


def test_who_crashed_after_submitting_finds_it(api, ref):
    assert backend_of(api).find(KEY) == ref
    assert backend_of(api).find("another") is None


def test_an_answer_that_got_lost_leads_to_adopting_and_to_no_second_one(api, backend):
    api.loses.add(("POST", "jobs"))
    with pytest.raises(Unavailable):
        backend.submit(TRY, KEY)
    api.loses.clear()

    assert backend.find(KEY) is not None
    assert backend.submit(TRY, KEY).key == KEY
    assert len(api.things["jobs"]) == 1


@pytest.mark.parametrize(("kind", "code", "words"), [
    ("jobs", 403, "exceeded quota: gpus"), ("jobs", 422, "Invalid value"), ("networkpolicies", 403, "forbidden"),
])  # fmt: skip
def test_what_the_cluster_refuses_is_rejected_and_leaves_nothing(api, backend, kind, code, words):
    api.refuses["POST", kind] = (code, words)

    with pytest.raises(Rejected, match=words):
        backend.submit(TRY, KEY)

    assert api.things["jobs"] == api.things["networkpolicies"] == {}


def test_a_cluster_that_breaks_is_unavailable_whatever_is_asked(api, backend, ref):
    api.refuses |= {(method, kind): (503, "etcd") for method in ("GET", "POST", "PATCH", "DELETE")
                    for kind in ("jobs", "pods", "networkpolicies")}  # fmt: skip

    for ask in (
        lambda: backend.submit(TRY, "caia-another"), lambda: backend.find(KEY), lambda: backend.poll([ref]),
        lambda: backend.cancel(ref, 5), lambda: backend.logs(ref, 0, 5), lambda: backend.forget(ref),
    ):  # fmt: skip
        with pytest.raises(Unavailable):
            ask()


def test_what_no_pod_can_be_is_rejected_before_anything_is_asked(api, backend):
    elsewhere = replace(TRY, read_only=(ReadOnly(DATA / "other", PurePosixPath("/data/x")),))

    with pytest.raises(Rejected, match="No volume claim"):
        backend.submit(elsewhere, KEY)
    with pytest.raises(Rejected, match="can't be a key"):
        backend.submit(TRY, "No Key")
    assert api.asked == []


# ── how it stands ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_of_what_it_never_heard_it_says_so(backend, ref):
    stranger = ExternalRef("stranger")

    told = backend.poll([stranger, ref])

    assert [told[stranger].state, told[ref].state] == [State.UNKNOWN, State.INITIALIZING]
    assert backend.poll([]) == {}


def test_it_waits_for_its_queue_then_for_its_pod_then_runs(api):
    backend = backend_of(api, queue="research")
    ref = backend.submit(TRY, KEY)
    assert api.job(KEY)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    assert status(backend, ref).state is State.QUEUED

    api.job(KEY)["spec"]["suspend"] = False
    api.pod_of(KEY, "Pending", conditions=[
        {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient memory."}
    ])  # fmt: skip
    assert (status(backend, ref).state, status(backend, ref).words) == (
        State.INITIALIZING, "0/3 nodes are available: 3 Insufficient memory.",
    )  # fmt: skip

    api.pod_of(KEY)
    assert (status(backend, ref).state, status(backend, ref).node) == (State.RUNNING, "node-1")


@pytest.mark.parametrize(("kind", "reason", "terminated", "state", "why", "code"), [
    ("Complete", "", {"exitCode": 0}, State.COMPLETE, Why.FINISHED, 0),
    ("Failed", "BackoffLimitExceeded", {"exitCode": 7}, State.EXECUTOR_ERROR, Why.FINISHED, 7),
    ("Failed", "BackoffLimitExceeded", {"exitCode": 99}, State.EXECUTOR_ERROR, Why.FINISHED, 99),
    ("Failed", "BackoffLimitExceeded", {"exitCode": 139}, State.EXECUTOR_ERROR, Why.SIGNAL, 139),
    ("Failed", "BackoffLimitExceeded", {"exitCode": 137, "reason": "OOMKilled"}, State.EXECUTOR_ERROR, Why.MEMORY, 137),
    ("Failed", "DeadlineExceeded", {}, State.EXECUTOR_ERROR, Why.TIME, None),
    ("Failed", "PodFailurePolicy", {}, State.PREEMPTED, Why.LOST, None),
    ("Failed", "BackoffLimitExceeded", {}, State.SYSTEM_ERROR, Why.LOST, None),
])  # fmt: skip
def test_each_end_in_the_contracts_words(api, backend, ref, kind, reason, terminated, state, why, code):
    api.ended(KEY, kind, terminated, reason=reason, message="as it was")

    told = status(backend, ref)

    assert (told.state, told.end.why, told.end.code) == (state, why, code)


def test_many_are_asked_for_page_by_page(api, backend):
    refs = [backend.submit(TRY, f"caia-{number}") for number in range(5)]
    api.page = 2
    for one in refs:
        api.pod_of(one.key)

    assert {one.state for one in backend.poll(refs).values()} == {State.RUNNING}


# ── its end, its log ────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_waits_is_cancelled_and_a_cancel_may_be_said_twice(api, backend, ref):
    backend.cancel(ref, 10)
    backend.cancel(ref, 10)

    assert status(backend, ref).state is State.CANCELED
    assert api.job(KEY)["spec"]["suspend"] is True
    backend.cancel(ExternalRef("stranger"), 0)


def test_what_runs_gets_its_grace_and_then_is_over(api, backend, ref):
    api.pod_of(KEY)
    backend.cancel(ref, 10)
    assert status(backend, ref).state is State.RUNNING
    assert api.things["pods"], "the cluster ends it after its own grace"

    backend.cancel(ref, 0)
    api.job(KEY)["status"] = {}
    assert api.things["pods"] == {}
    assert (status(backend, ref).state, status(backend, ref).end.why) == (State.CANCELED, Why.STOPPED)


def test_logs_are_read_by_the_byte_and_there_is_nothing_past_their_end(api, backend, ref):
    assert backend.logs(ref, 0, 10) == LogChunk(b"", 0, False)
    api.ended(KEY, "Complete", {"exitCode": 0})
    api.logs[f"{KEY}-x7k2p"] = b"here and there"

    assert backend.logs(ref, 5, 3) == LogChunk(b"and", 8, False)
    assert backend.logs(ref, 9, 100) == LogChunk(b"there", 14, True)
    assert backend.logs(ref, 500, 10) == LogChunk(b"", 500, True)


def test_what_nobody_knows_of_is_taken_away_with_its_wall(api, backend, ref):
    other = backend.submit(TRY, "caia-other")

    backend.keep_only({other.key})
    backend.forget(ExternalRef("stranger"))

    assert set(api.things["jobs"]) == set(api.things["networkpolicies"]) == {"caia-other"}


def test_what_it_cannot_keep_it_says(backend):
    assert "left alone" in backend.capabilities().cannot
    assert not backend.capabilities().measures_use
