"""PostgreSQL keeps what was published as it was, and no change of the catalog goes unrecorded."""

from pathlib import Path

from django.db import migrations

GOVERNED = ["catalog_dataset", "catalog_datasetversion", "catalog_datasetfile"]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_catalog"), ("alliance", "0006_governed"), ("audit", "0001_record")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        *(migrations.RunSQL(f"call audit.govern('{table}')") for table in GOVERNED),
    ]
