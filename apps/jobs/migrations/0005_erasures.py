"""Which host erased the files of which closed project; governed, and never taken back."""

import django.db.models.deletion
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids
from apps.core.kept import only_added


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_home_centers"), ("projects", "0004_stand_ins")]
    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("erased_at", models.DateTimeField(default=apps.audit.clock.now)),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="erasures", to="jobs.host"
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="erasures", to="projects.project"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("project", "host"), name="erasure_once")],
            },
        ),
        only_added("jobs_erasure"),
        migrations.RunSQL(
            "create trigger erasure_stays before update or delete on jobs_erasure "
            "for each row execute function jobs_refuse()"
        ),
        migrations.RunSQL("call audit.govern('jobs_erasure')"),
    ]
