from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """What exists."""

    name = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        """Put the catalog into the navigation."""
        from portal.shell import NavItem, add_nav

        add_nav(NavItem(label="Catalog", url_name="catalog:index", icon="catalog"))
