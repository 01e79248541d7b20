"""Every page of workspaces in each state of a run: accessible in both themes, whole on a phone, a silent console."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from apps.alliance.roles import Role
from apps.workspaces import limits
from apps.workspaces.models import CellCode, Run, RunEvent, RunFigures
from tests.browser.ways import enter, findings
from tests.factories import arranged, give
from tests.factories_workspaces import run as make_run
from tests.factories_workspaces import workspace
from tests.projects.world import make_world
from tests.signin.ways import PASSWORD, give_app
from tests.workspaces.ends import revoked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
GB = 10**9
CODE = "import pandas as pd\ntable = pd.read_csv('/data/data-of-owner/a.csv')\ntable.groupby('arm').survival.describe()"
TOLD = (
    ("started", {"data": [{"version": "1", "files": 1, "bytes": 4}]}),
    ("opened", {"dataset": "data-of-owner", "path": "a.csv", "times": 3}),
    ("denied", {"method": "GET", "path": "files/a.csv", "why": "Files do not leave a workspace this way."}),
    ("warned", {"bytes": 52_000_000}),
)


@pytest.fixture
def world():
    """The lead and the steward, who audits her center too, can sign in."""
    world = make_world()
    give(world.steward, Role.AUDITOR)
    for member, name in ((world.lead, "Noor Haddad"), (world.steward, "Stella Yes")):
        Authenticator.objects.filter(user=member).delete()
        member.name = name
        member.set_password(PASSWORD)
        with arranged():
            member.save()
        give_app(member)
    return world


@pytest.fixture
def run(world):
    """It has run for a while, and its host has told of it."""
    made = make_run(workspace(world.lead, world.project), data=[world.version], reason="")
    points = [[60 * n, 0.3 + n % 5 * 0.4, int((1 + n % 7 * 0.2) * GB), 30.0 * n] for n in range(40)]
    with arranged():
        RunFigures.objects.filter(pk=made.pk).update(
            memory=int(1.9 * GB), home=int(0.3 * GB), shared=int(0.9 * limits.SHARED), bytes_out=31 * 10**6,
            samples=points, percent=40, words="Fetching the data: 8 of 20 MB",
        )  # fmt: skip
        for seq, (kind, details) in enumerate(TOLD, 1):
            RunEvent.objects.create(run=made, seq=seq, at=timezone.now(), kind=kind, details=details)
        CellCode.objects.create(run=made, seq=9, at=timezone.now(), kernel="k", code=CODE, sha256="a" * 64)
    return made


def comes_to(run, status, **facts):
    """The run is in this state now."""
    now = timezone.now()
    if status == "stopped":
        facts = {"ended_at": now} | facts
    if status == "stopping":
        facts = {"stop_asked_at": now} | facts
    with arranged():
        Run.objects.filter(pk=run.pk).update(status=status, status_at=now - timedelta(seconds=3), **facts)


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_page, live_server, world, run, picture, size, theme):
    lead, steward = (enter(open_page, live_server.url, one, size=size, theme=theme)
                     for one in (world.lead, world.steward))  # fmt: skip
    project = f"/projects/{world.project.pk}/"

    def look(page, address, name):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        picture(page, f"{name}-{size}-{theme}", full_page=True)
        assert findings(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.complaints == [], name

    look(lead, project, "project")
    with lead.expect_response(f"**{project}workspace/"):
        pass  # the part that tells of the workspace looks again
    lead.wait_for_load_state("networkidle")
    assert lead.complaints == []
    assert lead.title().startswith(world.project.title), "the part that comes later brings no title of its own"
    look(lead, "/workspaces/", "mine")
    look(lead, f"{project}workspace/", "running")
    look(lead, f"/runs/{run.pk}/code/", "code")
    look(steward, "/runs/", "others")
    look(steward, f"/runs/{run.pk}/", "run")
    comes_to(run, "running", paused_at=timezone.now())
    look(lead, f"{project}workspace/", "paused")
    look(steward, f"/runs/{run.pk}/", "run-paused")
    comes_to(run, "starting", paused_at=None)
    look(lead, f"{project}workspace/", "starting")
    comes_to(run, "stopping", reason="Enough for today.", stop_asked_by=world.lead)
    look(lead, f"{project}workspace/", "stopping")
    comes_to(run, "stopped")
    look(lead, f"{project}workspace/", "stopped")
    make_run(run.workspace, status="failed", reason="JupyterLab did not get ready within 120 seconds.")
    look(lead, f"{project}workspace/", "failed")
    revoked(world)
    look(lead, f"{project}workspace/", "refused")
