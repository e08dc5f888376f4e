"""Which services each entity names: one row for each, worked out when anything of it changes."""

from collections.abc import Collection
from typing import Self

from django.db import models
from django.db.models import Q

from catalog.models import Entity
from pagerduty_card.models.services import Service

ACCOUNT_LENGTH, ID_LENGTH, PLACE_LENGTH = 200, 300, 1100


class MappingQuerySet(models.QuerySet["Mapping"]):
    """Filters of mappings."""

    def concerned(
        self,
        *,
        pd_ids: Collection[str] = (),
        key_digests: Collection[str] = (),
        services: Collection[int] = (),
    ) -> Self:
        """Mappings that follow from these services or keys, of whatever account."""
        return self.filter(
            Q(service_pd_id__in=pd_ids)
            | Q(key_digest__in=key_digests)
            | Q(service__in=services)
            | Q(other__in=services)
            | Q(key_owner__in=services)
        )


class Mapping(models.Model):
    """One PagerDuty service as an entity names it; ``mapping.remapping`` alone writes it.

    Attributes:
        position: Order in the entity, from 0: annotations first.
        origin: What names the service.
        account: Name of the account, ``default`` when the entity names none.
        service_pd_id: PagerDuty's id as written; empty when only a key was written.
        key_digest: Of the integration key that is written with it; empty without one. The key
            itself is a secret, and only the descriptor has it.
        label: Distinguishes several services of one entity; may be empty.
        place: Where the id was written, or the key without an id: ``file:line``, or in words.
        key_place, account_place: Where the key and the account were written; may be empty.
        repeated_at: Where the same service is named once more; empty when it is not.
        service: What the name was found to be; None: no such service is stored.
        problem: A ``ProblemKind`` that follows from the names and the stored services; empty for
            none. The age of the list of services and the settings may forbid to say it.
        other: Another service that has the id or the key as well: of another account, or a second
            one with the same key.
        key_owner: The service that has the key, one of its account first; None: none has it.
    """

    class Origin(models.TextChoices):
        ANNOTATION = "annotation", "annotation"
        OVERLAY = "overlay", "overlay"
        LINK = "link", "link"

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="mappings")
    position = models.PositiveIntegerField()
    origin = models.CharField(max_length=10, choices=Origin)
    account = models.CharField(max_length=ACCOUNT_LENGTH)
    service_pd_id = models.CharField(max_length=ID_LENGTH, blank=True, db_index=True)
    key_digest = models.CharField(max_length=32, blank=True, db_index=True)
    label = models.CharField(max_length=64, blank=True)
    place = models.CharField(max_length=PLACE_LENGTH, blank=True)
    key_place = models.CharField(max_length=PLACE_LENGTH, blank=True)
    account_place = models.CharField(max_length=PLACE_LENGTH, blank=True)
    repeated_at = models.CharField(max_length=PLACE_LENGTH, blank=True)
    service = models.ForeignKey(
        Service, null=True, on_delete=models.SET_NULL, related_name="mappings"
    )
    problem = models.CharField(max_length=32, blank=True)
    other = models.ForeignKey(Service, null=True, on_delete=models.SET_NULL, related_name="+")
    key_owner = models.ForeignKey(Service, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = MappingQuerySet.as_manager()

    class Meta:
        ordering = ["entity", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "account", "service_pd_id", "key_digest"], name="mapping_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entity_id} to {self.service_pd_id or self.key_digest}"
