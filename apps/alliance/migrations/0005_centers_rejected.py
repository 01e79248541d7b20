"""An application can be rejected."""

from django.db import migrations, models

STATES = ["applicant", "rejected", "active", "suspended", "left"]


class Migration(migrations.Migration):
    dependencies = [
        ("alliance", "0004_nothing_is_erased"),
    ]

    operations = [
        migrations.AlterField(
            model_name="center",
            name="status",
            field=models.CharField(
                choices=[
                    ("applicant", "Applicant"),
                    ("rejected", "Rejected"),
                    ("active", "Active"),
                    ("suspended", "Suspended"),
                    ("left", "Left"),
                ],
                default="applicant",
                max_length=12,
            ),
        ),
        migrations.RemoveConstraint(model_name="center", name="center_status"),
        migrations.AddConstraint(
            model_name="center",
            constraint=models.CheckConstraint(condition=models.Q(status__in=STATES), name="center_status"),
        ),
    ]
