"""Keep since when there is nothing at a location's target."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0006_passed_over'),
    ]

    operations = [
        migrations.AddField(
            model_name='location',
            name='gone_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
