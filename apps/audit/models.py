"""One table, append-only: what happened, who did it, to what, with which outcome."""

from django.db import models

from apps.audit.clock import now
from apps.audit.ids import uuid7


class Outcome(models.TextChoices):
    """How an act ended."""

    SUCCESS = "success", "Done"
    REFUSED = "refused", "Refused"
    ERROR = "error", "Failed"


class Event(models.Model):
    """One line of the record. Holds identifiers, states and reasons, never data."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    occurred_at = models.DateTimeField(default=now)
    event = models.CharField(max_length=100)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason = models.TextField(blank=True)
    actor_type = models.CharField(max_length=10)
    actor_ref = models.CharField(max_length=64)
    target_type = models.CharField(max_length=100)
    target_ref = models.CharField(max_length=64)
    center_ref = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)
    component = models.CharField(max_length=40)
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True)
    session = models.CharField(max_length=64, blank=True)
    auth = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["center_ref", "-id"], name="audit_by_center"),
            models.Index(fields=["actor_ref", "-id"], name="audit_by_actor"),
            models.Index(fields=["target_type", "target_ref", "-id"], name="audit_by_target"),
            models.Index(fields=["event", "-id"], name="audit_by_event"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(outcome__in=Outcome.values), name="audit_outcome_known"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.outcome}"
