"""PostgreSQL keeps jobs as they were asked for and ended; no change of them goes unrecorded but figures and logs."""

from pathlib import Path

from django.db import migrations

GOVERNED = ["snapshot", "job", "jobdata", "host", "attempt", "slot", "result", "usage", "share"]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_jobs"), ("audit", "0001_record")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        *(migrations.RunSQL(f"call audit.govern('jobs_{name}')") for name in GOVERNED),
    ]
