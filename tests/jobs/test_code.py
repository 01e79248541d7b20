"""Code as it is handed in: read whole, packed anew, and named by what is in it."""

import io
import tarfile
import zipfile

import pytest

from apps.core.errors import Invalid
from apps.jobs import limits
from apps.jobs.gateways import packed, read


def as_zip(files):
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files:
            archive.writestr(path, content)
    return plain.getvalue()


def as_tar(files, mode="w:gz", kind=None):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode=mode) as archive:
        for path, content in files:
            entry = tarfile.TarInfo(path)
            entry.size = 0 if kind else len(content)
            if kind:
                entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry, io.BytesIO(content))
    return plain.getvalue()


FILES = [("a.py", b"1"), ("lib/b.py", b"2")]


@pytest.mark.parametrize(("name", "content"), [
    ("code.zip", as_zip(FILES)), ("code.tar.gz", as_tar(FILES)), ("code.tgz", as_tar(FILES)),
    ("CODE.TAR", as_tar(FILES, "w")),
    ("code.zip", as_zip(reversed(FILES))),
    ("code.zip", as_zip([("./a.py", b"1"), FILES[1]])),
])  # fmt: skip
def test_the_same_files_are_the_same_code_however_they_were_packed(name, content):
    assert packed(read(name, content)) == packed(FILES)


def test_one_file_is_code_too():
    assert read("folder/train.py", b"print(1)") == [("train.py", b"print(1)")]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.py", "a/../../b.py", "a\nb.py", "..", "a\\b.py", "x" * 501])
def test_a_path_that_leads_elsewhere_is_refused(path):
    with pytest.raises(Invalid, match="path"):
        read("code.tar", as_tar([(path, b"1")], "w"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file_is_refused(kind):
    with pytest.raises(Invalid, match="neither a file nor a folder"):
        read("code.tar.gz", as_tar([("a.py", b"")], kind=kind))


@pytest.mark.parametrize(("name", "content", "words"), [
    ("code.exe", b"MZ", "one Python file"), ("code.zip", b"PK\x03\x04 and no more", "can't be read"),
    ("code.tar.gz", b"\x1f\x8b broken", "can't be read"), ("code.zip", as_zip([]), "no file in it"),
    ("code.tar", as_tar([("a.py", b"1"), ("./a.py", b"2")], "w"), "same path"),
    ("code.zip", as_zip([("a", b"0" * (limits.MOST_CODE + 1))]), "Unpacked it has more"),
    ("code.tar.gz", as_tar([("a", b"0" * (limits.MOST_CODE + 1))]), "Unpacked it has more"),
    ("code.zip", as_zip((f"{n}", b"") for n in range(limits.MOST_CODE_FILES + 1)), "more than 2,000 files"),
    ("code.py", b"0" * (limits.MOST_CODE + 1), "at most 20 MB"),
])  # fmt: skip
def test_what_cannot_be_taken_is_refused_in_words(name, content, words):
    with pytest.raises(Invalid, match=words):
        read(name, content)
