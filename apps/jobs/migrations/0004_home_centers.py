"""Compute goes to the data: which centers' data a host can mount."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_budgets")]
    operations = [migrations.AddField("host", "centers", models.JSONField(default=list))]
