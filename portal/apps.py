from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The shell of the site."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Register the system checks."""
        from portal import checks  # noqa: F401
