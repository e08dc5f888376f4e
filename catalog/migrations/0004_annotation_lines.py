"""Keep the line of each annotation; every file is read anew the first time, which fills it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_fill_search_text"),
    ]

    operations = [
        migrations.AddField(
            model_name="entity",
            name="annotation_lines",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
