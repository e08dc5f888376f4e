import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Whose a key is that an entity names; filled by ``mapping.remapping`` after the migrations."""

    dependencies = [
        ('pagerduty_card', '0008_mappings'),
    ]

    operations = [
        migrations.AddField(
            model_name='mapping',
            name='key_owner',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='pagerduty_card.service'),
        ),
    ]
