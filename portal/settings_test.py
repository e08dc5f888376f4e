"""Settings of the test suite: the product's own, minus slow hashing, tokens and hashed assets."""

import os

# A developer's own settings stay out. Which database and cache to use may be told.
for _name in (
    *("DEBUG", "ALLOWED_HOSTS", "LOG_LEVEL", "SECRET_KEY", "TIME_ZONE", "SECURE_SSL_REDIRECT"),
    *("SECURE_HSTS_SECONDS", "PORTAL_NAME", "PORTAL_URL", "PORTAL_LOGIN_REQUIRED"),
    *("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"),
    *("PORTAL_SESSION_HOURS", "PORTAL_ACCOUNT_RECORD_DAYS", "PORTAL_ADMIN_LOG_DAYS"),
    *("CATALOG_RUN_DAYS", "PAGERDUTY_PAGE_RECORD_DAYS", "PAGERDUTY_MAPPING_CHANGE_DAYS"),
    "PAGERDUTY_DELIVERY_DAYS",
    *("HOST", "PORT", "WEB_WORKERS", "WEB_THREADS", "GUNICORN_CMD_ARGS"),
    *("PORTAL_BEHIND_PROXY", "CATALOG_LOCATIONS", "CATALOG_READING_ALLOW", "SANDBOX_PORT"),
    *("CATALOG_ORPHANS", "CATALOG_REFRESH_S", "CATALOG_REFRESH_TOKEN", "CATALOG_REGISTERED_KINDS"),
    *("PAGERDUTY_TOKEN", "PAGERDUTY_REGION", "PAGERDUTY_API_BASE_URL"),
    *("PAGERDUTY_EVENTS_BASE_URL", "PAGERDUTY_SANDBOX", "PAGERDUTY_SANDBOX_URL"),
    *("PAGERDUTY_ACCOUNTS", "PAGERDUTY_WEBHOOK_SECRETS", "PAGERDUTY_TRIGGER_OWNERS_ONLY"),
    *("CATALOG_PEOPLE_NAMESPACE", "CATALOG_PEOPLE_LOCATIONS"),
    *("CATALOG_GIT_HOSTS", "CATALOG_HOST_TOKENS", "PORTAL_PICTURE_HOSTS"),
):
    os.environ.pop(_name, None)
    os.environ.pop(f"{_name}_FILE", None)

from portal import settings as product  # noqa: E402 -- the same
from portal.settings import *  # noqa: E402, F403 -- read after the environment was cleaned

SECRET_KEY = "only-for-tests-" + "x" * 50
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
WHITENOISE_AUTOREFRESH = True
TASKS["default"]["ENQUEUE_ON_COMMIT"] = False  # noqa: F405
HUEY = {
    "name": "test",
    "huey_class": "huey.MemoryHuey",
    "immediate": True,
    "results": False,
    "serializer": product.HUEY["serializer"],
}
# The product's shared cache is a table: tests without a database have none.
CACHES = {
    **product.CACHES,
    "shared": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "shared",
    },
}
if REDIS_URL:  # noqa: F405
    # Workers share one Redis, which may hold a developer's own data too.
    CACHES["default"]["BACKEND"] = "tests.redis.OwnKeysCache"
    CACHES["default"]["KEY_PREFIX"] = f"test-{os.getpid()}"
