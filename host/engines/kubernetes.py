"""A Kubernetes cluster: a Job of one pod for each try, closed by a network policy; Kueue may hold it back for a while.

The Job's name is the key, so the cluster itself refuses a second one. A pod that is put out (a drained node, a more
urgent job) fails the whole Job with a reason of its own instead of being begun anew behind our back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from kubernetes import client as k8s
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from host.engines.base import (
    PLAIN,
    Capabilities,
    ExternalRef,
    LogChunk,
    Rejected,
    State,
    Status,
    Unavailable,
    Wanted,
    demand_key,
)
from sandbox.ends import End, Usage, Why, of_code
from sandbox.kubernetes import CONTAINER, Kubernetes, end_of
from sandbox.promises import Standing
from sandbox.spec import Limits, SandboxSpec, SpecError

TRY, CANCELLED = "caia/try", "caia/cancelled"
_GPU, _PRODUCT, _QUEUE = "nvidia.com/gpu", "nvidia.com/gpu.product", "kueue.x-k8s.io/queue-name"
_TIMEOUT = (5, 30)  # seconds to connect, and for the answer
_NEVER = {400, 403, 413, 422}
_PAGE = 500


class KubernetesBackend:
    """`api` speaks to the cluster, with rights on Jobs, pods, their logs and network policies of one namespace.

    `queue`: Kueue's local queue there, where it has one; the Job is made suspended and let go by its turn.
    """

    name = "kubernetes"
    pause = 2.0

    def __init__(self, kubernetes: Kubernetes, api: k8s.ApiClient, queue: str = "") -> None:
        self.kubernetes, self.queue = kubernetes, queue
        self.namespace = kubernetes.cluster.namespace
        self.jobs, self.pods, self.walls = k8s.BatchV1Api(api), k8s.CoreV1Api(api), k8s.NetworkingV1Api(api)

    def capabilities(self) -> Capabilities:
        """Nothing is asked: what a namespace may have, its quota and its queue decide as something is submitted."""
        return Capabilities(
            isolation="pod", has_queue=bool(self.queue), is_preemptible=True, measures_use=False,
            cannot={"left alone": "nobody in a pod can tell whether its host still looks after it"},
        )  # fmt: skip

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """As far as manifests can say."""
        return self.kubernetes.promises(spec)

    def job(self, spec: SandboxSpec, key: str, wanted: Wanted) -> k8s.V1Job:
        """The Job, which never makes a second pod. SpecError where the description can't be a pod here."""
        pod: Any = self.kubernetes.pod(spec)
        pod.metadata = k8s.V1ObjectMeta(labels={**pod.metadata.labels, TRY: key})
        if wanted.gpus:
            container = next(one for one in pod.spec.containers if one.name == CONTAINER)
            container.resources.limits[_GPU] = container.resources.requests[_GPU] = str(wanted.gpus)
        if wanted.model:
            pod.spec.node_selector = {**(pod.spec.node_selector or {}), _PRODUCT: wanted.model}
        deadline, pod.spec.active_deadline_seconds = pod.spec.active_deadline_seconds, None  # else a pod's, not a try's
        queue = wanted.queue or self.queue
        put_out = k8s.V1PodFailurePolicyRule(
            action="FailJob", on_pod_conditions=[k8s.V1PodFailurePolicyOnPodConditionsPattern(
                type="DisruptionTarget", status="True"
            )],
        )  # fmt: skip
        return k8s.V1Job(
            api_version="batch/v1", kind="Job",
            metadata=k8s.V1ObjectMeta(
                name=key, namespace=self.namespace, labels={TRY: key, **({_QUEUE: queue} if queue else {})}
            ),
            spec=k8s.V1JobSpec(
                template=k8s.V1PodTemplateSpec(metadata=pod.metadata, spec=pod.spec), backoff_limit=0, completions=1,
                parallelism=1, active_deadline_seconds=deadline, suspend=bool(queue),
                pod_failure_policy=k8s.V1PodFailurePolicy(rules=[put_out]),
            ),
        )  # fmt: skip

    def submit(self, spec: SandboxSpec, key: str, wanted: Wanted = PLAIN) -> ExternalRef:
        """The policy first, so that no pod ever stands without it. That there is one already means that it is ours."""
        demand_key(key)
        try:
            job: Any = self.job(spec, key, wanted)
            wall: Any = self.kubernetes.network_policy(spec)
        except SpecError as error:
            raise Rejected(str(error)) from error
        wall.metadata.name, wall.metadata.labels = key, {TRY: key}
        for make, what in (
            (self.walls.create_namespaced_network_policy, wall), (self.jobs.create_namespaced_job, job),
        ):  # fmt: skip
            try:
                _asked(make, self.namespace, what)
            except ApiException as error:
                if error.status == 409:
                    continue
                if error.status in _NEVER:
                    self.forget(ExternalRef(key))
                    raise Rejected(f"The cluster refuses it: {_words(error)}") from error
                raise Unavailable(f"Nobody knows whether the cluster took it: {_words(error)}") from error
        if there := self.find(key):
            return there
        raise Unavailable("The cluster took it, and knows nothing of it.")

    def find(self, key: str) -> ExternalRef | None:
        """By its name."""
        try:
            return _ref(_asked(self.jobs.read_namespaced_job, demand_key(key), self.namespace))
        except ApiException as error:
            if error.status == 404:
                return None
            raise Unavailable(_words(error)) from error

    def poll(self, refs: Sequence[ExternalRef]) -> dict[ExternalRef, Status]:
        """All Jobs and all pods of ours, page by page."""
        if not refs:
            return {}
        jobs = {one.metadata.name: one for one in self._all(self.jobs.list_namespaced_job)}
        pods = {one.metadata.labels[TRY]: one for one in self._all(self.pods.list_namespaced_pod)}
        return {ref: _status(jobs.get(ref.key), pods.get(ref.key)) for ref in refs}

    def attend(self, ref: ExternalRef) -> None:
        """Nobody there could hear it; its deadline ends it."""

    def cancel(self, ref: ExternalRef, grace: float) -> None:
        """Suspend it: its pod gets SIGTERM and its own grace; 0: none. The Job stays, so that its end can be read."""
        mark = {"metadata": {"annotations": {CANCELLED: "yes"}}, "spec": {"suspend": True}}
        try:
            _asked(self.jobs.patch_namespaced_job, ref.key, self.namespace, mark)
            if grace <= 0:
                _asked(
                    self.pods.delete_collection_namespaced_pod, self.namespace, label_selector=f"{TRY}={ref.key}",
                    grace_period_seconds=0,
                )  # fmt: skip
        except ApiException as error:
            if error.status not in {404, 409, 422}:  # gone, or over: what has ended can't be suspended
                raise Unavailable(_words(error)) from error

    def logs(self, ref: ExternalRef, offset: int, limit: int) -> LogChunk:
        """The cluster reads logs from their beginning alone: the later the offset, the more is carried for nothing."""
        pod = next(iter(self._all(self.pods.list_namespaced_pod, f"{TRY}={ref.key}")), None)
        if pod is None:
            return LogChunk(b"", offset, self.poll([ref])[ref].end is not None)
        try:
            answer = _asked(
                self.pods.read_namespaced_pod_log, pod.metadata.name, self.namespace, container=CONTAINER,
                limit_bytes=offset + limit + 1, _preload_content=False,
            )  # fmt: skip
        except ApiException as error:
            if error.status not in {400, 404}:  # not begun, or gone
                raise Unavailable(_words(error)) from error
            return LogChunk(b"", offset, False)
        said = bytes(answer.data)[offset:]
        has_ended = end_of(pod.status) is not None
        return LogChunk(said[:limit], offset + len(said[:limit]), has_ended and len(said) <= limit)

    def forget(self, ref: ExternalRef) -> None:
        """The Job with its pod, then the policy."""
        for take, more in (
            (self.jobs.delete_namespaced_job, {"propagation_policy": "Foreground"}),
            (self.walls.delete_namespaced_network_policy, {}),
        ):
            try:
                _asked(take, ref.key, self.namespace, **more)
            except ApiException as error:
                if error.status != 404:
                    raise Unavailable(_words(error)) from error

    def keep_only(self, keys: Collection[str]) -> None:
        """By their labels."""
        for job in self._all(self.jobs.list_namespaced_job):
            if job.metadata.name not in keys:
                self.forget(ExternalRef(job.metadata.name))

    def _all(self, ask: Any, selector: str = TRY) -> list[Any]:
        found, more = [], None
        while more != "":
            try:
                page = _asked(ask, self.namespace, label_selector=selector, limit=_PAGE, _continue=more)
            except ApiException as error:
                raise Unavailable(_words(error)) from error
            found += page.items
            more = page.metadata._continue or ""
        return found


