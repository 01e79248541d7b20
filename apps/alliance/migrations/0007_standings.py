"""From when a center, a person and a training type stood how: kept for every moment, so that any can be asked."""

from django.db import migrations

KEPT = ["center", "member", "trainingtype"]


class Migration(migrations.Migration):
    dependencies = [("alliance", "0006_governed"), ("core", "0002_standings")]
    operations = [
        migrations.RunSQL(
            f"call core_keep_standings('alliance_{name}', 'alliance.{name}')",
            f"drop trigger keep_standing on alliance_{name}",
        )
        for name in KEPT
    ]
