"""Starting a workspace on a cluster: the plan is asked of the portal, the pods are asked of Kubernetes.

KubeSpawner is the way to the cluster: its client, its watch of pods, its state. What is made is ours (hub/pods.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubernetes import client as k8s
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.clients import shared_client
from traitlets import Unicode

from host.plan import PlanError, RunPlan
from host.portal import Portal, Refused
from host.wire import Unreachable
from hub.cluster import ClusterSettings
from hub.order import order_of, refused, run_of
from hub.pods import Manifest, Pods
from sandbox.ends import End
from sandbox.kubernetes import end_of
from sandbox.spec import SpecError

_LOOK = 0.2
_BEAT = 2.0
_GONE_SECONDS = 60.0
_NAMES = {"Pod": "pod", "Secret": "secret", "PersistentVolumeClaim": "persistent_volume_claim",
          "NetworkPolicy": "network_policy"}  # fmt: skip


class NotStarted(Exception):
    """The cluster did not do it; the message says what."""


class PodSpawner(KubeSpawner):
    """One run at a time for each named server; `run` is the portal's name for it."""

    cluster_file = Unicode(help="What this Hub is told of its cluster (hub/cluster.py).").tag(config=True)
    portal_url = Unicode(help="The portal's address.").tag(config=True)
    host_secret = Unicode(help="By which the portal knows whoever asks for plans.").tag(config=True)

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.settings = ClusterSettings.read(Path(self.cluster_file))
        self.namespace = self.settings.namespace
        self.portal = Portal(self.portal_url, self.host_secret, self.settings.namespace)
        self.run = ""
        self.lines: list[dict[str, Any]] = []
        self.wish = ""

    # ── what is kept, so that a Hub that was restarted goes on ──────────────────────────────────────────────────────
    def get_state(self) -> dict[str, Any]:
        """Which run; the names of its pods follow from it."""
        return {**super().get_state(), "run": self.run}

    def load_state(self, state: dict[str, Any]) -> None:
        """As kept."""
        super().load_state(state)
        self.run = state.get("run", "")

    def clear_state(self) -> None:
        """It is over."""
        super().clear_state()
        self.run = ""

    # ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _start(self) -> str:
        """Make everything in its order; where a step fails nothing stays, and the portal is told why."""
        self.run, self.lines, self.wish = run_of(self), [], ""
        self._say(5, "Asking the portal what you may work with")
        telling = asyncio.create_task(self._tell_portal())
        try:
            await self._start_watching_pods()  # first: what is cleared after a refusal is looked for there
            return await self._made(await asyncio.to_thread(self.portal.plan, self.run))
        except (Refused, PlanError, SpecError, Unreachable, NotStarted, ApiException, TimeoutError) as error:
            words = _words(error)
            await self._clear(now=True)
            await self._tell_end(words)
            raise refused(words) from error
        finally:
            telling.cancel()

    async def _made(self, plan: RunPlan) -> str:
        pods = Pods(self.settings, plan, order_of(self, self.run), self.portal_url, self.component_label)
        for manifest in (*pods.claims(), *pods.policies()):
            await self._make(manifest)
        self._say(10, "Fetching the data")
        await self._make(pods.fetching())
        await self._until(pods.fetch, _is_done)
        self._say(60, "Putting up the walls")
        await self._make(pods.sandbox())
        sandbox = await self._until(pods.work, self.is_pod_running)
        self._say(80, "Starting JupyterLab")
        await self._make(pods.secret())
        await self._make(pods.gateway(sandbox["status"]["podIP"]))
        gateway = await self._until(pods.gate, self.is_pod_running)
        await self._delete("Pod", pods.fetch, now=True)
        self._say(100, "Ready")
        return f"http://{gateway['status']['podIP']}:{self.settings.gate_port}"

    async def poll(self) -> int | None:
        """None while both pods stand; where one has ended, the other is taken away, too."""
        if not self.run:
            return 0
        await self._start_watching_pods()
        gateway, sandbox = (self._pod(f"{kind}-{self.run}") for kind in ("gate", "run"))
        if gateway is None or sandbox is None:
            status = None if self.pending else 1
        else:
            status = 0 if _has_ended(gateway) or _end(sandbox) else None
        if status is not None:
            await self._clear(now=True)
        return status

    async def stop(self, now: bool = False) -> None:
        """The gateway first, which tells the portal; then the sandbox, with its time to save."""
        if self.run:
            await self._clear(now=now)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Our words, one after the other."""
        told = 0
        while self.pending == "spawn" or told < len(self.lines):
            for line in self.lines[told:]:
                told += 1
                yield {"progress": line["percent"], "message": line["words"]}
            await asyncio.sleep(_LOOK)

    # ── the portal ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def _tell_portal(self) -> None:
        """While it starts: how far it is; afterwards the carrier beside the gateway does that."""
        while True:
            row = {"run": self.run, "state": "starting", "progress": self.lines[-1]}
            with contextlib.suppress(Unreachable):
                said = await asyncio.to_thread(self.portal.heartbeat, [row])
                stops = [wish for wish in said.get("stop", []) if wish.get("run") == self.run]
                if stops:
                    self.wish = str(stops[0].get("reason") or "The portal stopped it.")
            await asyncio.sleep(_BEAT)

    async def _tell_end(self, words: str) -> None:
        """The end of a run that never began, as its only event."""
        event = {
            "seq": 1,
            "at": datetime.now(UTC).isoformat(),
            "kind": "ended",
            "why": "refused",
            "words": words,
            "usage": {},
        }
        with contextlib.suppress(Unreachable):
            await asyncio.to_thread(self.portal.events, self.run, [event])

    def _say(self, percent: int, words: str) -> None:
        self.lines.append({"percent": percent, "words": words})

    # ── the cluster ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def _make(self, manifest: Manifest) -> None:
        """Ask for it; what is there already is from a Hub that was restarted in the midst of it."""
        self._unless_stopped()
        try:
            await self._call("create", manifest["kind"], self.namespace, manifest)
        except ApiException as error:
            if error.status != 409:
                raise

    async def _delete(self, kind: str, name: str, *, now: bool = False) -> None:
        more = {"grace_period_seconds": 0} if now and kind == "Pod" else {}
        try:
            await self._call("delete", kind, name, self.namespace, **more)
        except ApiException as error:
            if error.status != 404:
                raise

    async def _call(self, verb: str, kind: str, *words: Any, **more: Any) -> Any:
        """Its answer. What is slow is asked again for a while: that it is there, or gone, already is an answer, too."""
        api = shared_client("NetworkingV1Api") if kind == "NetworkPolicy" else self.api
        ask = getattr(api, f"{verb}_namespaced_{_NAMES[kind]}")
        loop = asyncio.get_running_loop()
        until = loop.time() + self.k8s_api_request_retry_timeout
        while True:
            try:
                return await asyncio.wait_for(ask(*words, **more), self.k8s_api_request_timeout)
            except TimeoutError:
                if loop.time() >= until:
                    raise

    def _pod(self, name: str) -> Manifest | None:
        """As the watch has it."""
        found: Manifest | None = self.pod_reflector.pods.get(f"{self.namespace}/{name}")
        return found

    async def _until(self, name: str, is_so: Callable[[Manifest], bool]) -> Manifest:
        """The pod, once it is so. NotStarted where it ended instead; how long that takes the Hub bounds."""
        while True:
            self._unless_stopped()
            pod = self._pod(name)
            if pod is not None and pod["status"].get("phase") == "Failed":
                raise NotStarted(_last_words(pod))
            if pod is not None and is_so(pod):
                return pod
            await asyncio.sleep(_LOOK)

    def _unless_stopped(self) -> None:
        if self.wish:
            raise NotStarted(self.wish)

    async def _clear(self, *, now: bool) -> None:
        """Take the run's pods away, then what closed them; claims stay. The gateway gets time for its last words."""
        pods = {name: f"{name}-{self.run}" for name in ("gate", "run", "fetch")}
        for name, pod in pods.items():
            await self._delete("Pod", pod, now=now and name != "gate")
        loop = asyncio.get_running_loop()
        until = loop.time() + _GONE_SECONDS
        while any(self._pod(pod) for pod in pods.values()) and loop.time() < until:
            await asyncio.sleep(_LOOK)
        await self._delete("Secret", pods["gate"])
        for name in ("gate", "run"):
            await self._delete("NetworkPolicy", pods[name])


