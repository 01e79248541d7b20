"""The one client of the portal's sign-in changes only under an event."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0002_nothing_is_erased"),
        ("oauth2_provider", "0022_refreshtoken_token_family_index"),
        ("audit", "0001_record"),
    ]
    operations = [migrations.RunSQL("call audit.govern('oauth2_provider_application')")]
