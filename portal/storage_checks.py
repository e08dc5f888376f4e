"""System checks of who else can read or write what the portal stores."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from portal.local_hosts import is_local_host
from portal.private_files import open_to_others


@register(Tags.security, deploy=True)
def check_files(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find files with secrets that other accounts of the machine may read."""
    del app_configs, kwargs
    found = ", ".join(map(str, open_to_others()))
    if not found:
        return []
    return [
        Error(
            f"Other accounts of this machine may read {found}: integration keys, password hashes "
            "and sessions are in such files.",
            hint="Run manage.py prepare as the portal's account, or chmod go= on them.",
            id="portal.E020",
        )
    ]


@register(Tags.database)
def check_redis_answers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Find a Redis that cannot be used; runs where a database is named."""
    del app_configs, kwargs
    if "default" not in (databases or ()) or not (problem := redis_problem()):
        return []
    return [
        checks.Warning(
            f"The Redis of REDIS_URL {problem}.",
            hint="Correct REDIS_URL, or start it if it does not run. Until then pages have no "
            "cache, and the worker does nothing.",
            id="portal.W021",
        )
    ]


def redis_problem() -> str:
    """Say what is wrong with the Redis of REDIS_URL, see ``redis_cache.problem``."""
    if not settings.REDIS_URL:
        return ""
    from portal import redis_cache  # it needs a package that only a Redis needs

    return redis_cache.problem(settings.REDIS_URL)


@register(Tags.security)
def check_redis(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find a Redis on another host that asks for no password."""
    del app_configs, kwargs
    try:
        address = urlsplit(settings.REDIS_URL)
        host, password = address.hostname or "", address.password
    except ValueError:
        return []
    if password or not host or is_local_host(host):
        return []
    return [
        checks.Warning(
            f"REDIS_URL names {host} without a password: whoever reaches that port can read the "
            "cache, empty the worker's queue and lift limits.",
            hint="Set a password in Redis (requirepass or an ACL) and write it as "
            "redis://:password@host:6379/0; use rediss:// across a network.",
            id="portal.W020",
        )
    ]
