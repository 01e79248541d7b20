"""From a plan to what a cluster is asked to make: claims, policies, and three pods for each run.

`fetch` brings the data into the claim and ends. `work` is the sandbox, made by sandbox/kubernetes.py, with no way out.
`gate` stands before it, under another account and in a pod of its own, since containers of one pod share a network.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from kubernetes import client as k8s

from environments import environment_hash
from host.cache import name_of
from host.plan import RunPlan
from host.room import GRACE, HOME, PROGRAMS, SERVER, SOCKETS, command, variables
from hub.cluster import ClusterSettings
from sandbox.kubernetes import Cluster, Kubernetes
from sandbox.spec import MB, Environment, Limits, ReadOnly, SandboxSpec, SocketFolder, SpecError, Writable

RELAY_PORT = 8443
_GATEWAY_UIDS = 1_000_000  # as on a single machine: a gateway's own uid is this and the workspace's
_FIRST_GROUP, _GROUPS = 1_100_000_000, 1_000_000_000
_RUN, _TOLD = Path("/run/gate"), Path("/run/told")
_CACHE = "/srv/data"
_LABEL = "caia/gate"
_PYTHON = "/opt/caia/.venv/bin/python"
_PATIENCE = 20  # seconds in which a gateway's pod tells the portal its end
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Pods:
    """One run's. `order` is the Hub's: prefix, origin, and the gateway's secret; `portal` the portal's address."""

    settings: ClusterSettings
    plan: RunPlan
    order: dict[str, Any]
    portal: str
    component: str  # the label by which the Hub watches its pods

    # ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def work(self) -> str:
        """The sandbox's pod and policy."""
        return f"run-{self.plan.run}"

    @property
    def gate(self) -> str:
        """The gateway's pod, policy and secret."""
        return f"gate-{self.plan.run}"

    @property
    def fetch(self) -> str:
        """The pod that brings the data."""
        return f"fetch-{self.plan.run}"

    # ── the sandbox ─────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def spec(self) -> SandboxSpec:
        """The same description as on a single machine; sources are names, which `backend` turns into claims."""
        plan, sizes = self.plan, self.plan.sizes
        image = self.settings.environments.get(plan.environment)
        if image is None:
            raise SpecError(f"This cluster has no image of the environment “{plan.environment}”.")
        return SandboxSpec(
            name=self.work,
            command=command(self.order["prefix"], self.order["origin"]),
            uid=plan.uid,
            environment=Environment(image=image),
            read_only=tuple(
                ReadOnly(Path("/versions", name_of(one)), PurePosixPath("/data", one.slug)) for one in plan.datasets
            ),
            writable=(
                Writable(Path("/home"), HOME),
                Writable(Path("/results"), PurePosixPath("/results")),
                Writable(Path("/shared"), PurePosixPath("/shared"), shared=True),
            ),
            sockets=(SocketFolder(Path("/sockets"), SOCKETS, listens=True),),
            limits=Limits(
                memory=sizes.memory, processes=sizes.processes, cpus=sizes.cpus, seconds=sizes.seconds, grace=GRACE
            ),
            variables=variables(environment_hash(plan.environment), sizes.cpus),
            # One number for a project is enough: nobody but its own pods mounts its folder.
            groups=(_FIRST_GROUP + UUID(plan.shared).int % _GROUPS,),
            folder=HOME,
        )

    @property
    def backend(self) -> Kubernetes:
        """The cluster as this run sees it: which claims stand for its folders, and which gateway may come in."""
        settings, plan = self.settings, self.plan
        versions = {
            Path("/versions", name): (settings.data_claim, f"versions/{name}") for name in map(name_of, plan.datasets)
        }
        own = {Path(f"/{part}"): (self.claim_of(part), "") for part in ("home", "results", "shared")}
        return Kubernetes(
            Cluster(
                namespace=settings.namespace, claims=versions | own, runtime_class=settings.runtime_class,
                seccomp_profile=settings.seccomp_profile, relay=settings.image, relay_port=RELAY_PORT,
                relay_command=(_PYTHON, "-m", "sandbox.relay", f"tcp:{RELAY_PORT}=unix:{SOCKETS / SERVER}"),
                gateway_labels={_LABEL: self.gate}, limits_pids=settings.limits_pids,
            )
        )  # fmt: skip

    def sandbox(self) -> Manifest:
        """The sandbox's pod, watched by the Hub."""
        pod = written(self.backend.pod(self.spec))
        pod["metadata"]["labels"]["component"] = self.component
        return pod

    def policies(self) -> list[Manifest]:
        """One for the sandbox, one for gateway and fetching pod; both before any pod."""
        return [written(self.backend.network_policy(self.spec)), self._gate_policy()]

    # ── storage ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def claim_of(self, part: str) -> str:
        """The claim of home, results or shared: it stays when the run ends."""
        return f"{part}-{self.plan.shared if part == 'shared' else self.plan.workspace}"

    def claims(self) -> list[Manifest]:
        """Homes and results for one pod at a time, the shared folder for many."""
        return [
            written(
                k8s.V1PersistentVolumeClaim(
                    api_version="v1",
                    kind="PersistentVolumeClaim",
                    metadata=k8s.V1ObjectMeta(name=self.claim_of(part), namespace=self.settings.namespace),
                    spec=k8s.V1PersistentVolumeClaimSpec(
                        access_modes=["ReadWriteMany" if part == "shared" else "ReadWriteOnce"],
                        resources=k8s.V1VolumeResourceRequirements(
                            requests={"storage": str(getattr(self.plan.sizes, part))}
                        ),
                        storage_class_name=(
                            self.settings.shared_storage_class if part == "shared" else self.settings.storage_class
                        ),
                    ),
                )
            )
            for part in ("home", "results", "shared")
        ]

    # ── the data ────────────────────────────────────────────────────────────────────────────────────────────────────
    def fetching(self) -> Manifest:
        """The pod that asks the portal for the plan and makes its versions ready in the claim."""
        words = [_PYTHON, "-m", "host.fetch", self.plan.run, _CACHE]
        told = [k8s.V1EnvVar(name="CAIA_BASE_URL", value=self.portal), self._secret()]
        container = self._container("fetch", words, {"data": _CACHE}, told, cpu="500m", memory=512 * MB)
        claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=self.settings.data_claim)
        volumes = [k8s.V1Volume(name="data", persistent_volume_claim=claim)]
        # Gateways have a uid each; the cache has one, the first of theirs, which is nobody's.
        return written(self._pod(self.fetch, [container], volumes, uid=_GATEWAY_UIDS))

    # ── the gateway ─────────────────────────────────────────────────────────────────────────────────────────────────
    def secret(self) -> Manifest:
        """What gateway and carrier are told; it ends with the run."""
        return written(
            k8s.V1Secret(
                api_version="v1",
                kind="Secret",
                metadata=k8s.V1ObjectMeta(name=self.gate, namespace=self.settings.namespace),
                string_data={
                    "gateway.json": json.dumps(self._gateway_words()),
                    "carrier.json": json.dumps(self._carrier_words()),
                },
            )
        )

    def gateway(self, sandbox: str) -> Manifest:
        """Gateway, carrier and relay; `sandbox` is the address of the sandbox's pod."""
        near = f"unix:{_RUN}/inner/{SERVER}=tcp:{sandbox}:{RELAY_PORT}"
        far = f"tcp:{self.settings.gate_port}=unix:{_RUN}/outer/gateway.sock"
        run, told = {"run": str(_RUN), "spool": f"{_RUN}/own/spool"}, {"told": str(_TOLD)}
        carries = [_PYTHON, "-m", "host.carrier", f"{_TOLD}/carrier.json"]
        carrier = self._container("carrier", carries, run | told, [self._secret()])
        relay = self._container("relay", [_PYTHON, "-m", "sandbox.relay", near, far], run)
        relay.ports = [k8s.V1ContainerPort(name="notebook-port", container_port=self.settings.gate_port)]
        relay.readiness_probe = k8s.V1Probe(
            tcp_socket=k8s.V1TCPSocketAction(port=self.settings.gate_port), period_seconds=1, failure_threshold=60
        )
        gateway = self._container("gateway", [_PYTHON, "-m", "gateway", f"{_RUN}/own/gateway.json"], run)
        lays = [_PYTHON, "-m", "host.carrier", "--lay", f"{_TOLD}/gateway.json", str(_RUN)]
        pod = self._pod(
            self.gate,
            [gateway, carrier, relay],
            [
                k8s.V1Volume(name="run", empty_dir=k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit="64Mi")),
                k8s.V1Volume(
                    name="spool", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit="2Gi")
                ),  # on the node's disk
                k8s.V1Volume(name="told", secret=k8s.V1SecretVolumeSource(secret_name=self.gate, default_mode=0o440)),
            ],
            first=[self._container("lay", lays, run | told)],
        )
        return written(pod)

    def _gateway_words(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "listen": f"{_RUN}/outer/gateway.sock", "control": f"{_RUN}/own/control.sock",
            "server": f"{_RUN}/inner/{SERVER}", "spool": f"{_RUN}/own/spool", "prefix": self.order["prefix"],
            "origin": self.order["origin"], "hub": self.order["hub"], "caps": {}, "meter": plan.meter,
            "idle_seconds": plan.idle_seconds, "environment": str(PROGRAMS),
        }  # fmt: skip

    def _carrier_words(self) -> dict[str, Any]:
        plan = self.plan
        data = [{"version": one.version, "files": len(one.files), "bytes": one.size} for one in plan.datasets]
        promises = [asdict(one) for one in self.backend.promises(self.spec)]
        mounted = {"data": data, "promises": promises, "environment": environment_hash(plan.environment)}
        return {
            "run": plan.run, "uid": plan.uid, "portal": self.portal, "host": self.settings.namespace,
            "folder": str(_RUN), "idle_seconds": plan.idle_seconds, "mounted": mounted,
        }  # fmt: skip

    def _gate_policy(self) -> Manifest:
        """The proxy and the Hub come in; out go Hub, portal and storage, and the run's own sandbox."""
        sandbox = written(self.backend.network_policy(self.spec))["spec"]["podSelector"]
        egress = [
            {"to": [{"podSelector": sandbox}], "ports": [{"port": RELAY_PORT, "protocol": "TCP"}]},
            {"to": self.settings.reach},
        ]
        if self.settings.names:
            ports = [{"port": 53, "protocol": kind} for kind in ("UDP", "TCP")]
            egress.append({"to": self.settings.names, "ports": ports})
        way_in = {"from": self.settings.proxy, "ports": [{"port": self.settings.gate_port, "protocol": "TCP"}]}
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": self.gate, "namespace": self.settings.namespace},
            "spec": {
                "podSelector": {"matchLabels": {_LABEL: self.gate}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [way_in],
                "egress": egress,
            },
        }

    # ── what our own pods have in common ────────────────────────────────────────────────────────────────────────────
    def _pod(
        self,
        name: str,
        containers: list[k8s.V1Container],
        volumes: list[k8s.V1Volume],
        *,
        uid: int = 0,
        first: list[k8s.V1Container] | None = None,
    ) -> k8s.V1Pod:
        uid = uid or _GATEWAY_UIDS + self.plan.uid
        return k8s.V1Pod(
            api_version="v1",
            kind="Pod",
            metadata=k8s.V1ObjectMeta(
                name=name, namespace=self.settings.namespace, labels={_LABEL: self.gate, "component": self.component}
            ),
            spec=k8s.V1PodSpec(
                init_containers=first,
                containers=containers,
                volumes=volumes,
                restart_policy="Never",
                termination_grace_period_seconds=_PATIENCE,
                automount_service_account_token=False,
                enable_service_links=False,
                host_users=False,
                security_context=k8s.V1PodSecurityContext(
                    run_as_non_root=True, run_as_user=uid, run_as_group=uid, fs_group=uid,
                    seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
                ),
            ),
        )  # fmt: skip

    def _container(
        self,
        name: str,
        words: list[str],
        mounts: dict[str, str],
        told: list[k8s.V1EnvVar] | None = None,
        *,
        cpu: str = "100m",
        memory: int = 128 * MB,
    ) -> k8s.V1Container:
        amounts = {"memory": str(memory), "cpu": cpu}
        return k8s.V1Container(
            name=name,
            image=self.settings.image,
            image_pull_policy="IfNotPresent",
            command=words,
            working_dir="/opt/caia",
            env=[k8s.V1EnvVar(name="PYTHONDONTWRITEBYTECODE", value="1"), *(told or [])],
            resources=k8s.V1ResourceRequirements(limits=amounts, requests=amounts),
            security_context=k8s.V1SecurityContext(
                allow_privilege_escalation=False,
                privileged=False,
                read_only_root_filesystem=True,
                run_as_non_root=True,
                capabilities=k8s.V1Capabilities(drop=["ALL"]),
            ),
            volume_mounts=[
                k8s.V1VolumeMount(name=volume, mount_path=place, read_only=volume == "told")
                for volume, place in mounts.items()
            ],
        )

    def _secret(self) -> k8s.V1EnvVar:
        source = k8s.V1SecretKeySelector(name=self.settings.host_secret, key="secret")
        return k8s.V1EnvVar(name="CAIA_HOST_SECRET", value_from=k8s.V1EnvVarSource(secret_key_ref=source))


def written(made: Any) -> Manifest:
    """As it goes over the wire."""
    found: Manifest = k8s.ApiClient().sanitize_for_serialization(made)  # type: ignore[no-untyped-call]
    return found
