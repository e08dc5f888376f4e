"""What the catalog sends to apps that keep something of its entities."""

from django.dispatch import Signal

# Entities were written; ``pks`` are their primary keys. Sent in the transaction that writes them.
entities_written = Signal()
