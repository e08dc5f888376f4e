"""Every setting of the portal, read from the environment.

:class:`portal.environment.Environment` reads them, and remembers values that it cannot read. The
defaults make one self-contained process: SQLite, local-memory cache, no DEBUG. What is wrong or
missing is reported by the system checks (``manage.py check``), not by an exception at import; web,
worker and ``prepare`` refuse to start with an error.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from csp.constants import NONE, SELF
from huey.serializer import SignedSerializer

from portal.environment import SHORTEST_SECRET_KEY, Environment, web_server
from portal.logging import logging_of

# Databases, task queue and logs hold keys, names and password hashes: what any process of the
# portal creates is for its own account alone.
os.umask(0o077)

env = ENVIRONMENT = Environment()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("PORTAL_VAR_DIR", default=str(BASE_DIR / "var")))
# Database and task queue are opened by the first command. Where the folder cannot be made and is
# not needed either (PostgreSQL and Redis), nothing is lost; else check portal.E005 names it.
with suppress(OSError):
    VAR_DIR.mkdir(parents=True, exist_ok=True)

# Django ---------------------------------------------------------------------------------------
DEBUG = env.yes_or_no("DEBUG", default=False, strict=False)
SECRET_KEY = env.text("SECRET_KEY", is_secret=True)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "catalog",
    "pagerduty_card",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "portal.accounts",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    # On Django 6 too: importing it makes classes of Django generic, as their annotations need.
    "django_tasks",
    "huey.contrib.djhuey",
]

# The site -------------------------------------------------------------------------------------
PORTAL_NAME = env.text("PORTAL_NAME", default="Switchboard")
PORTAL_URL = env.text("PORTAL_URL", default="http://127.0.0.1:8000").rstrip("/").lower()
# Where pictures of people may come from; PagerDuty's own, and those that it names.
PORTAL_PICTURE_HOSTS = env.hosts(
    "PORTAL_PICTURE_HOSTS", default=["*.pagerduty.com", "*.gravatar.com"]
)
PORTAL_LOGIN_REQUIRED = env.yes_or_no("PORTAL_LOGIN_REQUIRED", default=True, strict=True)
# gunicorn.py reads them by itself; here they are read for the checks.
WEB_SERVER = web_server(env)

MIDDLEWARE = [
    "portal.middleware.request_id",
    "portal.proxy.trust",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pads what it compresses, so that a page's length tells nothing of its tokens (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.page_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.csrf.keep_typed",
    *(["django.contrib.auth.middleware.LoginRequiredMiddleware"] if PORTAL_LOGIN_REQUIRED else []),
    "portal.accounts.recording.remember_request",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.viewer_time_zone",
]

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "catalog:home"
LOGOUT_REDIRECT_URL = "catalog:home"

# Database, cache, tasks -----------------------------------------------------------------------
DATABASES = {
    # Quoted: in an address "+" and "%20" are a blank, and "#" and "?" end the path.
    "default": env.database(
        "DATABASE_URL", default=f"sqlite:///{quote(str(VAR_DIR))}/switchboard.sqlite3"
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A reader that turns writer in mid-transaction would fail at once instead of waiting.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A host that does not answer, or is cut off later, is reported in seconds, not when the system
    # gives up. What DATABASE_URL says in its query goes before.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 20_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

REDIS_URL = env.redis("REDIS_URL")
CACHES: dict[str, dict[str, Any]] = {
    # What a page reads: each process has its own where there is no Redis.
    "default": (
        {"BACKEND": "portal.redis_cache.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "portal.cache.LocalCache", "OPTIONS": {"max_bytes": 24 * 1024 * 1024}}
    ),
    # What processes must agree on: the budget of a token, and who is at which work. In the database
    # also where there is a Redis, whose absence must free no lease and lift no limit. Pages do not
    # read it. ``migrate`` makes its table.
    "shared": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 5_000},
    },
}

# One query a page. A cache would keep a session that was ended while it did not answer, or that
# another process ended.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 3600 * env.number(
    "PORTAL_SESSION_HOURS", default=14 * 24, least=1, most=8_760, unit="hours"
)

_TIMEOUTS = "socket_connect_timeout=1&socket_timeout=3"
HUEY = {
    "name": "switchboard",
    "huey_class": "huey.RedisHuey" if REDIS_URL else "huey.SqliteHuey",
    # redis-py waits without end unless told. The worker's own wait for work lasts one second.
    "connection": (
        {"url": f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}{_TIMEOUTS}"}
        if REDIS_URL
        else {"filename": str(VAR_DIR / "tasks.sqlite3")}
    ),
    "immediate": False,
    "results": False,
    # Tasks are pickled: one that the portal did not sign is not read. Without a key (portal.E001)
    # nobody but this process can sign.
    "serializer": SignedSerializer(SECRET_KEY or secrets.token_hex(32), salt="portal.tasks"),
    # The consumer looks for work every second at least: a run planned for :30 starts then. Enough
    # threads that two imports (what is due, what somebody asked for) and an account that hangs hold
    # up no lane of the mirror.
    # SIGTERM lets what runs end for five seconds: an import that is cut off is closed by another
    # worker only after a minute.
    "consumer": {
        "workers": 7,
        "max_delay": 1,
        "graceful_signal": "TERM",
        "shutdown_timeout": 5,
    },
}
TASKS = {
    "default": {
        "BACKEND": "huey.contrib.djhuey.tasks_backend.HueyBackend",
        "ENQUEUE_ON_COMMIT": True,
    }
}

# Templates and static files -------------------------------------------------------------------
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["portal.templatetags.ui", "django.templatetags.static"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.page_frame.context",
            ],
        },
    }
]

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "portal.static_files.JoinedFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Language and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")

# Safety ---------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # A picture tells its host who reads which page: only those that are meant to know.
        "img-src": [SELF, "data:", *(f"https://{host}" for host in PORTAL_PICTURE_HOSTS)],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "portal.csrf.csrf_failure"

# One address decides: a portal whose address is https is served over https only.
_https = PORTAL_URL.startswith("https://")
SECURE_SSL_REDIRECT = env.yes_or_no("SECURE_SSL_REDIRECT", default=_https, strict=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz/"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
if _https:
    # With this prefix a browser takes them from this host alone, never from a sister host.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_HSTS_SECONDS = env.number(
    "SECURE_HSTS_SECONDS",
    default=31_536_000 if _https else 0,
    least=0,
    most=315_360_000,
    unit="seconds",
)
# Both bind hosts that are not the portal's, and cannot be taken back for months.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.yes_or_no(
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False, strict=False
)
SECURE_HSTS_PRELOAD = env.yes_or_no("SECURE_HSTS_PRELOAD", default=False, strict=False)
# What Django's checks say of cookies and redirects follows from PORTAL_URL, and portal.W004 names
# that cause. W005 and W021 want what binds other hosts.
SILENCED_SYSTEM_CHECKS = [
    *("security.W005", "security.W021"),
    *([] if _https else [f"security.W0{n}" for n in ("04", "08", "12", "16")]),
    # That a key is missing or too short, portal.E001 says; that it is a bad one, Django.
    *([] if len(SECRET_KEY) >= SHORTEST_SECRET_KEY else ["security.W009"]),
]
CSRF_TRUSTED_ORIGINS = [PORTAL_URL] if _https else []
PORTAL_BEHIND_PROXY = env.yes_or_no("PORTAL_BEHIND_PROXY", default=False, strict=False)
if PORTAL_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

_validation = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_validation}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_validation}.CommonPasswordValidator"},
    {"NAME": f"{_validation}.NumericPasswordValidator"},
]
# How long the record of sign-ins and of rights is kept; 0: for good.
PORTAL_ACCOUNT_RECORD_DAYS = env.number(
    "PORTAL_ACCOUNT_RECORD_DAYS", default=365, least=0, most=3_650, unit="days"
)
# How long the admin's own log of changes is kept; 0: for good.
PORTAL_ADMIN_LOG_DAYS = env.number(
    "PORTAL_ADMIN_LOG_DAYS", default=365, least=0, most=3_650, unit="days"
)

# Logging --------------------------------------------------------------------------------------
LOGGING = logging_of(
    env.choice(
        "LOG_LEVEL",
        default="INFO",
        allowed=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    )
)

# Catalog --------------------------------------------------------------------------------------
CATALOG_LOCATIONS = env.words("CATALOG_LOCATIONS")
# Hosts (``example.com``, ``*.example.com``) and folders (absolute paths) descriptors may be read
# from. Empty: any file the command line names, any public https or http host. A list that cannot be
# read allows nothing: no host has a name of that domain (RFC 2606).
CATALOG_READING_ALLOW = env.words("CATALOG_READING_ALLOW", strict=["nothing.invalid"])
# What makes the pages of further source hosts, as ``host=github`` (or gitlab, bitbucket, gitea,
# azure): the address of a page is then read as that of its file.
CATALOG_GIT_HOSTS = env.words("CATALOG_GIT_HOSTS")
# What hosts of private files are shown, as ``host=token``; whoever may register a location reads
# descriptors with it.
CATALOG_HOST_TOKENS = env.words("CATALOG_HOST_TOKENS", is_secret=True)
# What becomes of entities whose document is gone: ``keep`` (and mark) or ``delete``.
CATALOG_ORPHANS = env.choice("CATALOG_ORPHANS", default="keep", allowed=("keep", "delete"))
# Seconds from one reading of a location to the next, by the worker; 0: never by itself.
CATALOG_REFRESH_S = env.number(
    "CATALOG_REFRESH_S", default=120, least=0, most=2_592_000, unit="seconds"
)
# How long import runs that changed something are kept.
CATALOG_RUN_DAYS = env.number("CATALOG_RUN_DAYS", default=90, least=1, most=3_650, unit="days")
# What a repository's webhook shows when it asks for a refresh; without one, there is no such door.
CATALOG_REFRESH_TOKEN = env.text("CATALOG_REFRESH_TOKEN", is_secret=True)
# What people without the right to change locations may register: no teams and no people, or one
# could register oneself into a team.
CATALOG_REGISTERED_KINDS = env.words(
    "CATALOG_REGISTERED_KINDS",
    default=[
        *("Component", "API", "Resource", "System", "Domain", "Location", "Template"),
        "AiResource",
    ],
)
# Where the User entity of an account is looked for, and whose people and groups decide who owns
# what: files, folders and addresses as in CATALOG_LOCATIONS. Empty: those of every location.
CATALOG_PEOPLE_NAMESPACE = env.text("CATALOG_PEOPLE_NAMESPACE", default="default")
CATALOG_PEOPLE_LOCATIONS = env.words("CATALOG_PEOPLE_LOCATIONS")

# PagerDuty ------------------------------------------------------------------------------------
PAGERDUTY_TOKEN = env.text("PAGERDUTY_TOKEN", is_secret=True)
PAGERDUTY_REGION = env.text("PAGERDUTY_REGION", default="us").lower()
PAGERDUTY_API_BASE_URL = env.text("PAGERDUTY_API_BASE_URL").rstrip("/")
PAGERDUTY_EVENTS_BASE_URL = env.text("PAGERDUTY_EVENTS_BASE_URL").rstrip("/")
# Further accounts: YAML, or the path of a file with it; pagerduty_card/configuration.py reads it.
PAGERDUTY_ACCOUNTS = env.text("PAGERDUTY_ACCOUNTS", is_secret=True)
# What the default account's webhooks are signed with; several while one takes the other's place.
PAGERDUTY_WEBHOOK_SECRETS = env.words("PAGERDUTY_WEBHOOK_SECRETS", is_secret=True)
# How long the record of pages and the applications of the mapping page are kept (0: for good), and
# deliveries of webhooks, which PagerDuty repeats for two days.
PAGERDUTY_PAGE_RECORD_DAYS = env.number(
    "PAGERDUTY_PAGE_RECORD_DAYS", default=0, least=0, most=3_650, unit="days"
)
PAGERDUTY_MAPPING_CHANGE_DAYS = env.number(
    "PAGERDUTY_MAPPING_CHANGE_DAYS", default=365, least=0, most=3_650, unit="days"
)
PAGERDUTY_DELIVERY_DAYS = env.number(
    "PAGERDUTY_DELIVERY_DAYS", default=7, least=3, most=3_650, unit="days"
)
# Whether only an entity's owners (and superusers) may page from its page, or whoever has the right
# to page.
PAGERDUTY_TRIGGER_OWNERS_ONLY = env.yes_or_no(
    "PAGERDUTY_TRIGGER_OWNERS_ONLY", default=False, strict=True
)
PAGERDUTY_SANDBOX = env.yes_or_no("PAGERDUTY_SANDBOX", default=False, strict=False)
SANDBOX_PORT = env.number("SANDBOX_PORT", default=8900, least=1, most=65_535)
PAGERDUTY_SANDBOX_URL = env.site(
    "PAGERDUTY_SANDBOX_URL", default=f"http://127.0.0.1:{SANDBOX_PORT}"
)

# Demo accounts have public passwords, so they open the door of a sandbox only.
AUTHENTICATION_BACKENDS = [
    "portal.permissions.OneQueryBackend",
    *(["portal.demo.DemoBackend"] if PAGERDUTY_SANDBOX else []),
]
