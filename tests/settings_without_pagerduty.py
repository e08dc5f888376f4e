"""The portal with the PagerDuty app taken out."""

from portal.settings_test import *  # noqa: F403

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "pagerduty_card"]  # noqa: F405
