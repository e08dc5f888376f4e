"""Keep the line of each relation; every file is read anew the first time, which fills it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0008_ai_resource"),
    ]

    operations = [
        migrations.AddField(
            model_name="entity",
            name="reference_lines",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
