"""Keep when a file was last read that cannot be read just now."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0004_annotation_lines'),
    ]

    operations = [
        migrations.AddField(
            model_name='location',
            name='last_read_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='sourcefile',
            name='read_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
