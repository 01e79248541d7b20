"""The portal as jobs know it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from host import job_plan
from host.job_files import Left
from host.plan import PlanError
from host.portal import Portal, Refused, Unreadable
from host.wire import Answer, Unreachable

_WAIT = 20.0  # seconds; longer than the portal lets anybody wait


class Fenced(Exception):
    """The portal has given up this attempt: nothing of it counts any more."""


@dataclass(frozen=True)
class JobPortal:
    """Addresses beside those of workspaces, under the same secret."""

    portal: Portal

    def beat(self, offers: dict[str, Any], attempts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Say how all attempts do; hear which to start and which to end."""
        facts = {"host": self.portal.host, "offers": offers, "attempts": list(attempts)}
        return self._expect(self.portal.post("/internal/jobs/beat", facts))

    def wait(self) -> bool:
        """Whether there is something to do; the answer takes seconds where there is nothing."""
        said = self._expect(self.portal.post("/internal/jobs/wait", {"host": self.portal.host}, timeout=_WAIT))
        return bool(said.get("rang"))

    def plan(self, attempt: str) -> job_plan.JobPlan:
        """What it may have, as of now. Refused, Fenced, PlanError or Unreachable say why there is no answer."""
        answer = self._of(attempt, "plan", {})
        if answer.status in {403, 409}:
            raise Refused(str(answer.facts.get("reason") or "The portal does not let this job start."))
        plan = job_plan.read(self._expect(answer))
        if plan.attempt != attempt:
            raise PlanError("The portal's plan is for another attempt.")
        return plan

    def begun(self, attempt: str, environment: str, not_kept: list[str]) -> None:
        """It runs."""
        self._expect(self._of(attempt, "begun", {"environment": environment, "not_kept": not_kept}))

    def ended(self, attempt: str, end: dict[str, Any], left: Sequence[Left]) -> bool:
        """It has ended, and how; whether what it left is to be given to its project. Fenced: nobody asks any more."""
        said = self._expect(self._of(attempt, "ended", {**end, "results": [asdict(one) for one in left]}))
        return said.get("keeps_results") is True

    def log(self, attempt: str, offset: int, content: bytes) -> int:
        """What it printed from there on; up to which byte the portal has it."""
        facts = {"offset": offset, "content": base64.b64encode(content).decode("ascii")}
        said = self._expect(self._of(attempt, "log", facts)).get("next")
        if not isinstance(said, int):
            raise Unreachable("the portal said nothing of the log")
        return said

    def erased(self, project: str) -> None:
        """The files of a project are gone from here."""
        self._expect(self.portal.post(f"/internal/projects/{project}/erased", {"host": self.portal.host}))

    def _of(self, attempt: str, what: str, facts: dict[str, Any]) -> Answer:
        return self.portal.post(f"/internal/attempts/{attempt}/{what}", facts)

    def _expect(self, answer: Answer) -> dict[str, Any]:
        if answer.status in {404, 410}:
            raise Fenced(str(answer.facts.get("reason") or "The portal knows of no such attempt."))
        if answer.status in {400, 413, 422}:
            raise Unreadable(str(answer.facts.get("reason") or answer.status))
        if answer.status != 200:
            raise Unreachable(f"the portal answered with {answer.status}: {answer.facts.get('reason', '')}")
        return answer.facts
