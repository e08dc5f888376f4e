from django.apps import AppConfig


class PagerdutyCardConfig(AppConfig):
    """Who is paged."""

    name = "pagerduty_card"
    verbose_name = "PagerDuty"

    def ready(self) -> None:
        """Put the card on the pages of entities, and the sandbox's banner above every page."""
        # Models cannot be imported before the apps are ready.
        from catalog import cards
        from pagerduty_card import card, catalog_card, checks  # noqa: F401 -- checks register themselves
        from pagerduty_card.boards import badge
        from pagerduty_card.doctor import findings
        from pagerduty_card.paging import unsettled
        from portal import page_frame

        cards.register(catalog_card.PagerDutyCard())
        page_frame.add_banner("pagerduty-sandbox", card.sandbox_banner)
        page_frame.add_banner("pagerduty-unsettled", unsettled.banner)
        page_frame.add_nav(
            page_frame.NavItem(
                label="Incidents",
                url_name="boards:incidents",
                icon="incidents",
                badge=badge.open_incidents,
            )
        )
        page_frame.add_nav(
            page_frame.NavItem(label="On call", url_name="boards:on-call", icon="on-call")
        )
        page_frame.add_nav(
            page_frame.NavItem(
                label="Mapping",
                url_name="pagerduty:mapping",
                icon="link",
                permission="pagerduty_card.map_services",
            )
        )
        page_frame.add_nav(
            page_frame.NavItem(
                label="Doctor",
                url_name="pagerduty:doctor",
                icon="wrench",
                permission=findings.PERMISSION,
            )
        )
