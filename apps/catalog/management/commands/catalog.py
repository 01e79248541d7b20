"""`manage.py catalog ingest FOLDER --by EMAIL`: bring a folder of data in, as one of its owner's data stewards."""

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.alliance.models import Center, Member
from apps.audit.source import coming_from
from apps.catalog import ingest, manifest
from apps.catalog.models import DatasetVersion
from apps.core.errors import PortalError
from apps.core.gateways import Objects

SECOND = 1.0
MB = 1_000_000


class Progress:
    """A line a second: how much of how much, and how fast."""

    def __init__(self, out: Any, total: int, files: int) -> None:
        self._out, self._total, self._files = out, total, files
        self._seen, self._done, self._began, self._said = 0, 0, time.monotonic(), 0.0

    def moved(self, count: int) -> None:
        """So many bytes more are there."""
        self._seen += count
        if time.monotonic() - self._said >= SECOND:
            self.say()

    def finished_one(self) -> None:
        """One file more is in the draft."""
        self._done += 1

    def say(self) -> None:
        """The line, now."""
        self._said = time.monotonic()
        rate = self._seen / max(self._said - self._began, 0.001) / MB
        self._out.write(
            f"{self._done:,} of {self._files:,} files, {self._seen / MB:,.1f} of {self._total / MB:,.1f} MB, "
            f"{rate:,.0f} MB/s"
        )


class Command(BaseCommand):
    """Stopped anywhere, it goes on from there when it is started again."""

    help = "Bring a folder with a dataset.json into the catalog, as a data steward of its owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["ingest"])
        parser.add_argument("folder", type=Path, help="the folder that holds dataset.json and the files it names")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="the data steward who brings it in")
        parser.add_argument("--center", metavar="SLUG", help="the owner, if not the owner_center of the manifest")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # The record says that the server vouched for who it is. Nobody showed a factor, so nothing is published.
            with coming_from(component="shell", auth={"method": "server", "factors": []}):
                self._ingest(options["folder"], options["by"], options["center"])
        except PortalError as error:
            raise CommandError(str(error)) from error

    def _ingest(self, folder: Path, email: str, center_slug: str | None) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        told = manifest.read_folder(folder)
        by = Member.objects.select_related("center").filter(email__iexact=email).first()
        if by is None:
            raise CommandError(f"Nobody here has the address {email}.")
        owner = center_slug or told.owner_center
        center = Center.objects.filter(slug=owner).first()
        if center is None:
            raise CommandError(f"There is no center {owner}. Name the owner with --center.")
        Objects().ensure_bucket()
        dataset = ingest.dataset_of(told, center, by=by)
        draft = ingest.draft_of(dataset, told, by=by)
        if draft is None:
            self.stdout.write(f"{told.slug}: nothing new, the newest version holds just this.")
            return
        self._fill(draft, told, folder, by)
        self.stdout.write(
            f"{told.slug}: version {draft.number} with {len(told.lines):,} files is a draft.\n"
            f"It waits to be published: a steward looks at it and does so at {settings.BASE_URL}/datasets/{told.slug}/"
        )

    def _fill(self, draft: DatasetVersion, told: manifest.Manifest, folder: Path, by: Member) -> None:
        progress = Progress(self.stderr, told.bytes, len(told.lines))
        try:
            for _ in ingest.fill(draft, told, folder, by=by, progress=progress.moved):
                progress.finished_one()
        finally:
            progress.say()
            sys.stderr.flush()
