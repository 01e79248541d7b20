"""PostgreSQL keeps what was told of runs, and no change of them goes unrecorded but the figures of their machines."""

from pathlib import Path

from django.db import migrations

GOVERNED = ["workspace", "run", "rundata", "runevent", "cellcode"]


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_workspaces"), ("audit", "0001_record")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        *(migrations.RunSQL(f"call audit.govern('workspaces_{name}')") for name in GOVERNED),
    ]
