"""Addresses below an entity's page, included at ``<entity page>/pagerduty/``."""

from django.urls import path

from pagerduty_card.card.views import card, refresh
from pagerduty_card.history.views import history
from pagerduty_card.paging.views import trigger

app_name = "pagerduty_card"
urlpatterns = [
    path("", card, name="card"),
    path("refresh/", refresh, name="refresh"),
    path("history/", history, name="history"),
    path("trigger/", trigger, name="trigger"),
]
