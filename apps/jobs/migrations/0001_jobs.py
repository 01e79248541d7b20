"""Jobs of projects, their attempts, the slots of hosts, and what was used."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("alliance", "0008_held_factors"),
        ("catalog", "0004_dataset_stewards"),
        ("projects", "0004_stand_ins"),
        ("workspaces", "0004_what_a_machine_gives"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("create sequence jobs_number", "drop sequence jobs_number"),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("fence", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("ran_at", models.DateTimeField(blank=True, null=True)),
                ("stop_asked_at", models.DateTimeField(blank=True, null=True)),
                ("stops_at_once", models.BooleanField(default=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("outcome", models.CharField(blank=True, max_length=10)),
                ("exit_code", models.SmallIntegerField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("environment_hash", models.CharField(blank=True, max_length=64)),
                ("not_kept", models.JSONField(default=list)),
                ("cpu_seconds", models.FloatField(default=0)),
                ("memory_peak", models.BigIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Host",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=64, unique=True)),
                ("slot_memory", models.BigIntegerField()),
                ("is_open", models.BooleanField(default=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="account",
                        serialize=False,
                        to="projects.project",
                    ),
                ),
                ("used", models.FloatField(default=0)),
                ("used_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("passed_over", models.UUIDField(blank=True, null=True)),
                ("passed_over_at", models.DateTimeField(blank=True, null=True)),
                (
                    "center",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="alliance.center"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Figures",
            fields=[
                (
                    "attempt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="figures",
                        serialize=False,
                        to="jobs.attempt",
                    ),
                ),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                ("words", models.CharField(blank=True, max_length=200)),
                ("cpu_seconds", models.FloatField(default=0)),
                ("memory", models.BigIntegerField(default=0)),
                ("log_bytes", models.BigIntegerField(default=0)),
                ("step", models.BigIntegerField(blank=True, null=True)),
                ("total", models.BigIntegerField(blank=True, null=True)),
                ("metrics", models.JSONField(default=dict)),
                ("samples", models.JSONField(default=list)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Pulse",
            fields=[
                (
                    "host",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="pulse",
                        serialize=False,
                        to="jobs.host",
                    ),
                ),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="attempt",
            name="host",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="jobs.host"
            ),
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        db_default=models.Func(models.Value("jobs_number"), function="nextval"),
                        editable=False,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("command", models.JSONField()),
                ("seed", models.BigIntegerField(default=0)),
                ("environment", models.CharField(max_length=80)),
                ("cpus", models.PositiveSmallIntegerField(default=1)),
                ("memory", models.BigIntegerField()),
                ("gpus", models.PositiveSmallIntegerField(default=0)),
                ("seconds", models.PositiveIntegerField()),
                ("grace", models.PositiveSmallIntegerField(default=30)),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Low: after the project's others"),
                            (1, "Normal"),
                            (2, "High: before the project's others"),
                        ],
                        default=1,
                    ),
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
                        choices=[
                            ("queued", "Queued"),
                            ("starting", "Starting"),
                            ("running", "Running"),
                            ("cancelling", "Cancelling"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("status_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("submitted_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("queued_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("not_before", models.DateTimeField(default=apps.audit.clock.now)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("cancel_asked_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "cancel_asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="jobs", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="jobs", to="projects.project"
                    ),
                ),
                (
                    "resumes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resumed_by",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="attempt",
            name="job",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="jobs.job"
            ),
        ),
        migrations.CreateModel(
            name="JobData",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "job",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="data", to="jobs.job"),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="jobs", to="catalog.datasetversion"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="LogPiece",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("offset", models.BigIntegerField()),
                ("content", models.BinaryField()),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="log", to="jobs.attempt"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Result",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("path", models.CharField(max_length=1024)),
                ("sha256", models.CharField(max_length=64)),
                ("bytes", models.BigIntegerField()),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="results", to="jobs.attempt"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Share",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("weight", models.FloatField(default=1)),
                (
                    "center",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="share", to="alliance.center"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Slot",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(choices=[("cpu", "Processor"), ("gpu", "Graphics processor")], max_length=3)),
                ("number", models.PositiveSmallIntegerField()),
                ("device", models.CharField(blank=True, max_length=80)),
                ("model", models.CharField(blank=True, max_length=80)),
                ("is_gone", models.BooleanField(default=False)),
                (
                    "attempt",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slots",
                        to="jobs.attempt",
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="slots", to="jobs.host"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("bytes", models.PositiveIntegerField()),
                ("files", models.PositiveIntegerField()),
                ("added_at", models.DateTimeField(default=apps.audit.clock.now)),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="snapshots", to="projects.project"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="job",
            name="snapshot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="jobs", to="jobs.snapshot"
            ),
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "resource",
                    models.CharField(choices=[("cpu", "Processors"), ("gpu", "Graphics processors")], max_length=3),
                ),
                ("model", models.CharField(blank=True, max_length=80)),
                ("seconds", models.FloatField()),
                ("is_charged", models.BooleanField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="usage", to="jobs.attempt"
                    ),
                ),
                (
                    "center",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="alliance.center"
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="usage", to="projects.project"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["started_at"], name="attempt_live"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("job", "fence"), name="attempt_once"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("job",), name="attempt_one_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["", "succeeded", "failed", "cancelled", "requeued", "lost", "refused"])
                ),
                name="attempt_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("outcome", "")),
                    models.Q(("ended_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                    _connector="OR",
                ),
                name="attempt_end_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at", None), ("ended_at__gte", models.F("started_at")), _connector="OR"),
                name="attempt_interval",
            ),
        ),
        migrations.AddIndex(
            model_name="jobdata",
            index=models.Index(fields=["version"], name="job_data_of_version"),
        ),
        migrations.AddConstraint(
            model_name="jobdata",
            constraint=models.UniqueConstraint(fields=("job", "version"), name="job_data_once"),
        ),
        migrations.AddConstraint(
            model_name="logpiece",
            constraint=models.UniqueConstraint(fields=("attempt", "offset"), name="log_piece_once"),
        ),
        migrations.AddConstraint(
            model_name="logpiece",
            constraint=models.CheckConstraint(condition=models.Q(("offset__gte", 0)), name="log_piece_offset"),
        ),
        migrations.AddConstraint(
            model_name="result",
            constraint=models.UniqueConstraint(fields=("attempt", "path"), name="result_once"),
        ),
        migrations.AddConstraint(
            model_name="result",
            constraint=models.CheckConstraint(
                condition=models.Q(("bytes__gte", 0), ("sha256__regex", "^[0-9a-f]{64}$")), name="result_sha256"
            ),
        ),
        migrations.AddConstraint(
            model_name="share",
            constraint=models.CheckConstraint(
                condition=models.Q(("weight__gt", 0), ("weight__lte", 1000)), name="share_weight"
            ),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(
                condition=models.Q(("attempt", None), ("is_gone", False)), fields=["host", "kind"], name="slot_free"
            ),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(condition=models.Q(("attempt__isnull", False)), fields=["attempt"], name="slot_held"),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.UniqueConstraint(fields=("host", "kind", "number"), name="slot_once"),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ["cpu", "gpu"])), name="slot_kind"),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.UniqueConstraint(fields=("project", "sha256"), name="snapshot_once"),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="snapshot_sha256"
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(("bytes__gte", 1), ("files__gte", 1)), name="snapshot_holds_something"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "queued")),
                fields=["project", "-priority", "queued_at", "id"],
                name="job_in_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["member", "-submitted_at"], name="job_of_member"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["project", "-submitted_at"], name="job_of_project"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status__in", ["starting", "running", "cancelling"])),
                fields=["status_at"],
                name="job_under_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["queued", "starting", "running", "cancelling", "succeeded", "failed", "cancelled"])
                ),
                name="job_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^[a-z0-9][a-z0-9-]{0,63}$")), name="job_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("cpus__gte", 1), ("memory__gte", 1), ("priority__lte", 2), ("seconds__gte", 1)),
                name="job_asks_for_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("status__in", ("queued", "starting", "running", "cancelling"))),
                    models.Q(
                        models.Q(("status__in", ("queued", "starting", "running", "cancelling")), _negated=True),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="job_end_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(models.Q(("status", "cancelling"), _negated=True), ("cancel_asked_by", None)),
                    ("cancel_asked_at__isnull", False),
                    _connector="OR",
                ),
                name="job_cancel_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["queued", "starting", "running"]),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="job_end_has_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(fields=["project", "ended_at"], name="usage_of_project"),
        ),
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(fields=["center", "ended_at"], name="usage_of_center"),
        ),
        migrations.AddConstraint(
            model_name="usage",
            constraint=models.CheckConstraint(
                condition=models.Q(("resource__in", ["cpu", "gpu"])), name="usage_resource"
            ),
        ),
        migrations.AddConstraint(
            model_name="usage",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at__gte", models.F("started_at"))), name="usage_interval"
            ),
        ),
    ]
