"""The alliance itself: the one row on which its own roles are granted."""

from django.db import migrations


def found(apps, schema_editor):
    apps.get_model("alliance", "Alliance").objects.get_or_create(pk=1, defaults={"name": "Cancer AI Alliance"})


class Migration(migrations.Migration):
    dependencies = [("alliance", "0001_alliance")]
    operations = [migrations.RunPython(found, migrations.RunPython.noop)]
