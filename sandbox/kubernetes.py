"""The backend of a cluster: the same description as a pod, with a network policy that closes it.

Written with the Kubernetes client's own classes, under the Pod Security Standard "restricted". Starting, watching and
ending is the work of whoever speaks to the cluster (KubeSpawner, a worker); `end_of` reads the pod's last word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client as k8s

from sandbox import arguments
from sandbox.ends import End, Why
from sandbox.promises import Promise, Standing, every
from sandbox.spec import MB, SandboxSpec, SpecError

_LABEL = "caia/sandbox"
CONTAINER = "sandbox"
_OUT_OF_MEMORY, _TOO_LATE, _EVICTED = "OOMKilled", "DeadlineExceeded", "Evicted"


@dataclass(frozen=True)
class Cluster:
    """What a cluster offers. `claims`: which persistent volume claim and folder in it stands for a source."""

    namespace: str
    claims: Mapping[Path, tuple[str, str]] = field(default_factory=dict)
    runtime_class: str | None = None  # gVisor or Kata, for the highest tier
    seccomp_profile: str | None = None  # our own, laid in each node's folder; else the runtime's default
    relay: str | None = None  # image of a small program that carries the sockets' bytes, in the same pod
    relay_port: int = 8443
    relay_command: tuple[str, ...] = ()  # what it runs; the image's own program where nothing is said
    gateway_labels: Mapping[str, str] = field(default_factory=dict)  # the pods that may speak to the relay
    limits_pids: bool = False  # the kubelets' podPidsLimit is set


class Kubernetes:
    """Pods and network policies."""

    name = "kubernetes"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def pod(self, spec: SandboxSpec) -> k8s.V1Pod:
        """The pod. SpecError where the description can't be a pod here."""
        if not spec.environment.image:
            raise SpecError("A pod needs an image: name environment.image by its digest.")
        if spec.sockets and not (self.cluster.relay and self.cluster.gateway_labels):
            raise SpecError("A pod can't reach sockets of the host: name the cluster's relay and its gateway.")
        limits = spec.limits
        return k8s.V1Pod(
            api_version="v1",
            kind="Pod",
            metadata=k8s.V1ObjectMeta(name=spec.name, namespace=self.cluster.namespace, labels=_labels(spec)),
            spec=k8s.V1PodSpec(
                containers=[self._container(spec), *self._relay(spec)],
                volumes=self._volumes(spec),
                restart_policy="Never",
                active_deadline_seconds=None if limits.seconds is None else math.ceil(limits.seconds),
                termination_grace_period_seconds=math.ceil(limits.grace),
                runtime_class_name=self.cluster.runtime_class,
                automount_service_account_token=False,
                enable_service_links=False,
                host_network=False,
                host_pid=False,
                host_ipc=False,
                host_users=False,
                share_process_namespace=False,
                hostname=arguments.HOST_NAME,
                dns_policy="None",
                dns_config=k8s.V1PodDNSConfig(nameservers=["127.0.0.1"]),
                security_context=k8s.V1PodSecurityContext(
                    run_as_non_root=True,
                    run_as_user=spec.uid,
                    run_as_group=spec.uid,
                    # Volumes belong to the group that several sandboxes share, where there is one.
                    fs_group=spec.groups[0] if spec.groups else spec.uid,
                    supplemental_groups=list(spec.groups) or None,
                    fs_group_change_policy="OnRootMismatch",
                    seccomp_profile=self._profile(),
                ),
            ),
        )

    def network_policy(self, spec: SandboxSpec) -> k8s.V1NetworkPolicy:
        """Nothing goes out; nothing comes in but the gateway's pods, to the relay, where there are sockets."""
        ingress = []
        if spec.sockets:
            peer = k8s.V1NetworkPolicyPeer(
                pod_selector=k8s.V1LabelSelector(match_labels=dict(self.cluster.gateway_labels))
            )
            port = k8s.V1NetworkPolicyPort(port=self.cluster.relay_port, protocol="TCP")
            ingress = [k8s.V1NetworkPolicyIngressRule(_from=[peer], ports=[port])]
        return k8s.V1NetworkPolicy(
            api_version="networking.k8s.io/v1",
            kind="NetworkPolicy",
            metadata=k8s.V1ObjectMeta(name=spec.name, namespace=self.cluster.namespace),
            spec=k8s.V1NetworkPolicySpec(
                pod_selector=k8s.V1LabelSelector(match_labels=_labels(spec)),
                policy_types=["Ingress", "Egress"],
                ingress=ingress,
                egress=[],
            ),
        )

    def namespace(self) -> k8s.V1Namespace:
        """The namespace, which refuses pods that ask for more than "restricted" allows."""
        modes = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
        metadata = k8s.V1ObjectMeta(name=self.cluster.namespace, labels=modes)
        return k8s.V1Namespace(api_version="v1", kind="Namespace", metadata=metadata)

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """What holds on this cluster, as far as its manifests can say."""
        own = self.cluster.seccomp_profile is not None
        pids = self.cluster.limits_pids
        soft = "the kubelet evicts the pod some time after it passed the limit"
        return every(
            {
                Promise.NO_NETWORK: (
                    True,
                    "NetworkPolicy without egress, if the cluster's network plug-in enforces it",
                ),
                Promise.OWN_UID: (True, f"runAsUser {spec.uid} in a user namespace of its own (hostUsers: false)"),
                Promise.NO_POWERS: (True, "all capabilities dropped, no privilege escalation"),
                Promise.FILTERED_CALLS: (own, "our own profile on each node" if own else "the runtime's default only"),
                Promise.NO_NEW_NAMESPACES: (own, "by our own profile" if own else "by the runtime's default, mostly"),
                Promise.OWN_PROCESSES: (True, "a process namespace of its own, not shared with the relay"),
                Promise.NO_FOREIGN_FILES: (True, "the image and the mounts; no service account token, no hostPath"),
                Promise.DATA_UNCHANGED: (True, "read-only mounts"),
                Promise.SEALED_SYSTEM: (True, "read-only root file system"),
                Promise.NEUTRAL_NAMES: (False, "paths of the volume's server can be read in /proc/self/mountinfo"),
                Promise.EMPTY_VARIABLES: (False, "the kubelet adds KUBERNETES_* addresses, which nothing can reach"),
                Promise.NO_SETUID: (True, "no_new_privs; keep set-uid programs out of the image all the same"),
                Promise.FEW_DEVICES: (True, "the runtime's own /dev"),
                Promise.MEMORY: (True, "limits.memory, /tmp included"),
                Promise.PROCESSES: (pids, "podPidsLimit" if pids else "the kubelets' podPidsLimit isn't set"),
                Promise.CPU: (True, "limits.cpu"),
                Promise.DISK: (not spec.writable, "the size of the volume claims, where the storage enforces it"),
                Promise.FILES: (not spec.writable, "Kubernetes has no limit of files"),
                Promise.SCRATCH: (True, "folders in memory with a sizeLimit"),
                Promise.SCRATCH_FILES: (False, "folders in memory know a size only"),
                Promise.DISK_SPEED: (False, "Kubernetes has no such limit"),
                Promise.OUTPUT: (False, f"containerLogMaxSize of the kubelets rotates logs; {soft}"),
                Promise.TIME: (True, "activeDeadlineSeconds" if spec.limits.seconds else "no limit was asked for"),
                Promise.WHOLE_TREE: (True, "the runtime ends the container's control group"),
                Promise.REASON: (True, "the pod's status; what it used is the cluster's metrics' to say"),
            }
        )

    def _container(self, spec: SandboxSpec) -> k8s.V1Container:
        limits = spec.limits
        amounts = {
            "memory": str(limits.memory),
            "cpu": f"{math.ceil(limits.cpus * 1000)}m",
            "ephemeral-storage": str(limits.output + 16 * MB),
        }
        return k8s.V1Container(
            name=CONTAINER,
            image=spec.environment.image,
            image_pull_policy="IfNotPresent",
            command=list(spec.command),
            working_dir=str(spec.folder),
            env=[k8s.V1EnvVar(name=name, value=value) for name, value in arguments.variables(spec).items()],
            resources=k8s.V1ResourceRequirements(limits=amounts, requests=amounts),
            security_context=_locked(),
            volume_mounts=[
                *(
                    k8s.V1VolumeMount(name=f"mount-{number}", mount_path=str(mount.inside), read_only=is_read_only,
                                      sub_path=sub_path, recursive_read_only="IfPossible" if is_read_only else None)
                    for number, (mount, is_read_only, _, sub_path) in enumerate(self._claimed(spec))
                ),
                *(
                    k8s.V1VolumeMount(name=f"socket-{number}", mount_path=str(folder.inside))
                    for number, folder in enumerate(spec.sockets)
                ),
                k8s.V1VolumeMount(name="scratch", mount_path="/tmp"),
                k8s.V1VolumeMount(name="shared-memory", mount_path="/dev/shm"),
            ],
        )  # fmt: skip

    def _relay(self, spec: SandboxSpec) -> list[k8s.V1Container]:
        """The neighbour that carries bytes between the gateway and the sockets; as locked up as the sandbox."""
        if not spec.sockets:
            return []
        amounts = {"memory": str(64 * MB), "cpu": "100m"}
        return [
            k8s.V1Container(
                name="relay",
                image=self.cluster.relay,
                command=list(self.cluster.relay_command) or None,
                ports=[k8s.V1ContainerPort(container_port=self.cluster.relay_port)],
                resources=k8s.V1ResourceRequirements(limits=amounts, requests=amounts),
                security_context=_locked(),
                volume_mounts=[
                    k8s.V1VolumeMount(name=f"socket-{number}", mount_path=str(folder.inside))
                    for number, folder in enumerate(spec.sockets)
                ],
            )
        ]

    def _volumes(self, spec: SandboxSpec) -> list[k8s.V1Volume]:
        limits = spec.limits
        claimed = [
            k8s.V1Volume(
                name=f"mount-{number}",
                persistent_volume_claim=k8s.V1PersistentVolumeClaimVolumeSource(
                    claim_name=claim, read_only=is_read_only
                ),
            )
            for number, (_, is_read_only, claim, _) in enumerate(self._claimed(spec))
        ]
        sockets = [_in_memory(f"socket-{number}", MB) for number, _ in enumerate(spec.sockets)]
        return [*claimed, *sockets, _in_memory("scratch", limits.scratch),
                _in_memory("shared-memory", limits.shared_memory)]  # fmt: skip

    def _claimed(self, spec: SandboxSpec) -> list[tuple[Any, bool, str, str]]:
        """Each mount with: is it read-only, its claim, its folder in the claim."""
        found = []
        for mounts, is_read_only in (
            ((*spec.environment.folders, *spec.read_only), True), (spec.writable, False),
        ):  # fmt: skip
            for mount in mounts:
                if mount.source not in self.cluster.claims:
                    raise SpecError(
                        f"No volume claim of the cluster stands for {mount.source}, shown at {mount.inside}."
                    )
                found.append((mount, is_read_only, *self.cluster.claims[mount.source]))
        return found

    def _profile(self) -> k8s.V1SeccompProfile:
        own = self.cluster.seccomp_profile
        return k8s.V1SeccompProfile(type="Localhost" if own else "RuntimeDefault", localhost_profile=own)


def end_of(status: k8s.V1PodStatus) -> End | None:
    """How a pod ended, None while it hasn't; in the same words as on a single machine."""
    ended = next(
        (one.state.terminated for one in status.container_statuses or [] if one.name == CONTAINER and one.state), None
    )
    code = ended.exit_code if ended else None
    if status.reason == _TOO_LATE:
        return End(Why.TIME, code, "Its time was up.")
    if status.reason == _EVICTED:
        return End(Why.DISK, code, f"The cluster put it out: {status.message or 'a limit was passed'}.")
    if not ended:
        return None
    if ended.reason == _OUT_OF_MEMORY:
        return End(Why.MEMORY, code, "It needed more than its memory and was ended.")
    return End(Why.FINISHED, code, "It finished." if code == 0 else f"It ended with the exit code {code}.")


def _labels(spec: SandboxSpec) -> dict[str, str]:
    return {_LABEL: spec.name}


def _locked() -> k8s.V1SecurityContext:
    return k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        run_as_non_root=True,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
    )


def _in_memory(name: str, size: int) -> k8s.V1Volume:
    return k8s.V1Volume(name=name, empty_dir=k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit=str(size)))
