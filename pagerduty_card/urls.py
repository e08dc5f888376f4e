"""Addresses below an entity's page, included at ``<entity page>/pagerduty/``."""

from django.urls import URLPattern

app_name = "pagerduty_card"
urlpatterns: list[URLPattern] = []
