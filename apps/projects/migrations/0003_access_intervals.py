"""Who could use which data from when to when, as the clock saw it; kept like everything else, and never erased."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids

KEPT = """
do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'projects_accessinterval' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on projects_accessinterval from %I', held.grantee);
  end loop;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_what_is_published_stays"),
        ("projects", "0002_nothing_is_erased"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessInterval",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("since", models.DateTimeField(default=apps.audit.clock.now)),
                ("until", models.DateTimeField(blank=True, null=True)),
                (
                    "lacks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="intervals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="intervals", to="projects.project"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="intervals",
                        to="catalog.datasetversion",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until", None)),
                        fields=("project", "member", "version"),
                        name="access_interval_once_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("until", None), ("until__gte", models.F("since")), _connector="OR"),
                        name="access_interval_ends",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lacks", []), ("until", None)),
                            models.Q(("until__isnull", False), models.Q(("lacks", []), _negated=True)),
                            _connector="OR",
                        ),
                        name="access_interval_why",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEPT),
        migrations.RunSQL("call audit.govern('projects_accessinterval')"),
    ]
