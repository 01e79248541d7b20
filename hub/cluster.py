"""What the Hub is told of its cluster: one file of JSON, read once, refused whole where a line can't be meant."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

_NEEDED = ("namespace", "environments", "image", "data_claim", "host_secret", "proxy", "reach")


class ClusterError(Exception):
    """The file can't be meant so; the message says what to change."""


@dataclass(frozen=True)
class ClusterSettings:
    """Images are named by their digest. `proxy` and `reach` are peers in the words of a NetworkPolicy."""

    namespace: str  # of the workspaces alone
    environments: dict[str, str]  # the image of each environment, by its name
    image: str  # of this repository with its packages: gateway, carrier, relay, fetch
    data_claim: str  # a claim that many pods read and the fetching one writes
    host_secret: str  # the Secret whose key "secret" holds CAIA_HOST_SECRET
    proxy: list[dict[str, Any]]  # who may come in: the proxy's pods and the Hub's
    reach: list[dict[str, Any]]  # what gateways and fetching pods may reach: Hub, portal, object storage
    names: list[dict[str, Any]] = field(default_factory=list)  # the cluster's name servers
    storage_class: str | None = None  # of homes and results
    shared_storage_class: str | None = None  # of projects' shared folders, which many pods write
    runtime_class: str | None = None  # gVisor or Kata
    seccomp_profile: str | None = None  # our own, on each node
    gate_port: int = 8000  # on which each gateway's pod is reached
    limits_pids: bool = False  # the kubelets' podPidsLimit is set

    @classmethod
    def read(cls, file: Path) -> ClusterSettings:
        """ClusterError says what is missing or unknown."""
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ClusterError(f"{file} can't be read as JSON: {error}") from error
        if not isinstance(facts, dict):
            raise ClusterError(f"{file} must hold one JSON object.")
        if missing := [name for name in _NEEDED if not facts.get(name)]:
            raise ClusterError(f"{file} does not say: {', '.join(missing)}.")
        if unknown := sorted(set(facts) - {one.name for one in fields(cls)}):
            raise ClusterError(f"{file} says what is not known: {', '.join(unknown)}.")
        for image in (facts["image"], *facts["environments"].values()):
            if "@sha256:" not in image:
                raise ClusterError(f"The image “{image}” must be named by its digest: a tag can be moved.")
        return cls(**facts)
