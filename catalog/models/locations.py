"""Where entities are read from, what each reading did, and what it could not take."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.urls import reverse


def file_and_line(file: str, line: int | None) -> str:
    """``file:line``, or the file alone; empty for no file."""
    return f"{file}:{line}" if file and line else file


class Location(models.Model):
    """A file, folder, glob or URL that descriptors are read from.

    Attributes:
        target: Absolute path or glob for ``file``, address for ``url``.
        origin: Who named it: the setting, a person, or the command line.
        allowed_kinds: The kinds that its documents may have, spelt as in a descriptor; empty: all.
        created_by: Who registered it.
        read_at: When it was last read to its end (UTC); None until then.
        last_read_at: When it was last read (UTC), to its end or not.
        gone_at: Since when there is certainly nothing at its target (UTC): no such file, or its
            host answers 404 or 410; None otherwise.
        last_run: The last run that reads or read it, whatever comes of it.
        next_refresh_at: When the worker reads it again (UTC); None: not by the schedule.
        failures: How many readings in a row did not get to its end.
        generation: Goes up with each reading that is written, so that two at once are noticed.
    """

    class Type(models.TextChoices):
        FILE = "file", "file, folder or glob"
        URL = "url", "URL"

    class Origin(models.TextChoices):
        STATIC = "static", "CATALOG_LOCATIONS"
        REGISTERED = "registered", "registered"
        COMMAND = "command", "import_catalog"

    type = models.CharField(max_length=8, choices=Type)
    target = models.CharField(max_length=1000)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.REGISTERED)
    allowed_kinds = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_read_at = models.DateTimeField(null=True, blank=True, editable=False)
    gone_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_run = models.ForeignKey(
        "ImportRun",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    next_refresh_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    failures = models.PositiveIntegerField(default=0, editable=False)
    generation = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["target"]
        constraints = [models.UniqueConstraint("type", "target", name="location_once")]
        permissions = [("refresh_location", "Can have a location read again")]

    def __str__(self) -> str:
        return self.target

    def get_absolute_url(self) -> str:
        """The location's page."""
        return reverse("catalog:location", kwargs={"pk": self.pk})

    @property
    def last_import_at(self) -> datetime | None:
        """When it was last read (UTC), to its end or not; every page prints this one.

        Rows from before ``last_read_at`` was kept have ``read_at`` alone.
        """
        return self.last_read_at or self.read_at

    @property
    def is_incomplete(self) -> bool:
        """Whether something of it could not be read when it was last read."""
        return self.last_read_at is not None and (
            self.read_at is None or self.read_at < self.last_read_at
        )


class SourceFile(models.Model):
    """What is remembered of a file that was read, so that an unchanged one needs no parsing.

    Attributes:
        address: Path or address; unique, the key to ``Entity.source`` and ``ImportIssue.file``.
        location: The root under which it was found first.
        fingerprint: 64 hex digits: the first 16 stand for all that its verdict follows from but
            its bytes (the rules' version, the kinds its location may define), the others for those.
        etag: As the host sent it; empty for a file on disk.
        last_modified: As the host sent it; empty for a file on disk.
        entities: How many entities the catalog took from it.
        includes: Fingerprints, by address, of what its placeholders stand for.
        leads_to: What its Location documents point to, as the reader keeps it.
        passed_over: How many of its documents are those of other systems, and of templates.
        read_at: For a file that the last reading of its location could not read, when it was
            last read (UTC); None for all others, which are as new as that reading.
    """

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="files")
    address = models.CharField(max_length=1000, unique=True)
    fingerprint = models.CharField(max_length=64)
    etag = models.CharField(max_length=500, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    entities = models.PositiveIntegerField(default=0)
    includes = models.JSONField(default=dict, blank=True)
    leads_to = models.JSONField(default=list, blank=True)
    passed_over = models.JSONField(default=list, blank=True, editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["address"]

    def __str__(self) -> str:
        return self.address


class ImportRun(models.Model):
    """One reading of one or more locations: what it did and what it refused.

    A dry run leaves no row. Counts are of documents; ``orphaned`` and ``removed`` of entities.
    """

    class State(models.TextChoices):
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        REFUSED = "refused", "finished, some documents refused"
        FAILED = "failed", "failed: nothing was changed"

    class Trigger(models.TextChoices):
        COMMAND = "command", "import_catalog"
        SCHEDULE = "schedule", "the schedule"
        PERSON = "person", "a person"
        WEBHOOK = "webhook", "a webhook"

    locations: models.ManyToManyField[Location, models.Model] = models.ManyToManyField(
        Location, related_name="runs", blank=True
    )
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.COMMAND)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    started_at = models.DateTimeField(auto_now_add=True)
    duration_s = models.FloatField(default=0, help_text="Seconds from start to end.")
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    failure = models.CharField(max_length=500, blank=True)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    orphaned = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [models.Index(fields=["-started_at"], name="importrun_newest")]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.get_state_display()}"


class ImportIssue(models.Model):
    """What the last reading of a place could not take, or took with a warning.

    An issue stands until a reading of its place has it no more; then its row goes. So what is
    here is what is wrong now.

    Attributes:
        kind: What is wrong: see ``Kind``.
        location: The root it was found under.
        run: The last run that saw it; an unchanged file is seen without being parsed.
        file: Path or address; the location's target when nothing of it could be read.
        document: 0-based number of the document in the file; None when it is about the whole file.
        line: 1-based line of the first message, None when there is none.
        ref: Canonical reference of the entity, if it could be read.
        holder: For a conflict, ``file:line`` of the document that keeps the reference.
        messages: ``[{"line", "column", "path", "message", "hint"}]``, in file order.
    """

    class Kind(models.TextChoices):
        REFUSED = "refused", "refused"
        CONFLICT = "conflict", "conflict"
        UNREADABLE = "unreadable", "cannot be read"
        WARNING = "warning", "warning"

    kind = models.CharField(max_length=10, choices=Kind)
    location = models.ForeignKey(
        Location, null=True, blank=True, on_delete=models.CASCADE, related_name="issues"
    )
    run = models.ForeignKey(
        ImportRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="issues"
    )
    file = models.CharField(max_length=1000)
    document = models.PositiveIntegerField(null=True, blank=True)
    line = models.PositiveIntegerField(null=True, blank=True)
    ref = models.CharField(max_length=200, blank=True)
    holder = models.CharField(max_length=1100, blank=True)
    messages = models.JSONField(default=list)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["file", "document", "pk"]
        indexes = [
            models.Index(fields=["ref", "kind"], name="importissue_ref"),
            models.Index(fields=["file"], name="importissue_file"),
            models.Index(fields=["kind", "-first_seen_at"], name="importissue_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.messages[0]['message'] if self.messages else self.kind}"

    @property
    def place(self) -> str:
        """``file:line``, or the file alone."""
        return file_and_line(self.file, self.line)
