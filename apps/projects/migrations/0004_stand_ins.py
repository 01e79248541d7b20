"""Who stands in for a steward who is away: begun, ended once, never erased, and never two on one day."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids


class Migration(migrations.Migration):
    dependencies = [
        ("alliance", "0007_standings"),
        ("projects", "0003_access_intervals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="StandIn",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("named_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "away",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="absences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "center",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="stand_ins", to="alliance.center"
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "named_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "stand_in",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="standing_in",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["away", "ends_on"], name="stand_in_for"
                    ),
                    models.Index(fields=["center", "starts_on", "id"], name="stand_in_of_center"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("away", models.F("stand_in")), _negated=True),
                        name="stand_in_is_another",
                        violation_error_message="Nobody stands in for themselves. Choose another steward.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends_on__gte", models.F("starts_on"))), name="stand_in_interval"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_by", None)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="stand_in_end_paired",
                    ),
                ],
            },
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        migrations.RunSQL("call audit.govern('projects_standin')"),
    ]
