"""The product's own settings for pages that are drawn in one process, without collected assets."""

from portal.settings import *  # noqa: F403

ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "tests.bench.urls"
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
WHITENOISE_AUTOREFRESH = True
LOGGING["loggers"]["django"]["level"] = "ERROR"  # noqa: F405 -- a page that is not there is told