def _asked(ask: Any, *words: Any, **more: Any) -> Any:
    """One call. A cluster that does not answer is an ApiException without a status."""
    try:
        return ask(*words, _request_timeout=_TIMEOUT, **more)
    except HTTPError as error:
        raise ApiException(status=0, reason=f"the cluster does not answer: {type(error).__name__}") from error


def _words(error: ApiException) -> str:
    return f"{error.status} {error.reason} {str(error.body or '')[:500]}".strip()


def _ref(job: Any) -> ExternalRef:
    return ExternalRef(job.metadata.name, job.metadata.uid or "")


def _status(job: Any, pod: Any) -> Status:
    """From what the cluster says of the Job, and of its pod, which knows more of an end."""
    if job is None:
        return Status(State.UNKNOWN)
    node = (pod.spec.node_name or "") if pod else ""
    conditions = {one.type: one for one in job.status.conditions or [] if one.status == "True"}
    if "Complete" in conditions:
        end = End(Why.FINISHED, 0, "It finished.")
        return Status(State.COMPLETE, end.words, end, node=node)
    if failed := conditions.get("Failed"):
        return _failed(failed, pod, node)
    if CANCELLED in (job.metadata.annotations or {}):
        if job.status.active:
            return Status(State.RUNNING, "It is told to end.", node=node)
        words = "It was cancelled."
        return Status(State.CANCELED, words, End(Why.STOPPED, None, words), node=node)
    if job.spec.suspend:
        return Status(State.QUEUED, "It waits for its queue to let it go.")
    if pod is None or pod.status.phase == "Pending":
        return Status(State.INITIALIZING, _why_pending(pod), node=node)
    return Status(State.RUNNING, node=node)


