"""Which entity is which service, as far as the portal's own people said so."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.accounts import DEFAULT_ACCOUNT


class ServiceLink(models.Model):
    """A link between an entity and a PagerDuty service made in the admin.

    Links that come from annotations are not rows: they follow from the entity, see ``mapping``.
    """

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="service_links")
    account = models.CharField(
        max_length=64, blank=True, help_text="Name of the PagerDuty account; empty for the default."
    )
    service_pd_id = models.CharField(
        "service id", max_length=32, help_text="PagerDuty's id of the service, for example PABC123."
    )
    label = models.CharField(
        max_length=64, blank=True, help_text="Shown when there are several, for example eu."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["entity", "label"]
        constraints = [
            models.UniqueConstraint(fields=["entity", "account", "service_pd_id"], name="link_once")
        ]

    def __str__(self) -> str:
        return f"{self.entity_id} to {self.service_pd_id}"

    @property
    def account_name(self) -> str:
        """Name of the account, of the default one too."""
        return self.account.strip() or DEFAULT_ACCOUNT

    @staticmethod
    def stored_account(name: str) -> str:
        """What the column ``account`` holds for the account of this name."""
        return "" if name == DEFAULT_ACCOUNT else name


class MappingChange(models.Model):
    """One application of the mapping page, as it is undone.

    Attributes:
        lines: ``[{"entity_ref", "way", "account", "service_pd_id", "service_name", "label",
            "before", "written", "left"}]``; ``way`` is ``link`` or ``overlay``. Of an overlay
            ``before`` and ``written`` are annotations by key, what lay there and what was laid,
            None for nothing. ``left``: why undoing left it as it is; empty or absent otherwise.
        undone_at, undone_by: None while it is in force.
        key: Of the preview it was applied from: sent twice, it is one application.
    """

    key = models.CharField(max_length=32, null=True, unique=True, editable=False)  # noqa: DJ001 -- unique
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    lines = models.JSONField(default=list)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-made_at", "-pk"]
        permissions = [("map_services", "Can map entities to PagerDuty services")]

    def __str__(self) -> str:
        return f"{len(self.lines)} mapped at {self.made_at:%Y-%m-%d %H:%M}"
