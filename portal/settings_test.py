"""Settings of the test suite: the product's own, minus slow hashing, tokens and hashed assets."""

from portal.settings import *  # noqa: F403

SECRET_KEY = "only-for-tests-" + "x" * 50
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
WHITENOISE_AUTOREFRESH = True
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
HUEY = {"name": "test", "huey_class": "huey.MemoryHuey", "immediate": True, "results": False}
CATALOG_LOCATIONS = []
CATALOG_READING_ALLOW = []
PAGERDUTY_TOKEN = ""
PAGERDUTY_REGION = "us"
PAGERDUTY_API_BASE_URL = ""
PAGERDUTY_EVENTS_BASE_URL = ""
PAGERDUTY_SANDBOX = False
