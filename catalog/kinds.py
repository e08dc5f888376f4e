"""The kinds of the format, each with its icon."""

from django.db import models


class Kind(models.TextChoices):
    """Every kind a descriptor may have; the value is spelt as in the descriptor.

    Source: https://backstage.io/docs/features/software-catalog/descriptor-format, and for
    ``AiResource`` https://backstage.io/docs/next/ai/ai-in-the-catalog
    """

    COMPONENT = "Component", "Component"
    API = "API", "API"
    RESOURCE = "Resource", "Resource"
    SYSTEM = "System", "System"
    DOMAIN = "Domain", "Domain"
    GROUP = "Group", "Group"
    USER = "User", "User"
    LOCATION = "Location", "Location"
    TEMPLATE = "Template", "Template"
    AI_RESOURCE = "AiResource", "AI resource"

    @property
    def icon(self) -> str:
        """Name of the kind's icon in the sprite: ``kind-component`` and so on."""
        return f"kind-{self.value.lower()}"

    @property
    def plural(self) -> str:
        """What several of them are called."""
        return f"{self.label}s"

    @classmethod
    def from_segment(cls, segment: str) -> "Kind | None":
        """The kind that an address or a reference names, in any case, or None."""
        return next((kind for kind in cls if kind.value.lower() == segment.lower()), None)
