"""Every page of jobs: accessible in both themes, whole on a phone, a silent console."""

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from apps.jobs.models import Figures, LogPiece
from tests import factories_jobs as make
from tests.browser.test_workspace_pages import findings
from tests.browser.ways import enter
from tests.factories import arranged
from tests.projects.world import make_world
from tests.signin.ways import PASSWORD, give_app

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
GB = 10**9


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
    make.job(world.lead, world.project, name="before-it", status="failed")
    return job


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_page, live_server, world, running, picture, size, theme):
    lead = enter(open_page, live_server.url, world.lead, size=size, theme=theme)
    pages = {"jobs": "/jobs/", "job": f"/jobs/{running.pk}/", "new": f"/projects/{world.project.pk}/jobs/new/"}
    for name, path in pages.items():
        lead.goto(live_server.url + path)
        lead.wait_for_load_state("load")
        lead.wait_for_timeout(300)
        picture(lead, f"{name}-{size}-{theme}", full_page=True)
        assert findings(lead) == [], name
        assert lead.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert lead.complaints == [], name
