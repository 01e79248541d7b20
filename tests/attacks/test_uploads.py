"""Files that pretend: whatever a certificate is, the portal never shows or runs it, nor stores what is too large."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.alliance.evidence import LARGEST
from apps.alliance.models import TrainingRecord
from apps.audit.models import Event
from apps.core.errors import Unavailable
from apps.core.gateways import Objects
from tests.factories import PDF, TrainingTypeFactory
from tests.house.samples import undone

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 30


def zipped(name=b"evil.html"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name.decode(), "<script>alert(1)</script>")
    return packed.getvalue()


POLYGLOTS = {
    "PDF and ZIP": PDF + zipped(),
    "PNG and ZIP": PNG + zipped(),
    "PDF and HTML": PDF + b"<html><script>alert(1)</script></html>",
    "PDF with a script": b"%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF",
    "PNG and PHP": PNG + b"<?php system($_GET['c']); ?>",
    "JPEG and JavaScript": b"\xff\xd8\xff\xe0/*" + b"\x00" * 20 + b"*/=1;alert(1)//",
}


@pytest.fixture
def send(world):
    """Send this file as proof; the answer and the record, if one came about."""

    def post(body, *, name="proof.pdf", media_type="application/pdf"):
        kind = TrainingTypeFactory()
        day = timezone.now().date() - timedelta(days=1)
        sent = {"completed_on": day.isoformat(), "evidence": SimpleUploadedFile(name, body, media_type)}
        answer = world.browser("researcher").post(f"/training/types/{kind.pk}/submit/", sent)
        return answer, TrainingRecord.objects.filter(type=kind).first()

    with undone():
        yield post


def opened(world, record):
    """The download of one's own proof, read to its end."""
    answer = world.browser("researcher").get(f"/training/{record.pk}/evidence/")
    answer.bytes = b"".join(answer.streaming_content)
    return answer


@pytest.mark.parametrize("what", POLYGLOTS)
def test_a_file_of_two_kinds_is_only_ever_a_download(world, send, what):
    _, record = send(POLYGLOTS[what])

    answer = opened(world, record)

    assert answer.bytes == POLYGLOTS[what]
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["Content-Type"] in {"application/pdf", "image/png", "image/jpeg"}
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "claimed", ["text/html", "image/svg+xml", "application/javascript", "", "x" * 300, "a/b; charset=bz2"]
)
def test_what_the_sender_calls_the_file_counts_for_nothing(send, claimed):
    _, record = send(PNG, name="page.html", media_type=claimed)

    assert (record.evidence_type, record.evidence_name) == ("image/png", "page.png")


@pytest.mark.parametrize("body", [zipped(), b"<html>", b"MZ\x90\x00", b"", b"%PD", b"GIF89a;alert(1)"])
def test_another_kind_of_file_comes_back_on_the_form(send, body):
    answer, record = send(body)

    assert answer.status_code == 422
    assert record is None
    assert "evidence" in answer.context["form"].errors


def test_a_file_that_is_too_large_comes_back_on_the_form(send, monkeypatch):
    stored = []
    monkeypatch.setattr(Objects, "put", lambda *given, **facts: stored.append(given))

    answer, record = send(PDF + b"0" * LARGEST)

    assert answer.status_code == 422
    assert (record, stored) == (None, [])
    assert "larger than 10 MB" in answer.content.decode()


