"""Search the catalog: the index's filters and counts, text search, suggestions, exports."""
