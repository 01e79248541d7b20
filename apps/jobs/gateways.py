"""The code of jobs in the object storage, named by its own hash: an archive that was read whole before it is kept."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from apps.core.errors import Invalid
from apps.core.gateways import Objects
from apps.jobs import limits
from apps.jobs.asked import Code

_SORRY = "Hand in one Python file, or a folder as .zip or .tar.gz."
Files = list[tuple[str, bytes]]


def key_of(sha256: str) -> str:
    """Where the archive of this hash lies."""
    return f"code/{sha256[:2]}/{sha256}"


class CodeStore(Objects):
    """Archives as hosts unpack them: plain files and folders in their order, and nothing else."""

    def keep(self, name: str, content: bytes) -> Code:
        """Read what was handed in and keep it as an archive of our own making. Raises Invalid where it can't be meant.

        The same files give the same bytes, so the hash names the code and not the way in which it was packed.
        """
        archive, files = packed(read(name, content))
        digest = hashlib.sha256(archive).hexdigest()
        self.put(key_of(digest), archive, media_type="application/gzip")
        return Code(digest, len(archive), files)


def read(name: str, content: bytes) -> Files:
    """The files in what was handed in, by their paths. Invalid says what is wrong with it."""
    if len(content) > limits.MOST_CODE:
        raise Invalid(
            f"Code has at most {limits.MOST_CODE // limits.MB} MB. Data comes by the catalog, not with the code."
        )
    try:
        files = list(_files(name, content))
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        OSError,
        UnicodeError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise Invalid(f"It can't be read as {PurePosixPath(name).suffix or 'an archive'}. {_SORRY}") from error
    if not files:
        raise Invalid(f"There is no file in it. {_SORRY}")
    if len({path for path, _ in files}) != len(files):
        raise Invalid("Two files in it have the same path.")
    return sorted(files)


def packed(files: Files) -> tuple[bytes, int]:
    """These files as one archive, always the same bytes for the same files; and how many they are."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return plain.getvalue(), len(files)


def _files(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    lower = name.lower()
    if lower.endswith(".zip"):
        yield from _from_zip(content)
    elif lower.endswith((".tar.gz", ".tgz", ".tar")):
        yield from _from_tar(content)
    elif lower.endswith((".py", ".r", ".sh", ".ipynb")):
        yield _path(PurePosixPath(name).name), content
    else:
        raise Invalid(_SORRY)


def _from_zip(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        left = limits.MOST_CODE
        for number, entry in enumerate(archive.infolist()):
            _demand_few(number)
            if entry.is_dir():
                continue
            with archive.open(entry) as file:
                said = file.read(left + 1)
            left = _left(left, said)
            yield _path(entry.filename), said


def _from_tar(content: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
        left = limits.MOST_CODE
        for number, entry in enumerate(archive):
            _demand_few(number)
            if entry.isdir():
                continue
            if not entry.isreg():
                raise Invalid(f"{entry.name} is neither a file nor a folder. Links are not taken.")
            file = archive.extractfile(entry)
            said = file.read(left + 1) if file else b""
            left = _left(left, said)
            yield _path(entry.name), said


def _left(left: int, said: bytes) -> int:
    if len(said) > left:
        raise Invalid(f"Unpacked it has more than {limits.MOST_CODE // limits.MB} MB.")
    return left - len(said)


def _demand_few(number: int) -> None:
    if number >= limits.MOST_CODE_FILES:
        raise Invalid(f"It has more than {limits.MOST_CODE_FILES:,} files.")


def _path(name: str) -> str:
    """A path below the folder of the code, and nowhere else."""
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part != "."]
    is_plain = parts and not path.is_absolute() and ".." not in parts and "\\" not in name
    if not is_plain or len(name) > 500 or any(ord(letter) < 32 for letter in name):
        raise Invalid(f"“{name[:80]}” can't be the path of a file.")
    return "/".join(parts)
