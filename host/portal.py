"""The portal as the host knows it: three addresses and a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from host import plan
from host.wire import Answer, Unreachable, ask

_TIMEOUT = 10.0


class Unreadable(Exception):
    """The portal can't read what it was told, and will not tomorrow."""


class Refused(Exception):
    """The portal does not let this run start; the message is its reason."""


@dataclass(frozen=True)
class Portal:
    """`url` without a slash at its end."""

    url: str
    secret: str = field(repr=False)
    host: str = ""
    offers: Mapping[str, float] = field(default_factory=dict)  # the most that this machine gives one workspace

    def plan(self, run: str) -> plan.RunPlan:
        """What this run may mount, as of now. Refused, PlanError or Unreachable say why there is no answer."""
        answer = self.post(f"/internal/runs/{run}/plan", {"host": self.host, "offers": dict(self.offers)})
        if answer.status in {403, 409}:
            raise Refused(str(answer.facts.get("reason") or "The portal does not let this workspace start."))
        if answer.status != 200:
            raise Unreachable(f"the portal answered with {answer.status}")
        asked = plan.read(answer.facts)
        if asked.run != run:
            raise plan.PlanError("The portal's plan is for another run.")
        return asked

    def events(self, run: str, events: list[dict[str, Any]]) -> int:
        """Hand over events; up to which number the portal has them. -1 where it knows no such run."""
        answer = self.post(f"/internal/runs/{run}/events", {"events": events})
        if answer.status == 404:
            return -1
        if answer.status in {400, 413, 422}:
            raise Unreadable(str(answer.facts.get("reason") or answer.status))
        acknowledged = answer.facts.get("acknowledged")
        if answer.status != 200 or not isinstance(acknowledged, int):
            raise Unreachable(f"the portal answered with {answer.status}")
        return acknowledged

    def erased(self, workspace: str) -> None:
        """Tell that nothing of this workspace is left here."""
        self.post(f"/internal/workspaces/{workspace}/erased", {"host": self.host})

    def heartbeat(self, runs: list[dict[str, Any]]) -> dict[str, Any]:
        """Say what runs here; hear what to stop."""
        answer = self.post("/internal/heartbeat", {"host": self.host, "runs": runs})
        if answer.status != 200:
            raise Unreachable(f"the portal answered with {answer.status}")
        return answer.facts

    def post(self, path: str, facts: dict[str, Any], timeout: float = _TIMEOUT) -> Answer:
        """Its answer at one address."""
        return ask("POST", self.url.rstrip("/") + path, facts, secret=self.secret, timeout=timeout)
