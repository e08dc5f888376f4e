"""Locations: register, refresh and unregister them; the import issues of an entity."""
