"""System checks of harmless settings that together open the portal to strangers."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from portal.local_hosts import public_hosts

_LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"


@register(Tags.security, deploy=True)
def check_exposure(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find what is right on one's own machine and wrong where others reach the portal."""
    del app_configs, kwargs
    return [*_every_host(), *_sandbox(), *_open_pages(), *_debug_log()]


def _every_host() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield checks.Warning(
            "ALLOWED_HOSTS is '*': the portal answers to any name that a request makes up.",
            hint="List the names that people type, separated by commas.",
            id="portal.W030",
        )


def _sandbox() -> Iterator[CheckMessage]:
    if settings.PAGERDUTY_SANDBOX and (hosts := public_hosts()):
        yield Error(
            f"PAGERDUTY_SANDBOX is on while others reach the portal as {', '.join(hosts)}: it is "
            "meant for one machine, where admin may sign in with the password admin. Those demo "
            "accounts are refused now.",
            hint="Set PAGERDUTY_SANDBOX=false; or ALLOWED_HOSTS and PORTAL_URL to 127.0.0.1.",
            id="portal.E030",
        )


def _open_pages() -> Iterator[CheckMessage]:
    if _LOGIN not in settings.MIDDLEWARE and (hosts := public_hosts()):
        yield checks.Warning(
            f"PORTAL_LOGIN_REQUIRED is false while others reach the portal as {', '.join(hosts)}: "
            "whoever does reads the catalog, its export, and who is on call.",
            hint="Set PORTAL_LOGIN_REQUIRED=true, unless only people who may read it reach it.",
            id="portal.W031",
        )


def _debug_log() -> Iterator[CheckMessage]:
    root: Any = settings.LOGGING["root"]
    if root["level"] == "DEBUG":
        yield checks.Warning(
            "LOG_LEVEL is DEBUG: the log has every query with its values, names and addresses of "
            "people among them.",
            hint="Set LOG_LEVEL=INFO, and DEBUG only while you look for a fault.",
            id="portal.W032",
        )
