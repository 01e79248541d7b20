"""An agreement begins and ends on days that every part of the portal can hold."""

import datetime

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agreements", "0002_what_was_signed_stays"),
        ("catalog", "0002_what_is_published_stays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="agreementversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on__lt", datetime.date(2200, 1, 1)), ("starts_on__gte", datetime.date(2000, 1, 1))
                ),
                name="agreement_days",
                violation_error_message="Choose days between the years 2000 and 2199.",
            ),
        ),
    ]
