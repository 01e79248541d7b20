"""A certificate that somebody uploads: checked by content, stored under a key of ours, never run or rendered."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from apps.audit.ids import uuid7
from apps.core.errors import Invalid, PortalError
from apps.core.gateways import Objects

LARGEST = 10 * 1024 * 1024  # bytes
KINDS = {
    "application/pdf": (b"%PDF-", "pdf"),
    "image/png": (b"\x89PNG\r\n\x1a\n", "png"),
    "image/jpeg": (b"\xff\xd8\xff", "jpg"),
}


@dataclass(frozen=True)
class Evidence:
    """What is known of a stored file; its key says nothing of the person."""

    key: str
    name: str
    media_type: str
    sha256: str
    size: int

    def as_fields(self) -> dict[str, object]:
        """The columns of TrainingRecord."""
        renamed = {"media_type": "type", "size": "bytes"}
        return {f"evidence_{renamed.get(name, name)}": value for name, value in asdict(self).items()}


def keep(upload: BinaryIO, *, name: str) -> Evidence:
    """Check the file and store it. Raises Invalid for anything but a PDF, PNG or JPEG of at most 10 MB."""
    body = upload.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise Invalid(fields={"evidence": "The file is larger than 10 MB. Send a smaller scan."})
    kind = next((kind for kind in KINDS if body.startswith(KINDS[kind][0])), None)
    if kind is None:
        raise Invalid(
            fields={"evidence": "Send a PDF, PNG or JPEG; this file is none of them, whatever its name says."}
        )
    suffix = KINDS[kind][1]
    key = f"training/{uuid7()}.{suffix}"
    Objects().put(key, body, media_type=kind)
    return Evidence(key, _plain_name(name, suffix), kind, hashlib.sha256(body).hexdigest(), len(body))


@contextmanager
def kept(upload: BinaryIO, *, name: str) -> Iterator[Evidence]:
    """The stored file for a command that names it; where the command is refused, the file goes again."""
    stored = keep(upload, name=name)
    try:
        yield stored
    except PortalError:  # any other error may come after the commit, when a row names the file
        with suppress(PortalError):
            Objects().delete(stored.key)
        raise


def _plain_name(name: str, suffix: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9._ -]+", "-", PurePosixPath(name.replace("\\", "/")).stem).strip(" .-")[:80]
    return f"{stem or 'certificate'}.{suffix}"
