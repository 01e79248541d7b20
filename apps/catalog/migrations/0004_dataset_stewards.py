"""Stewards of single datasets: appointed and ended, never erased or rewritten."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.audit.clock
import apps.audit.ids

# Held against every way in: such a row begins, and ends once.
KEPT = """
do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'catalog_datasetsteward' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on catalog_datasetsteward from %I', held.grantee);
  end loop;
end $$;

create function catalog_stewardship_ends_once() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if OLD.ended_at is not null
     or (to_jsonb(OLD) - '{ended_at,ended_by_id,end_reason}'::text[])
        is distinct from (to_jsonb(NEW) - '{ended_at,ended_by_id,end_reason}'::text[]) then
    raise exception 'who stewarded a dataset stays as it was' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger stewardship_ends_once before update on catalog_datasetsteward
  for each row execute function catalog_stewardship_ends_once();
revoke execute on function catalog_stewardship_ends_once() from public;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_first_looks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DatasetSteward",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.audit.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("since", models.DateTimeField(default=apps.audit.clock.now)),
                ("reason", models.CharField(max_length=500)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("end_reason", models.CharField(blank=True, max_length=500)),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="stewards", to="catalog.dataset"
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
                    "granted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stewarded",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(condition=models.Q(("ended_at", None)), fields=["member"], name="dataset_steward_of")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("dataset", "member"),
                        name="dataset_steward_once",
                        violation_error_message="This person stewards the dataset already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("granted_by", models.F("member")), _negated=True),
                        name="dataset_steward_never_by_oneself",
                        violation_error_message="Nobody can appoint themselves. Ask another manager of your center.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_by", None)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="dataset_steward_end_paired",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEPT),
        migrations.RunSQL("call audit.govern('catalog_datasetsteward')"),
    ]
