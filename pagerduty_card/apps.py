from django.apps import AppConfig


class PagerdutyCardConfig(AppConfig):
    """Who is paged."""

    name = "pagerduty_card"
    verbose_name = "PagerDuty"