def _is_done(pod: Manifest) -> bool:
    return bool(pod["status"].get("phase") == "Succeeded")


def _has_ended(pod: Manifest) -> bool:
    """Whether one of its containers is over: the gateway without its carrier is none, and the other way round."""
    return any("terminated" in one.get("state", {}) for one in pod["status"].get("containerStatuses") or [])


def _end(pod: Manifest) -> End | None:
    """How the sandbox ended, None while it hasn't."""
    return end_of(_read_status(pod["status"]))


def _read_status(status: Manifest) -> k8s.V1PodStatus:
    read: k8s.V1PodStatus = k8s.ApiClient().deserialize(json.dumps(status), "V1PodStatus", "application/json")
    return read


def _last_words(pod: Manifest) -> str:
    """What its container said last, or how it ended in words."""
    for one in pod["status"].get("containerStatuses") or []:
        if said := one.get("state", {}).get("terminated", {}).get("message"):
            return str(said)
    end = _end(pod)
    return (
        end.words if end else f"A pod of it failed: {pod['status'].get('message') or 'the cluster does not say why'}."
    )


def _words(error: Exception) -> str:
    if isinstance(error, ApiException):
        return f"The cluster refused what the workspace needs ({error.status} {error.reason})."
    if isinstance(error, TimeoutError):
        return "The cluster did not answer in time."
    return str(error)
