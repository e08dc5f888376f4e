from typing import Any

from django.db import migrations, models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce


def count(apps: Any, schema_editor: Any) -> None:
    """Count the open incidents that are stored already."""
    Incident = apps.get_model('pagerduty_card', 'Incident')
    Service = apps.get_model('pagerduty_card', 'Service')

    def number_of(wanted: Q) -> Coalesce:
        rows = Incident.objects.filter(wanted, service=OuterRef('pk')).order_by().values('service')
        return Coalesce(Subquery(rows.annotate(n=Count('pk')).values('n')), 0)

    Service.objects.filter(pk__in=Incident.objects.order_by().values('service')).update(
        open_triggered=number_of(Q(status='triggered')),
        open_acknowledged=number_of(Q(status='acknowledged')),
        open_other=number_of(~Q(status__in=['triggered', 'acknowledged'])),
    )


class Migration(migrations.Migration):
    """How many incidents of a service are open, beside the service."""

    dependencies = [
        ('pagerduty_card', '0006_past_and_handover'),
    ]

    operations = [
        migrations.AddField(
            model_name='service',
            name='open_triggered',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='service',
            name='open_acknowledged',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='service',
            name='open_other',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
