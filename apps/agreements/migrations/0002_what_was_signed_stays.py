"""PostgreSQL keeps what was sent out, signed and accepted as it was, and no change of it goes unrecorded."""

from pathlib import Path

from django.db import migrations

GOVERNED = [
    "agreements_agreementtemplate",
    "agreements_templateversion",
    "agreements_kepttext",
    "agreements_keptdocument",
    "agreements_agreement",
    "agreements_agreementversion",
    "agreements_scopeline",
    "agreements_signature",
    "agreements_termsacceptance",
]


class Migration(migrations.Migration):
    dependencies = [
        ("agreements", "0001_agreements"),
        ("catalog", "0002_what_is_published_stays"),
        ("audit", "0001_record"),
    ]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        *(migrations.RunSQL(f"call audit.govern('{table}')") for table in GOVERNED),
    ]
