from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('pagerduty_card', '0011_first_key'),
    ]

    operations = [
        migrations.RenameField(
            model_name='feed',
            old_name='told_at',
            new_name='changed_by_webhook_at',
        ),
    ]
