"""Addresses below an entity's page, included at ``<entity page>/pagerduty/``."""

from django.urls import path

from pagerduty_card import views

app_name = "pagerduty_card"
urlpatterns = [
    path("", views.card, name="card"),
    path("refresh/", views.refresh, name="refresh"),
    path("trigger/", views.trigger, name="trigger"),
]
