"""How many hours a center pays for in a month; governed by the record like all of jobs."""

import django.db.models.deletion
from django.db import migrations, models

import apps.audit.ids
from apps.core.kept import never_erased


class Migration(migrations.Migration):
    dependencies = [("alliance", "0007_standings"), ("jobs", "0002_nothing_is_erased")]
    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "resource",
                    models.CharField(choices=[("cpu", "Processors"), ("gpu", "Graphics processors")], max_length=3),
                ),
                ("hours", models.PositiveIntegerField(blank=True, null=True)),
                ("told", models.CharField(blank=True, max_length=12)),
                (
                    "center",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="budgets", to="alliance.center"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("center", "resource"), name="budget_once"),
                    models.CheckConstraint(
                        condition=models.Q(("resource__in", ["cpu", "gpu"])), name="budget_resource"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("hours", None), ("hours__lte", 100_000_000), _connector="OR"),
                        name="budget_hours",
                    ),
                ],
            },
        ),
        never_erased("jobs_budget"),
        migrations.RunSQL("call audit.govern('jobs_budget')"),
    ]
