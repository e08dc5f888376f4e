"""Addresses of PagerDuty that belong to no entity, included at ``/pagerduty/``."""

from django.urls import path

from pagerduty_card import views

app_name = "pagerduty"
urlpatterns = [
    path("doctor/", views.doctor, name="doctor"),
]
