"""Call the admin by its name in the places that mappings were stored with."""

from typing import Any

from django.db import migrations

PLACES = {
    "a link in the administration": "a link in the admin",
    "an overlay in the administration": "an overlay in the admin",
    "the administration": "the admin",
}
COLUMNS = ("place", "key_place", "account_place", "repeated_at")


def rename_places(apps: Any, schema_editor: Any) -> None:
    mappings = apps.get_model("pagerduty_card", "Mapping").objects
    for column in COLUMNS:
        for before, after in PLACES.items():
            mappings.filter(**{column: before}).update(**{column: after})


class Migration(migrations.Migration):
    dependencies = [
        ("pagerduty_card", "0013_alert_status"),
    ]

    operations = [
        migrations.RunPython(rename_places, migrations.RunPython.noop),
    ]
