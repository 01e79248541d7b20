"""The record in PostgreSQL: audit.append() as the only door in, must() at every governed table, nothing to change or remove.

An event arrives in audit.pending within its own transaction. At COMMIT, must() notes the digest of every governed row
that the transaction changed, and refuses the whole of it where no event was appended. The notary moves what is
committed into audit.entry, in order, under the Merkle tree.
"""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_name("0001_record.sql").read_text()


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(SQL, "drop schema audit cascade"),
        # What Django reads of it; nothing of this is made by Django.
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("idx", models.BigIntegerField(null=True)),
                ("event", models.TextField()),
                (
                    "outcome",
                    models.TextField(choices=[("success", "Done"), ("refused", "Refused"), ("error", "Failed")]),
                ),
                ("occurred_at", models.DateTimeField()),
                ("actor_ref", models.TextField()),
                ("target_type", models.TextField()),
                ("target_ref", models.TextField()),
                ("center_ref", models.TextField()),
                ("entry", models.TextField()),
            ],
            options={"db_table": '"audit"."event"', "ordering": ["-id"], "managed": False},
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("idx", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sequenced_at", models.DateTimeField()),
                ("entry", models.TextField()),
                ("leaf", models.BinaryField()),
                ("id", models.UUIDField(null=True)),
                ("kind", models.TextField()),
            ],
            options={"db_table": '"audit"."entry"', "ordering": ["idx"], "managed": False},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("note", models.TextField()),
                ("signed_at", models.DateTimeField()),
            ],
            options={"db_table": '"audit"."checkpoint"', "ordering": ["-size"], "managed": False},
        ),
        migrations.CreateModel(
            name="Cosignature",
            fields=[
                ("line", models.TextField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("witness", models.TextField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={"db_table": '"audit"."cosignature"', "ordering": ["-size"], "managed": False},
        ),
    ]
