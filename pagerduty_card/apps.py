from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate


class PagerdutyCardConfig(AppConfig):
    """Who is paged."""

    name = "pagerduty_card"
    verbose_name = "PagerDuty"

    def ready(self) -> None:
        """Follow the catalog, put the card on its pages and the sandbox's banner on every page."""
        # Models cannot be imported before the apps are ready.
        from catalog import cards, masking
        from catalog.signals import entities_written
        from pagerduty_card import catalog_card, checks  # noqa: F401 -- checks register themselves
        from pagerduty_card.card import rendering
        from pagerduty_card.doctor import findings, work
        from pagerduty_card.mapping import known_keys, remapping
        from pagerduty_card.mirror import origin
        from pagerduty_card.overview import badge
        from pagerduty_card.paging import pending_pages, without_database
        from portal import health, outage, page_frame

        entities_written.connect(remapping.when_entities_written)
        entities_written.connect(known_keys.when_entities_written)
        masking.add_known_secrets(known_keys.known_keys)
        post_migrate.connect(origin.when_migrated, sender=self)
        post_migrate.connect(remapping.when_migrated, sender=self)
        post_migrate.connect(known_keys.when_migrated, sender=self)
        cards.register(catalog_card.PagerDutyCard())
        health.add_work_check("open incidents", work.old_incidents)
        health.add_work_check("pages", work.waiting_pages)
        outage.add_links("pagerduty", without_database.links)
        outage.add_outcome("pagerduty", without_database.outcome)
        page_frame.add_banner("pagerduty-sandbox", rendering.sandbox_banner)
        page_frame.add_banner("pagerduty-pending-pages", pending_pages.banner)
        user_logged_in.connect(pending_pages.remember_after_sign_in)
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
