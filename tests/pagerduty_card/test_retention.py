"""How long rows about PagerDuty are kept."""

import datetime as dt

import pytest
from django.utils import timezone

from pagerduty_card import tasks  # noqa: F401 -- puts its work on the schedule
from pagerduty_card.models import Delivery, MappingChange, TriggeredIncident
from portal.tasks import run_once
from tests.factories import make_entity
from tests.pagerduty_card.mirror import make_attempt

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("setting", "model", "kept"),
    [
        ("PAGERDUTY_PAGE_RECORD_DAYS", TriggeredIncident, {"young", "waiting"}),
        ("PAGERDUTY_MAPPING_CHANGE_DAYS", MappingChange, {"young"}),
        ("PAGERDUTY_DELIVERY_DAYS", Delivery, {"young", "waiting"}),
    ],
)
def test_rows_are_deleted_after_the_time_of_their_setting(settings, setting, model, kept):
    entity, now = make_entity(), timezone.now()
    for name, age_days in (("young", 29), ("old", 31), ("waiting", 31)):
        at = now - dt.timedelta(days=age_days)
        until = now if name == "waiting" else None
        make_attempt(entity, dedup_key=name, triggered_at=at, retry_until=until)
        MappingChange.objects.create(key=name, made_at=at)
        state = "waiting" if name == "waiting" else "applied"
        Delivery.objects.create(account="default", event_id=name, received_at=at, state=state)
    names = {TriggeredIncident: "dedup_key", MappingChange: "key", Delivery: "event_id"}
    # 0 keeps all; deliveries are kept for as long as the setting allows.
    for one in ("PAGE_RECORD_DAYS", "MAPPING_CHANGE_DAYS"):
        setattr(settings, f"PAGERDUTY_{one}", 0)
    settings.PAGERDUTY_DELIVERY_DAYS = 3_650
    assert run_once("pagerduty_card.tasks.forget_old_rows")
    assert all(model.objects.count() == 3 for model in names)
    setattr(settings, setting, 30)
    assert run_once("pagerduty_card.tasks.forget_old_rows")
    assert set(model.objects.values_list(names[model], flat=True)) == kept
    assert all(other.objects.count() == 3 for other in names if other is not model)
