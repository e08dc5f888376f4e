"""The admin of the catalog: entities, locations, and what imports did."""

from catalog.admin.entities import EntityAdmin
from catalog.admin.imports import ImportIssueAdmin, ImportRunAdmin
from catalog.admin.locations import LocationAdmin
from catalog.admin.overlays import OverlayAdmin

__all__ = ["EntityAdmin", "ImportIssueAdmin", "ImportRunAdmin", "LocationAdmin", "OverlayAdmin"]
