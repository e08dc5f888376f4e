"""Keep how much of a file is no descriptor."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0005_file_read_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='sourcefile',
            name='passed_over',
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
    ]
