"""The bytes of datasets in object storage: sent in parts and hashed on the way, whole and right or not at all."""

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, BinaryIO

from apps.core.errors import Invalid, NotFound
from apps.core.gateways import Objects

PART = 16 * 1024 * 1024  # bytes; what is in memory at once is this times the parts in flight, and one more
IN_FLIGHT = 3
MOST_PARTS = 9_000  # S3 takes 10,000

Progress = Callable[[int], None]


def key_of(sha256: str) -> str:
    """Where bytes of this hash lie; equal ones lie there once."""
    return f"datasets/{sha256[:2]}/{sha256}"


def part_size(size: int) -> int:
    """How large the parts of a file are: always the same for the same size, so that a later try finds them again."""
    return PART * max(1, -(-size // (PART * MOST_PARTS)))


def silent(_: int) -> None:
    """For whoever wants to hear of no progress."""


class DatasetStore(Objects):
    """Objects named by their own hash. Nothing is there before all of it is, and it is what its name says."""

    def has(self, sha256: str, size: int) -> bool:
        """Whether these bytes are there, whole."""
        try:
            return bool(self._call("head_object", Key=key_of(sha256))["ContentLength"] == size)
        except NotFound:
            return False

    def forget(self, sha256: str) -> None:
        """Erase these bytes, sent or half sent."""
        for upload in self._half_sent(sha256):
            self._call("abort_multipart_upload", Key=key_of(sha256), UploadId=upload)
        self.delete(key_of(sha256))

    def keep(self, file: BinaryIO, *, path: str, size: int, sha256: str, progress: Progress = silent) -> bool:
        """Send the file unless its bytes are there already; False if they were.

        Raises Invalid, and keeps nothing, where the bytes are not of this size and hash. A file of several parts goes
        on where an earlier try stopped: what was sent is read and hashed again, and not sent again.
        """
        if self.has(sha256, size):
            return False
        if size <= PART:
            self._keep_small(file, path, size, sha256, progress)
        else:
            self._keep_large(file, path, size, sha256, progress)
        return True

    def _keep_small(self, file: BinaryIO, path: str, size: int, sha256: str, progress: Progress) -> None:
        body = file.read(size + 1)
        _demand_same(path, size, sha256, len(body), hashlib.sha256(body).hexdigest())
        self.put(key_of(sha256), body, media_type="application/octet-stream")
        progress(size)

    def _keep_large(self, file: BinaryIO, path: str, size: int, sha256: str, progress: Progress) -> None:
        key = key_of(sha256)
        upload, sent = self._begun(sha256)
        digest, seen = hashlib.sha256(), 0
        try:
            with Sender(self, key, upload, sent) as sender:
                for number, body in enumerate(_parts(file, size), start=1):
                    digest.update(body)
                    seen += len(body)
                    progress(sender.send(number, body))
                    if seen > size:
                        break
                for done in sender.rest():
                    progress(done)
            _demand_same(path, size, sha256, seen, digest.hexdigest())
        except Invalid:
            self._call("abort_multipart_upload", Key=key, UploadId=upload)
            raise
        parts = [{"PartNumber": number, "ETag": mark} for number, mark in sorted(sender.marks.items())]
        try:
            self._call("complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        except NotFound:  # somebody else sent the same bytes meanwhile and was first
            if not self.has(sha256, size):
                raise

    def _begun(self, sha256: str) -> tuple[str, dict[int, str]]:
        """An upload of these bytes that was broken off, with the parts it has; else a new one."""
        key = key_of(sha256)
        for upload in self._half_sent(sha256):
            return upload, dict(self._parts_sent(key, upload))
        return str(self._call("create_multipart_upload", Key=key)["UploadId"]), {}

    def _half_sent(self, sha256: str) -> list[str]:
        key = key_of(sha256)
        found = self._call("list_multipart_uploads", Prefix=key).get("Uploads", [])
        return sorted(upload["UploadId"] for upload in found if upload["Key"] == key)

    def _parts_sent(self, key: str, upload: str) -> Iterator[tuple[int, str]]:
        marker = 0
        while True:
            page = self._call("list_parts", Key=key, UploadId=upload, PartNumberMarker=marker, MaxParts=1000)
            for part in page.get("Parts", []):
                yield int(part["PartNumber"]), str(part["ETag"])
            if not page.get("IsTruncated"):
                return
            marker = int(page["NextPartNumberMarker"])

    def send_part(self, key: str, upload: str, number: int, body: bytes) -> str:
        """Send one part; its mark, which S3 asks for in the end."""
        return str(self._call("upload_part", Key=key, UploadId=upload, PartNumber=number, Body=body)["ETag"])


class Sender:
    """The parts of one file on their way, a few at a time."""

    def __init__(self, store: DatasetStore, key: str, upload: str, sent: dict[int, str]) -> None:
        self._store, self._key, self._upload, self._sent = store, key, upload, sent
        self.marks: dict[int, str] = {}
        self._flying: dict[Future[str], tuple[int, int]] = {}

    def __enter__(self) -> "Sender":
        self._threads = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="part")
        return self

    def __exit__(self, *error: Any) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def send(self, number: int, body: bytes) -> int:
        """Put a part on its way, or none where just these bytes are there; how many bytes have arrived."""
        arrived = self._land() if len(self._flying) >= IN_FLIGHT else 0
        mark = self._sent.get(number, "")
        if mark and mark.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest():
            self.marks[number] = mark
            return arrived + len(body)
        flight = self._threads.submit(self._store.send_part, self._key, self._upload, number, body)
        self._flying[flight] = (number, len(body))
        return arrived

    def rest(self) -> Iterator[int]:
        """Wait for all that is on its way; how many bytes have arrived, each time some have."""
        while self._flying:
            yield self._land()

    def _land(self) -> int:
        landed, _ = wait(self._flying, return_when=FIRST_COMPLETED)
        arrived = 0
        for flight in landed:
            number, size = self._flying.pop(flight)
            self.marks[number] = flight.result()
            arrived += size
        return arrived


def sha256_of(file: BinaryIO) -> tuple[str, int]:
    """The hash and the size of what is in the file, read once and left at its beginning."""
    digest, size, buffer = hashlib.sha256(), 0, bytearray(io.DEFAULT_BUFFER_SIZE * 32)
    view = memoryview(buffer)
    file.seek(0)
    while read := file.readinto(buffer):  # type: ignore[attr-defined]
        digest.update(view[:read])
        size += read
    file.seek(0)
    return digest.hexdigest(), size


def _parts(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The file's parts; none is short but the last."""
    largest = part_size(size)
    while body := file.read(largest):
        yield body
        if len(body) < largest:
            return


def _demand_same(path: str, size: int, sha256: str, found_size: int, found: str) -> None:
    if found_size != size:
        raise Invalid(f"{path} has {found_size:,} bytes instead of the {size:,} expected. Nothing of it was kept.")
    if found != sha256:
        raise Invalid(f"{path} has the SHA-256 {found} instead of {sha256}. Nothing of it was kept.")
