from django.db import migrations, models


class Migration(migrations.Migration):
    """Types and vendors of integrations; the next sync of the services fills them."""

    dependencies = [
        ('pagerduty_card', '0008_mappings'),
    ]

    operations = [
        migrations.AddField(
            model_name='integration',
            name='type',
            field=models.CharField(blank=True, default='', max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='integration',
            name='vendor_pd_id',
            field=models.CharField(blank=True, default='', max_length=32),
            preserve_default=False,
        ),
    ]
