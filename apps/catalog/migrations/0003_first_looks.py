"""First looks at what was published."""

import django.db.models.deletion
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids

# A look is made again, never erased.
KEPT = """
do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'catalog_firstlook' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on catalog_firstlook from %I', held.grantee);
  end loop;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_what_is_published_stays"),
    ]

    operations = [
        migrations.CreateModel(
            name="FirstLook",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("path", models.CharField(max_length=500)),
                (
                    "kind",
                    models.CharField(
                        choices=[("slide", "Slide"), ("dicom", "Series of images"), ("variants", "Variants")],
                        max_length=12,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "Being made"), ("made", "Made"), ("failed", "Can't be shown")],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("status_at", models.DateTimeField(default=apps.audit.clock.now)),
                ("facts", models.JSONField(default=dict)),
                ("has_picture", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="looks", to="catalog.datasetversion"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("version", "path"), name="look_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["slide", "dicom", "variants"])), name="look_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["waiting", "made", "failed"])), name="look_status"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status", "made"), models.Q(("facts", {}), ("has_picture", False)), _connector="OR"
                        ),
                        name="look_made",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEPT),
        migrations.RunSQL("call audit.govern('catalog_firstlook')"),
    ]
