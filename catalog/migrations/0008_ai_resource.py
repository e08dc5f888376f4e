"""Know the kind AiResource."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0007_location_gone_at'),
    ]

    operations = [
        migrations.AlterField(
            model_name='entity',
            name='kind',
            field=models.CharField(choices=[('Component', 'Component'), ('API', 'API'), ('Resource', 'Resource'), ('System', 'System'), ('Domain', 'Domain'), ('Group', 'Group'), ('User', 'User'), ('Location', 'Location'), ('Template', 'Template'), ('AiResource', 'AI resource')], max_length=63),
        ),
    ]
