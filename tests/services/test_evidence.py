"""Certificates: judged by content, kept under a key of ours, named harmlessly."""

import hashlib
import io

import pytest

from apps.alliance import evidence
from apps.core.errors import Invalid
from apps.core.gateways import Objects
from tests.factories import PDF

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20


def keep(body, name="certificate.pdf"):
    return evidence.keep(io.BytesIO(body), name=name)


@pytest.mark.parametrize(("body", "media_type"), [(PDF, "application/pdf"), (PNG, "image/png"), (JPEG, "image/jpeg")])
def test_three_kinds_are_taken(body, media_type):
    assert keep(body).media_type == media_type


def test_the_stored_bytes_are_the_sent_bytes():
    kept = keep(PDF)

    assert b"".join(Objects().open(kept.key)) == PDF
    assert (kept.sha256, kept.size) == (hashlib.sha256(PDF).hexdigest(), len(PDF))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PK\x03\x04 a zip",
        b"MZ a program",
        b"GIF89a/*",
        b"<!doctype html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b" %PDF-1.4 with a space before",
        b"\n%PDF-1.4",
        b"\xef\xbb\xbf%PDF-1.4",
        b"%pdf-1.4",
        b"\x89PNG",
        b"\xff\xd8",
        b"#!/bin/sh\n",
    ],
)
def test_nothing_else_is_taken_whatever_its_name_says(body):
    with pytest.raises(Invalid, match="PDF, PNG or JPEG"):
        keep(body, name="certificate.pdf")


def test_a_picture_named_as_a_document_is_kept_as_a_picture():
    kept = keep(PNG, name="certificate.pdf")

    assert (kept.name, kept.media_type) == ("certificate.png", "image/png")
    assert kept.key.endswith(".png")


def test_the_largest_file_is_taken():
    assert keep(PDF + b"0" * (evidence.LARGEST - len(PDF))).size == evidence.LARGEST


def test_one_byte_more_is_refused_and_nothing_is_stored(monkeypatch):
    stored = []
    monkeypatch.setattr(Objects, "put", lambda *given, **facts: stored.append(given))

    with pytest.raises(Invalid, match="larger than 10 MB"):
        keep(PDF + b"0" * (evidence.LARGEST - len(PDF) + 1))

    assert stored == []


def test_a_file_without_end_is_not_read_to_its_end():
    class Endless(io.RawIOBase):
        read_so_far = 0

        def read(self, size=-1):
            assert size >= 0
            self.read_so_far += size
            return b"%PDF-" + b"0" * (size - 5)

    endless = Endless()
    with pytest.raises(Invalid, match="larger than 10 MB"):
        evidence.keep(endless, name="endless.pdf")

    assert endless.read_so_far <= evidence.LARGEST + 1


def test_a_key_says_nothing_of_person_or_file():
    assert "passport" not in keep(PDF, name="Ada Osei passport.pdf").key


def test_the_same_file_twice_has_two_keys():
    assert keep(PDF).key != keep(PDF).key


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("My certificate 2027.pdf", "My certificate 2027.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\windows\\system.ini", "system.pdf"),
        ("C:\\fakepath\\proof.pdf", "proof.pdf"),
        ('a"; filename="b.exe', "a- filename-b.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a-Set-Cookie- x-1.pdf"),
        ("invoice\u202efdp.exe", "invoice-fdp.pdf"),
        ("\u202e\u2066", "certificate.pdf"),
        ("", "certificate.pdf"),
        ("...", "certificate.pdf"),
        ("証明書.pdf", "certificate.pdf"),
        ("n" * 400 + ".pdf", "n" * 80 + ".pdf"),
        ("a\x00b.pdf", "a-b.pdf"),
        ("<script>alert(1)</script>.pdf", "script.pdf"),
    ],
)
def test_a_name_keeps_only_what_is_harmless(given, kept):
    assert keep(PDF, name=given).name == kept
