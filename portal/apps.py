from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    """The site itself: what it needs whatever apps are installed."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Register the system checks, and the banner of a missing worker."""
        # Models cannot be imported before the apps are ready.
        from portal import (  # noqa: F401 -- checks register themselves
            checks,
            exposure_checks,
            page_frame,
            storage_checks,
            workers,
        )

        page_frame.add_banner("worker", workers.banner)


class PortalAdminConfig(AdminConfig):
    """Django's admin, with the portal's rules for every list."""

    default_site = "portal.admin_site.PortalAdminSite"
