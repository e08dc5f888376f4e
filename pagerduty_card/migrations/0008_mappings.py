import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Which services each entity names; filled by ``mapping.remapping`` after the migrations."""

    dependencies = [
        ('catalog', '0004_annotation_lines'),
        ('pagerduty_card', '0007_open_counts'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('origin', models.CharField(choices=[('annotation', 'annotation'), ('overlay', 'overlay'), ('link', 'link')], max_length=10)),
                ('account', models.CharField(max_length=200)),
                ('service_pd_id', models.CharField(blank=True, db_index=True, max_length=300)),
                ('key_digest', models.CharField(blank=True, db_index=True, max_length=32)),
                ('label', models.CharField(blank=True, max_length=64)),
                ('place', models.CharField(blank=True, max_length=1100)),
                ('key_place', models.CharField(blank=True, max_length=1100)),
                ('account_place', models.CharField(blank=True, max_length=1100)),
                ('repeated_at', models.CharField(blank=True, max_length=1100)),
                ('problem', models.CharField(blank=True, max_length=32)),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='catalog.entity')),
                ('key_owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='pagerduty_card.service')),
                ('other', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='pagerduty_card.service')),
                ('service', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mappings', to='pagerduty_card.service')),
            ],
            options={
                'ordering': ['entity', 'position'],
                'constraints': [models.UniqueConstraint(fields=('entity', 'account', 'service_pd_id', 'key_digest'), name='mapping_once')],
            },
        ),
    ]
