"""Finding entities: the index's filters and counts, the text search, near names, exports."""
