"""What the portal sees happen at its door: sign-ins, refused tries, sessions and factors.

The third named caller of record(), next to commands and reads. allauth performs these acts, so no command wraps them;
whoever is refused is often nobody yet, so no policy could be asked.
"""

from typing import Any

from django.db import models, transaction

from apps.audit.models import Outcome
from apps.core.actors import Actor
from apps.core.events import Kind, demand_declared
from apps.core.recording import record


def record_sighting(
    event: str, *, by: Actor, target: models.Model, outcome: Outcome = Outcome.SUCCESS, reason: str = "", **details: Any
) -> None:
    """Record it in the caller's transaction if there is one: the act and its event stand or fall together."""
    demand_declared(event, Kind.SIGHTING, target)
    with transaction.atomic():
        record(event, actor=by, target=target, outcome=outcome, reason=reason, **details)
