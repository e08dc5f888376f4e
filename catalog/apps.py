from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """What exists."""

    name = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        """Register the checks of its settings, and put the catalog into the navigation."""
        import catalog.checks  # noqa: F401 - importing it registers them
        from portal.page_frame import NavItem, add_nav

        add_nav(NavItem(label="Catalog", url_name="catalog:index", icon="catalog"))
        add_nav(
            NavItem(
                label="Locations",
                url_name="catalog:locations",
                icon="file",
                permission="catalog.view_location",
            )
        )
        add_nav(
            NavItem(
                label="Issues",
                url_name="catalog:issues",
                icon="warning",
                permission="catalog.view_importissue",
                key="s",
            )
        )
