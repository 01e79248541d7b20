"""Workspaces of members in projects, their runs, and what hosts tell of them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_dataset_stewards"),
        ("projects", "0003_access_intervals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            "create sequence workspaces_uid minvalue 20000 maxvalue 1000000000", "drop sequence workspaces_uid"
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("starting", "Starting"),
                            ("running", "Running"),
                            ("stopping", "Stopping"),
                            ("stopped", "Stopped"),
                            ("failed", "Failed"),
                        ],
                        default="starting",
                        max_length=8,
                    ),
                ),
                ("status_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("started_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("ran_at", models.DateTimeField(blank=True, null=True)),
                ("stop_asked_at", models.DateTimeField(blank=True, null=True)),
                ("stops_at_once", models.BooleanField(default=False)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("resume_asked_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("environment", models.CharField(max_length=80)),
                ("environment_hash", models.CharField(blank=True, max_length=64)),
                (
                    "resume_asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "stop_asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RunFigures",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="figures",
                        serialize=False,
                        to="workspaces.run",
                    ),
                ),
                ("host", models.CharField(blank=True, max_length=64)),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("percent", models.PositiveSmallIntegerField(default=0)),
                ("words", models.CharField(blank=True, max_length=200)),
                ("cpu_seconds", models.FloatField(default=0)),
                ("memory", models.BigIntegerField(default=0)),
                ("home", models.BigIntegerField(default=0)),
                ("shared", models.BigIntegerField(default=0)),
                ("results", models.BigIntegerField(default=0)),
                ("bytes_out", models.BigIntegerField(default=0)),
                ("active_at", models.DateTimeField(blank=True, null=True)),
                ("samples", models.JSONField(default=list)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Workspace",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "uid",
                    models.PositiveIntegerField(
                        db_default=models.Func(models.Value("workspaces_uid"), function="nextval"),
                        editable=False,
                        unique=True,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("sealed", "Sealed"), ("deleted", "Deleted")],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("status_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("created_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("sealed_at", models.DateTimeField(blank=True, null=True)),
                ("delete_on", models.DateField(blank=True, null=True)),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="workspaces",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="workspaces", to="projects.project"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="run",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="workspaces.workspace"
            ),
        ),
        migrations.CreateModel(
            name="CellCode",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("seq", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("kernel", models.CharField(max_length=64)),
                ("code", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="cells", to="workspaces.run"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("run", "seq"), name="cell_once"),
                    models.CheckConstraint(condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="cell_sha256"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunData",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("planned_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("mounted_at", models.DateTimeField(blank=True, null=True)),
                ("files", models.PositiveIntegerField(blank=True, null=True)),
                ("bytes", models.BigIntegerField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mounts", to="workspaces.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="catalog.datasetversion"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["version"], name="run_data_of_version")],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "version"), name="run_data_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("bytes", None), ("files", None), ("mounted_at", None)),
                            models.Q(("bytes__gte", 0), ("files__isnull", False), ("mounted_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="run_data_mounted_paired",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("seq", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("stored_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("kind", models.CharField(max_length=12)),
                ("details", models.JSONField(default=dict)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="told", to="workspaces.run"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("run", "seq"), name="run_event_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                (
                                    "started",
                                    "ended",
                                    "denied",
                                    "warned",
                                    "paused",
                                    "resumed",
                                    "cell",
                                    "opened",
                                    "not_watched",
                                    "signed_in",
                                ),
                            )
                        ),
                        name="run_event_kind",
                    ),
                    models.CheckConstraint(condition=models.Q(("seq__gte", 1)), name="run_event_number"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="workspace",
            index=models.Index(fields=["member", "-created_at"], name="workspace_of_member"),
        ),
        migrations.AddIndex(
            model_name="workspace",
            index=models.Index(
                condition=models.Q(("status", "sealed")), fields=["delete_on"], name="workspace_to_erase"
            ),
        ),
        migrations.AddConstraint(
            model_name="workspace",
            constraint=models.UniqueConstraint(fields=("project", "member"), name="workspace_once"),
        ),
        migrations.AddConstraint(
            model_name="workspace",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "sealed", "deleted"])), name="workspace_status"
            ),
        ),
        migrations.AddConstraint(
            model_name="workspace",
            constraint=models.CheckConstraint(
                condition=models.Q(("uid__gte", 20000), ("uid__lte", 1000000000)), name="workspace_uid"
            ),
        ),
        migrations.AddConstraint(
            model_name="workspace",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("delete_on", None), ("sealed_at", None), ("status", "open")),
                    models.Q(
                        models.Q(("status", "open"), _negated=True),
                        ("delete_on__isnull", False),
                        ("sealed_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="workspace_sealed_paired",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["workspace", "-started_at"], name="run_of_workspace"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status__in", ("starting", "running", "stopping"))),
                fields=["started_at"],
                name="run_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["starting", "running", "stopping", "stopped", "failed"])),
                name="run_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("starting", "running", "stopping"))),
                fields=("workspace",),
                name="run_one_at_a_time",
                violation_error_message="This workspace is started already. Open it, or stop it first.",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("status__in", ("starting", "running", "stopping"))),
                    models.Q(
                        models.Q(("status__in", ("starting", "running", "stopping")), _negated=True),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="run_end_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at", None), ("ended_at__gte", models.F("started_at")), _connector="OR"),
                name="run_interval",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["starting", "running"]), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="run_end_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(models.Q(("status", "stopping"), _negated=True), ("stop_asked_by", None)),
                    ("stop_asked_at__isnull", False),
                    _connector="OR",
                ),
                name="run_stop_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resume_asked_at", None), ("resume_asked_by", None)),
                    models.Q(
                        ("paused_at__isnull", False),
                        ("resume_asked_at__isnull", False),
                        ("resume_asked_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="run_resume_paired",
            ),
        ),
    ]
