"""Tables of the kernel: the outbox, the notices, and who stood how at which time."""

from django.conf import settings
from django.db import models

from apps.audit.clock import now
from apps.audit.ids import uuid7


class Identified(models.Model):
    """A row named by a time-ordered random identifier, so that no address can be guessed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True


class Message(Identified):
    """An effect that must follow a committed change: one row of the outbox."""

    task = models.CharField(max_length=100)
    args = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now)
    next_try_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="outbox_waiting",
                condition=models.Q(delivered_at=None, failed_at=None),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(delivered_at=None) | models.Q(failed_at=None), name="outbox_one_end"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"


class Notice(Identified):
    """Something a member should know, in the portal and by mail; `key` keeps it from being told twice."""

    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notices")
    key = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=now)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["to", "-created_at"], name="notice_by_member"),
            models.Index(fields=["to"], name="notice_unread", condition=models.Q(read_at=None)),
        ]
        constraints = [models.UniqueConstraint(fields=["to", "key"], name="notice_told_once")]

    def __str__(self) -> str:
        return self.subject


class Standing(models.Model):
    """A row's status from a moment on. PostgreSQL writes it with the status itself; the portal only reads it."""

    label = models.CharField(max_length=60)  # of the model: "alliance.center"
    row_id = models.UUIDField()
    status = models.CharField(max_length=20)
    since = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["row_id", "-since", "-id"], name="standing_of_row")]

    def __str__(self) -> str:
        return f"{self.label} {self.row_id}: {self.status} since {self.since}"
