from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may sign in, and the record of what became of accounts."""

    name = "portal.accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Register the checks, and record what happens from now on."""
        from portal.accounts import checks, recording  # noqa: F401
