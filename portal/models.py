"""The site's own rows: the workers that run."""

from django.db import models


class Worker(models.Model):
    """A worker process, which renews its row every few seconds and deletes it when it ends.

    Attributes:
        host: Name of the machine or container.
        pid: Of the process, as its own machine counts.
        is_periodic: Whether it starts the work that comes round; False with ``--no-periodic``.
        version: Of the code that it runs.
        seen_at: Its last heartbeat (UTC).
    """

    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    is_periodic = models.BooleanField()
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-seen_at", "-pk"]

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"
