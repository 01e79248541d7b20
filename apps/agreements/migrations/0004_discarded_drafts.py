"""A draft of an agreement can be discarded."""

from pathlib import Path

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agreements", "0003_days"),
        ("catalog", "0004_dataset_stewards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="agreementversion",
            name="agreement_version_status",
        ),
        migrations.RemoveConstraint(
            model_name="agreementversion",
            name="agreement_sent_paired",
        ),
        migrations.RemoveConstraint(
            model_name="agreementversion",
            name="agreement_binds_signed",
        ),
        migrations.AlterField(
            model_name="agreementversion",
            name="status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("out_for_signature", "Out for signature"),
                    ("in_force", "In force"),
                    ("superseded", "Superseded"),
                    ("expired", "Expired"),
                    ("terminated", "Terminated"),
                    ("discarded", "Discarded"),
                ],
                default="draft",
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="agreementversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["draft", "out_for_signature", "in_force", "superseded", "expired", "terminated", "discarded"],
                    )
                ),
                name="agreement_version_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="agreementversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("sent_at", None), ("sent_by", None), ("status__in", ["draft", "discarded"]), ("text", None)
                    ),
                    models.Q(
                        models.Q(("status__in", ["draft", "discarded"]), _negated=True),
                        ("sent_at__isnull", False),
                        ("sent_by__isnull", False),
                        ("text__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="agreement_sent_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="agreementversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "out_for_signature", "discarded"]),
                    ("signed_at__isnull", False),
                    _connector="OR",
                ),
                name="agreement_binds_signed",
            ),
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]
