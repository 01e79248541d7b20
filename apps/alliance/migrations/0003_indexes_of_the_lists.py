"""Indexes for the orders that people sort the lists by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alliance", "0002_found"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="member",
            index=models.Index(fields=["created_at", "id"], name="member_by_since"),
        ),
        migrations.AddIndex(
            model_name="trainingrecord",
            index=models.Index(fields=["submitted_at", "id"], name="training_by_sent"),
        ),
        migrations.AddIndex(
            model_name="trainingrecord",
            index=models.Index(fields=["valid_until", "id"], name="training_by_end"),
        ),
    ]
