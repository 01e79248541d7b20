"""A signature keeps by which browser it was made, as a hash."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agreements", "0004_discarded_drafts")]

    operations = [
        migrations.AddField(
            model_name="signature",
            name="user_agent_sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
