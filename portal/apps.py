from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    """The site itself: what it needs whatever apps are installed."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Register the system checks."""
        from portal import checks, storage_checks  # noqa: F401


class PortalAdminConfig(AdminConfig):
    """Django's admin, with the portal's rules for every list."""

    default_site = "portal.admin_site.PortalAdminSite"
