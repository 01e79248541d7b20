"""PostgreSQL keeps what was said and decided, who stood how from when, and no change of it goes unrecorded."""

from pathlib import Path

from django.db import migrations

GOVERNED = [
    "project", "edition", "amendment", "teammember", "accessrequest", "vote", "judge", "remark", "closeout", "gpuuse",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_projects"),
        ("catalog", "0004_dataset_stewards"),  # whose yes counts too
        ("core", "0002_standings"),
        ("audit", "0001_record"),
    ]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        *(migrations.RunSQL(f"call audit.govern('projects_{name}')") for name in GOVERNED),
        migrations.RunSQL("call core_keep_standings('projects_project', 'projects.project')"),
    ]
