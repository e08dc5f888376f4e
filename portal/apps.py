from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The site itself: what it needs whatever apps are installed."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Register the system checks."""
        from portal import checks  # noqa: F401
