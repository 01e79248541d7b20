"""The record as the portal reads it: views of schema `audit`, which only audit.append() and the notary write."""

import json
from functools import cached_property
from typing import Any

from django.db import models


class Outcome(models.TextChoices):
    """How an act ended."""

    SUCCESS = "success", "Done"
    REFUSED = "refused", "Refused"
    ERROR = "error", "Failed"


class Event(models.Model):
    """One event. `entry` is the exact text under the Merkle tree; the columns are read from it by PostgreSQL.

    Holds identifiers, states and reasons, never data. `idx` is null for the second or two until the notary comes by.
    """

    id = models.UUIDField(primary_key=True)
    idx = models.BigIntegerField(null=True)
    event = models.TextField()
    outcome = models.TextField(choices=Outcome.choices)
    occurred_at = models.DateTimeField()  # to show and to compare; to find by time, take a bound of the id
    actor_ref = models.TextField()
    target_type = models.TextField()
    target_ref = models.TextField()
    center_ref = models.TextField()
    entry = models.TextField()

    class Meta:
        managed = False
        db_table = '"audit"."event"'
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.event} {self.outcome}"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The entry, parsed."""
        try:
            return dict(json.loads(self.entry))
        except (ValueError, RecursionError):  # a number of 5,000 digits, a thousand brackets
            return {}

    # A process that was taken over may write an event that lacks these: it is shown with what it has.
    @property
    def reason(self) -> str:
        return self._words("reason")

    @property
    def details(self) -> dict[str, Any]:
        return self._part("details")

    @property
    def roles(self) -> list[str]:
        """The roles under which the actor acted."""
        roles = self._part("actor").get("roles")
        return [str(role) for role in roles] if isinstance(roles, list) else []

    @property
    def actor_type(self) -> str:
        return self._words("type", "actor")

    @property
    def ip(self) -> str:
        return self._words("ip", "source")

    @property
    def component(self) -> str:
        return self._words("component", "source")

    @property
    def build(self) -> str:
        return self._words("build", "source")

    @property
    def request_id(self) -> str:
        return self._words("request_id", "source")

    @property
    def session(self) -> str:
        return self._words("session", "source")

    @property
    def auth(self) -> dict[str, Any]:
        return self._part("auth")

    def _part(self, name: str) -> dict[str, Any]:
        part = self.facts.get(name)
        return dict(part) if isinstance(part, dict) else {}

    def _words(self, name: str, part: str = "") -> str:
        found = (self._part(part) if part else self.facts).get(name)
        return found if isinstance(found, str) else ""


class Entry(models.Model):
    """One leaf of the tree: an event, or the line that names the rows an event changed (kind audit.rows)."""

    idx = models.BigIntegerField(primary_key=True)
    sequenced_at = models.DateTimeField()
    entry = models.TextField()
    leaf = models.BinaryField()
    id = models.UUIDField(null=True)
    kind = models.TextField()

    class Meta:
        managed = False
        db_table = '"audit"."entry"'
        ordering = ["idx"]

    def __str__(self) -> str:
        return f"{self.idx} {self.kind}"


class Checkpoint(models.Model):
    """A signed tree head, as a C2SP note."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = '"audit"."checkpoint"'
        ordering = ["-size"]

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries"


class Cosignature(models.Model):
    """A center's witness has seen this checkpoint, and that it only grew since the one before."""

    line = models.TextField(primary_key=True)
    size = models.BigIntegerField()
    witness = models.TextField()
    seen_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = '"audit"."cosignature"'
        ordering = ["-size"]

    def __str__(self) -> str:
        return f"{self.witness} at {self.size}"
