"""Nothing about centers, people, roles and training changes without an event: PostgreSQL refuses it at COMMIT."""

from django.db import migrations

GOVERNED = [
    "alliance_alliance",
    "alliance_center",
    "alliance_member",
    "alliance_grant",
    "alliance_invitation",
    "alliance_vouch",
    "alliance_trainingtype",
    "alliance_trainingrecord",
    "socialaccount_socialapp",
    "socialaccount_socialaccount",
]


class Migration(migrations.Migration):
    dependencies = [
        ("alliance", "0005_centers_rejected"),
        ("audit", "0001_record"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]
    operations = [
        migrations.RunSQL(
            f"call audit.govern('{table}')",
            f"drop trigger must_be_recorded on {table}; drop trigger must_not_be_truncated on {table}",
        )
        for table in GOVERNED
    ]
