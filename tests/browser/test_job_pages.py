"""Every page of jobs: accessible in both themes, whole on a phone, a silent console."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone
from playwright.sync_api import expect

from apps.jobs.models import Budget, Figures, LogPiece
from tests import factories_jobs as make
from tests.browser.ways import enter, findings
from tests.factories import arranged
from tests.projects.world import make_world
from tests.signin.ways import PASSWORD, give_app

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
GB = 10**9
ENDED = timezone.now()
BEGAN = ENDED - timedelta(minutes=2)


@pytest.fixture
def world():
    """The lead can sign in."""
    world = make_world()
    Authenticator.objects.filter(user=world.lead).delete()
    world.lead.name = "Noor Haddad"
    world.lead.set_password(PASSWORD)
    with arranged():
        world.lead.save()
    give_app(world.lead)
    return world


@pytest.fixture
def running(world):
    """It has run for a while, and its host has told of it."""
    host = make.host("gpu-node-1")
    job = make.job(world.lead, world.project, data=[world.version], status="running", name="tumor-classifier")
    attempt = make.attempt(job, host, ran_at=timezone.now(), environment_hash="e" * 64)
    points = [[60 * n, 0.3 + n % 5 * 0.4, int((1 + n % 7 * 0.2) * GB), 30.0 * n] for n in range(40)]
    with arranged():
        Figures.objects.filter(attempt=attempt).update(
            step=37, total=100, metrics={"loss": 0.2131, "accuracy": 0.94}, memory=int(0.6 * GB), samples=points,
            log_bytes=8, words="Running",
        )  # fmt: skip
        LogPiece.objects.create(attempt=attempt, offset=0, content=b"epoch 1\n")
        make.job(world.lead, world.project, data=[world.version], name="after-it")
        Budget.objects.create(center=world.home, resource="cpu", hours=1)
    make.job(world.lead, world.project, name="before-it", status="failed")
    return job


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_page, live_server, world, running, picture, size, theme):
    lead = enter(open_page, live_server.url, world.lead, size=size, theme=theme)
    pages = {
        "jobs": "/jobs/", "job": f"/jobs/{running.pk}/", "new": f"/projects/{world.project.pk}/jobs/new/",
        "use": "/jobs/use/", "use-center": f"/jobs/use/{world.home.slug}/",
    }  # fmt: skip
    for name, path in pages.items():
        lead.goto(live_server.url + path)
        lead.wait_for_load_state("load")
        lead.wait_for_timeout(300)
        picture(lead, f"{name}-{size}-{theme}", full_page=True)
        assert findings(lead) == [], name
        assert lead.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert lead.complaints == [], name


def comes(page, events):
    """What the portal's stream tells, which the server of these tests can't tell; then it is over."""
    body = f"retry: 2000\n\n{events}event: over\ndata: 1\n\n"
    page.route("**/log/**from=*", lambda route: route.fulfill(body=body, content_type="text/event-stream"))


def test_in_what_a_job_printed_one_looks_for_words(open_page, live_server, world, picture):
    job = make.job(world.lead, world.project, data=[world.version], status="running")
    attempt = make.attempt(job, make.host(), slots=0, started_at=BEGAN, ended_at=ENDED, outcome="succeeded")
    text = "".join(f"epoch {number} Loss {1 / number:.3f}\n" for number in range(1, 101)).encode()
    with arranged():
        LogPiece.objects.create(attempt=attempt, offset=0, content=text)
        Figures.objects.filter(attempt=attempt).update(log_bytes=len(text))
    lead = enter(open_page, live_server.url, world.lead)
    comes(lead, 'id: 9\ndata: "epoch 101 Loss 0.009\\n"\n\n')
    lead.goto(f"/jobs/{job.pk}/log/")
    printed, words = lead.get_by_label("What it prints"), lead.get_by_label("Look for words in it")

    expect(lead.locator("#log-state")).to_have_text("It has ended.")
    assert printed.evaluate("one => one.scrollTop + one.clientHeight >= one.scrollHeight - 8"), "the newest is in sight"
    words.fill("loss")
    expect(lead.get_by_text("1 of 101")).to_be_visible()
    assert printed.evaluate("one => one.scrollTop") == 0
    words.press("Shift+Enter")
    expect(lead.get_by_text("101 of 101")).to_be_visible()
    words.fill("gradient")
    expect(lead.get_by_text("Not found")).to_be_visible()
    picture(lead, "log", full_page=True)
    assert findings(lead) == []
    assert lead.complaints == []


def test_a_job_that_printed_nothing_says_so(open_page, live_server, world):
    job = make.job(world.lead, world.project, data=[world.version], status="running")
    make.attempt(job, make.host(), slots=0, started_at=BEGAN, ended_at=ENDED, outcome="succeeded")
    lead = enter(open_page, live_server.url, world.lead)
    comes(lead, "")
    lead.goto(f"/jobs/{job.pk}/log/")

    expect(lead.locator("#log-state")).to_have_text("It has ended without a word.")
