"""Addresses of PagerDuty that belong to no entity, included at ``/pagerduty/``."""

from django.urls import path

from pagerduty_card.views.doctor import doctor
from pagerduty_card.webhooks.views import webhook

app_name = "pagerduty"
urlpatterns = [
    path("doctor/", doctor, name="doctor"),
    path("webhooks/<str:account>/", webhook, name="webhook"),
]
