"""Locations from a person's side, and the issues of what was read there."""
