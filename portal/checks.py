"""System checks of the deployment, each with an id and a hint."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

_LOCAL_HOSTS = {"localhost", ".localhost", "127.0.0.1", "[::1]", "testserver"}
_MIN_KEY_LENGTH = 50
_MAKE_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"


@register(Tags.security)
def check_configuration(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Find combinations of settings that cannot work or are dangerous anywhere."""
    del app_configs, kwargs
    return [*_empty_secret_key(), *_public_debug(), *_portal_url(), *_workers_without_redis()]


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find what is good enough for a developer's machine only."""
    del app_configs, kwargs
    key = _secret_key()
    if not key or len(key) >= _MIN_KEY_LENGTH:
        return []
    return [
        Error(
            f"SECRET_KEY has {len(key)} characters: sessions can be forged.",
            hint=f"Set SECRET_KEY (or SECRET_KEY_FILE) to {_MIN_KEY_LENGTH} random characters or "
            f"more, for example from: {_MAKE_KEY}",
            id="portal.E001",
        )
    ]


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def _empty_secret_key() -> list[CheckMessage]:
    if _secret_key():
        return []
    return [
        Error(
            "SECRET_KEY is not set: nobody could sign in.",
            hint=f"Set SECRET_KEY (or SECRET_KEY_FILE), for example to the output of: {_MAKE_KEY}",
            id="portal.E001",
        )
    ]


def _public_debug() -> list[CheckMessage]:
    public = [host for host in settings.ALLOWED_HOSTS if host not in _LOCAL_HOSTS]
    if not settings.DEBUG or not public:
        return []
    return [
        Error(
            f"DEBUG is on while the portal answers to {', '.join(public)}: error pages would "
            "show code and settings to anybody.",
            hint="Set DEBUG=False, or ALLOWED_HOSTS to localhost.",
            id="portal.E002",
        )
    ]


def _portal_url() -> list[CheckMessage]:
    try:
        parts = urlsplit(settings.PORTAL_URL)
        host = parts.hostname or ""
        _ = parts.port  # raises for one that is no number
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host or parts.path or parts.query:
        return [
            Error(
                f"PORTAL_URL is {settings.PORTAL_URL!r}, which is no address of a site.",
                hint="Set it to scheme and host as people type them, for example "
                "https://portal.example.com, without a path: incidents link back to it.",
                id="portal.E003",
            )
        ]
    written = f"[{host}]" if ":" in host else host
    if settings.DEBUG or validate_host(written, settings.ALLOWED_HOSTS):
        return []
    return [
        checks.Warning(
            f"The host of PORTAL_URL, {host}, is not among ALLOWED_HOSTS: links back from "
            "incidents would be answered with 400.",
            hint="Add it to ALLOWED_HOSTS, a comma-separated list.",
            id="portal.W002",
        )
    ]


def _workers_without_redis() -> list[CheckMessage]:
    workers = os.environ.get("WEB_WORKERS", "1")
    backend = settings.CACHES["default"]["BACKEND"]
    if not backend.endswith(".LocMemCache") or not workers.isdecimal() or int(workers) < 2:
        return []
    return [
        checks.Warning(
            f"WEB_WORKERS is {workers}, but each worker has a cache of its own: limits on what a "
            "person may do count for each worker singly, and each draws every card by itself.",
            hint="Set REDIS_URL, or WEB_WORKERS=1 and more WEB_THREADS.",
            id="portal.W001",
        )
    ]
