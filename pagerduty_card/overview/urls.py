"""Addresses of the boards, at the root of the site."""

from django.urls import path

from pagerduty_card.overview import views

app_name = "boards"
urlpatterns = [
    path("incidents/", views.incidents, name="incidents"),
    path("incidents/count/", views.count, name="count"),
    path("on-call/", views.on_call, name="on-call"),
]
