"""What each of them sees of jobs, and what they hand in by the page."""

import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.audit.models import Event
from apps.jobs import selectors, shown
from apps.jobs.actors import DISPATCHER, HOST
from apps.jobs.models import Attempt, Figures, Job, LogPiece
from apps.jobs.services import attempts
from apps.projects.services import decisions
from tests import factories_jobs as make

pytestmark = pytest.mark.usefixtures("storage")


@pytest.fixture
def storage(db):
    from apps.core.gateways import Objects

    Objects().ensure_bucket()


@pytest.fixture
def running(waiting, host):
    attempts.dispatch(waiting, by=DISPATCHER, host=host)
    attempt = Attempt.objects.get(job=waiting)
    attempts.begin(attempt, by=HOST, environment_hash="e" * 64, not_kept=[])
    with_log(attempt, b"epoch 1\n<b>epoch 2</b>\x1b[31m\n")
    return Job.objects.get(pk=waiting.pk)


def with_log(attempt, content):
    LogPiece.objects.create(attempt=attempt, offset=0, content=content)
    Figures.objects.filter(attempt=attempt).update(log_bytes=len(content))


def said(answer):
    """The text of a page, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def page_of(job, name="job"):
    return reverse(f"jobs:{name}", args=[job.pk])


def typed(world, **other):
    return {
        "name": "train", "code": SimpleUploadedFile("train.py", b"print(1)"), "command": "python 'train it.py' --x 1",
        "datasets": [str(world.dataset.pk)], "cpus": 1, "memory": 1, "hours": 0.5, "grace": 10,
        "priority": 1, "seed": 7,
        **other,
    }  # fmt: skip


# ── handing in ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_job_is_handed_in_by_its_page(browse, world, host):
    answer = browse(world.lead).post(reverse("jobs:new", args=[world.project.pk]), typed(world), follow=True)

    job = Job.objects.get()
    assert answer.redirect_chain[-1][0] == page_of(job)
    assert (job.command, job.memory, job.seconds, job.seed) == (["python", "train it.py", "--x", "1"], 10**9, 1800, 7)
    assert f"{job.reference} waits for its turn" in said(answer)
    assert "Nothing was handed in before it" in said(answer)


@pytest.mark.parametrize(("field", "value"), [
    ("name", "A B"), ("command", "python 'x"), ("command", ""), ("datasets", []), ("cpus", 0), ("hours", 1000),
    ("memory", 0), ("code", SimpleUploadedFile("a.exe", b"MZ")), ("code", SimpleUploadedFile("a.zip", b"no zip")),
])  # fmt: skip
def test_what_cannot_be_meant_comes_back_with_its_reason_and_nothing_is_lost(browse, world, field, value):
    """E66 of security.md: a job's name has few letters to say something with."""
    answer = browse(world.lead).post(reverse("jobs:new", args=[world.project.pk]), typed(world, **{field: value}))

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Job.objects.exists()


def test_the_page_is_for_those_who_may(browse, world):
    address = reverse("jobs:new", args=[world.project.pk])
    assert browse(world.lead).get(address).status_code == 200
    assert browse(world.steward).get(address).status_code == 403
    decisions.revoke(world.request, by=world.steward, reason="Over.")
    answer = browse(world.lead).get(address)
    assert (answer.status_code, "may not use any" in said(answer)) == (403, True)


def test_the_same_is_handed_in_once_more_and_goes_on_where_it_stopped(browse, world, running):
    address = f"{reverse('jobs:new', args=[world.project.pk])}?of={running.pk}&on=1"
    page = browse(world.lead).get(address)
    assert f"Go on from {running.reference}" in said(page)
    facts = typed(world)
    del facts["code"]
    browse(world.lead).post(address, facts)

    new = Job.objects.exclude(pk=running.pk).get()
    assert (new.resumes, new.snapshot) == (running, running.snapshot)


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("who", "sees", "reads"), [
    ("lead", 200, 200), ("steward", 200, 403), ("official", 404, 404), ("manager", 404, 404), ("partner", 404, 404),
])  # fmt: skip
def test_who_sees_a_job_and_who_reads_what_it_prints(browse, world, running, who, sees, reads):
    browser = browse(getattr(world, who))

    assert browser.get(page_of(running)).status_code == sees
    assert browser.get(page_of(running, "log")).status_code == reads
    assert (running.reference in said(browser.get("/jobs/"))) == (sees == 200)


def test_a_look_at_the_log_is_recorded_and_nothing_of_it_is_markup(browse, world, running):
    answer = browse(world.lead).get(page_of(running, "log"))

    assert "epoch 1" in said(answer)
    assert "<b>epoch" not in answer.content.decode()
    assert "\x1b" not in answer.content.decode()
    assert Event.objects.filter(event="jobs.log.viewed").count() == 1


def test_the_job_shows_its_life(browse, world, running):
    Figures.objects.update(step=3, total=10, metrics={"loss": 0.25}, memory=5 * 10**8)
    page = said(browse(world.lead).get(page_of(running)))

    for words in ("3 of 10", "0.25", "500 MB of 1.0 GB", "It runs.", "Attempt 1", running.snapshot.sha256):
        assert words in page


def test_the_list_is_narrowed_by_state_and_name(browse, world, running):
    other = make.job(world.lead, world.project, name="another")
    browser = browse(world.lead)
    assert other.reference not in said(browser.get("/jobs/?status=running"))
    assert running.reference not in said(browser.get("/jobs/?q=anoth"))
    assert other.reference in said(browser.get("/jobs/?q=ANOTH"))


def test_cancelling_asks_why(browse, world, running, waiting):
    browser = browse(world.lead)
    browser.post(page_of(running, "cancel"), {"reason": ""})
    assert Job.objects.get().status == "running"
    browser.post(page_of(running, "cancel"), {"reason": "Enough."})
    assert Job.objects.get().status == "cancelling"


def test_the_list_costs_no_more_with_more_jobs(browse, world, django_assert_max_num_queries):
    browser = browse(world.lead)
    browser.get("/jobs/")
    for _ in range(12):
        make.job(world.lead, world.project)
    with django_assert_max_num_queries(14):
        browser.get("/jobs/")


# ── pieces of a log ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("offset", "most", "found"), [
    (0, 99, b"abcdefghi"), (2, 3, b"cde"), (3, 99, b"defghi"), (8, 99, b"i"), (9, 9, b""), (50, 9, b""),
])  # fmt: skip
def test_a_log_is_read_from_any_byte(waiting, host, offset, most, found):
    attempt = make.attempt(waiting, host)
    for place, content in ((0, b"abc"), (3, b"def"), (6, b"ghi")):
        LogPiece.objects.create(attempt=attempt, offset=place, content=content)
    assert selectors.log_from(attempt, offset, most) == found


@pytest.mark.parametrize(("content", "text"), [
    (b"a\r\nb\rc", "a\nb\nc"), (b"\xff\x00\x07", "���"), ("é✓".encode(), "é✓"), ("‮".encode(), "�"),
])  # fmt: skip
def test_what_was_printed_is_text(content, text):
    assert shown.as_text(content) == text