def _failed(failed: Any, pod: Any, node: str) -> Status:
    if failed.reason == "PodFailurePolicy":
        words = f"The cluster put it out: {failed.message or 'its place was needed'}"
        return Status(State.PREEMPTED, words, End(Why.LOST, None, words), node=node)
    if failed.reason == "DeadlineExceeded":
        return Status(State.EXECUTOR_ERROR, "Its time was up.", End(Why.TIME, None, "Its time was up."), node=node)
    end = end_of(pod.status) if pod else None
    if end is None:
        words = f"Its pod is gone: {failed.message or failed.reason}"
        return Status(State.SYSTEM_ERROR, words, End(Why.LOST, None, words), node=node)
    if end.why is Why.FINISHED and end.code is not None:
        end = of_code(end.code, Usage(), Limits())  # a signal by its name
    return Status(State.EXECUTOR_ERROR, end.words, end, node=node)


def _why_pending(pod: Any) -> str:
    waiting = [one.state.waiting for one in (pod.status.container_statuses if pod else None) or [] if one.state]
    said = [f"{one.reason}: {one.message}" if one.message else str(one.reason) for one in waiting if one]
    unfit = [one.message for one in (pod.status.conditions if pod else None) or []
             if one.type == "PodScheduled" and one.status == "False" and one.message]  # fmt: skip
    return "; ".join([*unfit, *said])[:300] or "Its pod is made ready."