@pytest.mark.parametrize(
    "name",
    [
        'a"; filename="evil.exe',
        "a\r\nX-Evil: 1",
        "a\nb.pdf",
        "invoice\u202efdp.exe",
        "../../../etc/cron.d/evil",
        "..\\..\\evil.bat",
        "a;b.pdf",
        "%0d%0aX-Evil: 1.pdf",
        "=cmd|' /C calc'!A0.pdf",
        "<img src=x onerror=alert(1)>.pdf",
        "n" * 255,
        ".htaccess",
        "CON.pdf",
        "a\x00.pdf",
        "\ufeff.pdf",
    ],
)
def test_no_file_name_gets_into_a_header_or_onto_a_page(world, send, name):
    answer, record = send(PDF, name=name)
    if answer.status_code == 422:
        return  # a name that Django itself takes for none

    download = opened(world, record)
    page = world.browser("researcher").get(f"/training/{record.pk}/").content.decode()

    assert set(record.evidence_name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._ -")
    assert record.evidence_name.endswith(".pdf")
    assert download["Content-Disposition"] == f'attachment; filename="{record.evidence_name}"'
    assert "X-Evil" not in download
    assert "onerror=" not in page
    assert record.evidence_key.startswith("training/")
    assert record.evidence_key.isascii()


def test_opening_a_certificate_is_recorded_before_its_first_byte(world, send, monkeypatch):
    _, record = send(PDF)

    def broken(*_, **__):
        raise RuntimeError("the record can't be written")

    monkeypatch.setattr("apps.core.reads.record", broken)
    answer = world.browser("researcher").get(f"/training/{record.pk}/evidence/")

    assert answer.status_code == 500
    assert PDF not in answer.content


def test_a_download_leaves_one_event_with_the_hash(world, send):
    _, record = send(PDF)

    opened(world, record)

    event = Event.objects.get(event="alliance.evidence.viewed")
    assert event.details == {"sha256": record.evidence_sha256}
    assert event.target_ref == str(record.pk)


@pytest.mark.parametrize(
    "who", ["center_auditor", "alliance_auditor", "alliance_manager", "other_manager", "data_steward"]
)
def test_nobody_else_opens_a_certificate(world, who):
    with undone():
        answer = world.browser(who).get(f"/training/{world.submitted.pk}/evidence/")

    assert answer.status_code in {403, 404}
    assert "attachment" not in answer.headers.get("Content-Disposition", "")


@pytest.fixture
def stored(monkeypatch):
    """The keys of what is stored and not taken away again."""
    keys, put, delete = set(), Objects.put, Objects.delete
    monkeypatch.setattr(
        Objects, "put", lambda self, key, *more, **facts: (keys.add(key), put(self, key, *more, **facts))
    )
    monkeypatch.setattr(Objects, "delete", lambda self, key: (keys.discard(key), delete(self, key)))
    return keys


def sent_again(world, kind):
    day = timezone.now().date().isoformat()
    proof = {"completed_on": day, "evidence": SimpleUploadedFile("proof.pdf", PDF, "application/pdf")}
    return world.browser("researcher").post(f"/training/types/{kind.pk}/submit/", proof)


def test_a_refused_proof_leaves_no_file(world, send, stored):
    _, record = send(PDF)
    assert stored == {record.evidence_key}

    for _ in range(3):
        assert sent_again(world, record.type).status_code == 422

    assert stored == {record.evidence_key}


def test_one_person_fills_the_storage_only_so_far(world, send, stored, monkeypatch):
    monkeypatch.setattr("apps.alliance.services.training.MOST_OPEN", 3)

    answers = [send(PDF)[0].status_code for _ in range(5)]

    assert answers == [302, 302, 302, 422, 422]
    assert len(stored) == 3


def test_the_storage_being_down_hides_no_refusal(world, send, monkeypatch):
    _, record = send(PDF)

    def down(*_):
        raise Unavailable("The file storage does not answer.")

    monkeypatch.setattr(Objects, "delete", down)

    assert sent_again(world, record.type).status_code == 422


def test_two_files_at_once_are_one(world, send):
    kind = TrainingTypeFactory()
    files = [SimpleUploadedFile(f"{n}.pdf", PDF + bytes([n]), "application/pdf") for n in (1, 2)]
    day = timezone.now().date().isoformat()

    world.browser("researcher").post(f"/training/types/{kind.pk}/submit/", {"completed_on": day, "evidence": files})

    assert TrainingRecord.objects.filter(type=kind).count() == 1


@pytest.mark.parametrize("day", ["2999-01-01", "0001-01-01", "9999-12-31", "31.02.2027", "now", "'", "\x00", "1e9"])
def test_no_day_breaks_the_form(world, day):
    with undone():
        kind = TrainingTypeFactory()
        sent = {"completed_on": day, "evidence": SimpleUploadedFile("a.pdf", PDF, "application/pdf")}
        answer = world.browser("researcher").post(f"/training/types/{kind.pk}/submit/", sent)

    assert answer.status_code == 422
