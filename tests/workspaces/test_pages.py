"""What people see of workspaces: start, open or why not; what runs on their data; code; pages that watch alone."""

import re

import pytest
from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.signin.sessions import SEEN_AT
from apps.audit.models import Event
from apps.core.templatetags.words import size
from apps.workspaces import limits
from apps.workspaces.models import CellCode, Run, RunFigures, Workspace
from apps.workspaces.services import reports
from apps.workspaces.told import events_of
from tests.factories import MemberFactory, alliance, arranged, holder
from tests.factories_workspaces import run as make_run
from tests.factories_workspaces import workspace
from tests.projects.world import again
from tests.workspaces.ends import revoked

pytestmark = pytest.mark.django_db


def page_of(project):
    return f"/projects/{project.pk}/workspace/"


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def lead(browse, world):
    return browse(world.lead)


# ── my own ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_who_may_starts_by_one_button(world, lead):
    assert "Start" in text(lead.get(page_of(world.project)))

    answer = lead.post(f"{page_of(world.project)}start/", follow=True)

    assert "Waiting for a host" in text(answer)
    assert Run.objects.get().status == "starting"


def test_a_start_shows_how_far_it_is_and_looks_again_by_itself(world, place, lead):
    run = make_run(place, status="starting")
    RunFigures.objects.filter(pk=run.pk).update(percent=40, words="The data is being checked")
    page = lead.get(page_of(world.project))

    assert "The data is being checked" in text(page)
    assert 'value="40"' in page.content.decode()
    assert 'hx-trigger="every 1s"' in page.content.decode()


def test_what_runs_can_be_opened_on_a_host_name_of_its_own(world, place, running, lead):
    page = lead.get(page_of(world.project)).content.decode()

    name, server = place.hub_name, place.hub_server
    assert f'href="http://{name}.workspaces.localhost:9/user/{name}/{server}/lab"' in page
    assert 'hx-trigger="every 10s"' in page
    for words in (world.dataset.title, f"of {size(limits.MEMORY)}", "paused at 200 MB within an hour"):
        assert words in page


@pytest.mark.parametrize("status", ["starting", "stopping", "stopped", "failed"])
def test_what_does_not_run_is_not_opened(world, place, lead, status):
    make_run(place, status=status)

    page = lead.get(page_of(world.project)).content.decode()

    assert "workspaces.localhost" not in page
    assert ("hx-trigger" in page) == (status in {"starting", "stopping"})


def test_a_failed_start_says_why_and_can_be_tried_again(world, place, lead):
    make_run(place, status="failed", reason="The storage did not answer.")
    words = text(lead.get(page_of(world.project)))

    assert "The storage did not answer." in words
    assert "Start" in words


def test_why_it_can_not_start_stands_there_line_by_line(world, lead):
    revoked(world)
    words = text(lead.get(page_of(world.project)))

    assert "It can’t start now" in words
    assert "Owner approves it" in words
    assert f"May you use {world.dataset.title}" in words


def test_a_page_that_looks_again_keeps_what_is_typed_and_renews_the_rest(world, running, lead):
    page = lead.get(page_of(world.project)).content.decode()

    assert 'hx-select-oob="#workspace-rest,#workspace-limits"' in page
    assert re.search(r'<div id="workspace-rest".*Data in it', page, re.DOTALL)
    assert re.search(r'<div id="workspace-stop" hx-preserve="true">.*name="reason"', page, re.DOTALL)


def test_what_a_page_takes_over_by_itself_comes_alone_and_the_end_with_all_around_it(world, running, lead):
    watching = {"X-Watching": "1"}
    alone = lead.get(page_of(world.project), headers=watching).content.decode()
    assert [f'id="{part}"' in alone for part in ("workspace-state", "workspace-rest", "workspace-limits")] == [True] * 3
    assert "<html" not in alone

    with arranged():
        Run.objects.filter(pk=running.pk).update(status="stopped", ended_at=timezone.now(), reason="Enough.")
    whole = lead.get(page_of(world.project), headers=watching).content.decode()
    assert "<html" in whole
    assert "Stopped" in whole


def test_a_paused_run_that_stops_is_said_to_stop(world, place, lead):
    run = make_run(place, data=[world.version], paused_at=timezone.now())
    assert "Paused since" in text(lead.get(page_of(world.project)))
    lead.post(f"/runs/{run.pk}/stop/", {"reason": "Enough."})

    words = text(lead.get(page_of(world.project)))
    assert "Stopping since" in words
    assert "Paused" not in words


def test_where_workspaces_are_not_set_up_the_page_says_so(world, lead, settings):
    settings.HAS_WORKSPACES = False

    assert "Workspaces are not set up on this portal." in text(lead.get(page_of(world.project)))


@pytest.mark.parametrize("has_them", [True, False])
def test_ways_to_workspaces_are_shown_where_there_are_any(world, lead, settings, has_them):
    settings.HAS_WORKSPACES = has_them

    assert ("/workspaces/" in [link.url for link in lead.get("/").context["frame"].nav]) is has_them
    assert ('id="workspace"' in lead.get(f"/projects/{world.project.pk}/").content.decode()) is has_them


@pytest.mark.parametrize(("status", "words"), [("sealed", "It is sealed"), ("deleted", "were erased")])
def test_what_became_of_the_files_is_said(world, place, lead, status, words):
    with arranged():
        Workspace.objects.filter(pk=place.pk).update(
            status=status, sealed_at=timezone.now(), delete_on=timezone.now().date()
        )

    assert words in text(lead.get(page_of(world.project)))
    assert ("Sealed" if status == "sealed" else "Erased") in text(lead.get("/workspaces/"))


def test_plots_come_with_the_points(world, running, lead):
    RunFigures.objects.filter(pk=running.pk).update(samples=[[0, 0.5, 10, 0], [15, 1.5, 20, 9], [30, 1.0, 15, 20]])

    page = lead.get(page_of(world.project)).content.decode()

    assert page.count("<polyline") == 2
    assert "at most 1.5" in page


def test_my_workspaces_are_listed_and_where_i_can_begin(world, browse, lead):
    assert "You can begin here" in text(lead.get("/workspaces/"))
    workspace(world.lead, world.project)

    words = text(lead.get("/workspaces/"))
    assert "You can begin here" not in words
    assert world.project.title in words
    assert "No workspace yet" in text(browse(MemberFactory()).get("/workspaces/"))


def test_stopping_is_one_form_with_a_reason(world, running, lead):
    lead.post(f"/runs/{running.pk}/stop/", {"reason": "Lunch."})

    assert (again(running).status, again(running).reason) == ("stopping", "Lunch.")
    assert "Lunch." in text(lead.get(page_of(world.project)))


def test_a_stop_without_a_reason_does_nothing(running, lead):
    answer = lead.post(f"/runs/{running.pk}/stop/", {"reason": ""}, follow=True)

    assert "Nothing was done" in text(answer)
    assert again(running).status == "running"


def test_the_projects_page_leads_there_also_without_scripts(world, lead):
    page = lead.get(f"/projects/{world.project.pk}/").content.decode()

    assert f'<a class="btn btn-secondary" href="{page_of(world.project)}"' in page
    assert f'hx-get="{page_of(world.project)}"' in page


def test_a_page_that_watches_does_not_keep_the_session_open(world, lead):
    session = lead.session
    session[SEEN_AT] = session[SEEN_AT] - 300 if SEEN_AT in session else 0
    lead.get(page_of(world.project))
    session = lead.session
    session[SEEN_AT] = seen = session[SEEN_AT] - 300
    session.save()

    lead.get(page_of(world.project), HTTP_X_WATCHING="1")
    assert lead.session[SEEN_AT] == seen
    lead.get(page_of(world.project))
    assert lead.session[SEEN_AT] > seen


# ── what runs on my data ────────────────────────────────────────────────────────────────────────────────────────────
def auditor(center):
    return holder(Role.AUDITOR, center)


def test_a_steward_and_an_auditor_of_the_owner_see_what_runs_on_its_data(world, running, browse):
    for who in (world.steward, auditor(world.owner), holder(Role.AUDITOR, alliance())):
        assert world.lead.name in text(browse(who).get("/runs/"))
        assert browse(who).get(f"/runs/{running.pk}/").status_code == 200


@pytest.mark.parametrize("who", ["colleague", "manager", "official", "partner"])
def test_nobody_else_sees_it(world, running, browse, who):
    browser = browse(getattr(world, who))

    assert "Nobody has started one yet" in text(browser.get("/runs/"))
    for path in ("", "code/"):
        assert browser.get(f"/runs/{running.pk}/{path}").status_code == 404
    for path in ("stop/", "resume/"):
        assert browser.post(f"/runs/{running.pk}/{path}", {"reason": "Mine."}).status_code == 404


def test_a_steward_of_other_data_does_not_see_it(world, place, browse):
    run = make_run(place)

    assert browse(world.steward).get(f"/runs/{run.pk}/").status_code == 404


def test_a_steward_lets_a_paused_run_go_on(world, place, browse):
    run = make_run(place, data=[world.version], paused_at=timezone.now())
    steward = browse(world.steward)
    assert "Let it go on" in text(steward.get(f"/runs/{run.pk}/"))

    steward.post(f"/runs/{run.pk}/resume/", {"reason": "A large figure."})

    assert again(run).resume_asked_by == world.steward


def test_what_a_host_told_stands_there_in_words(world, running, browse):
    told = [
        {"kind": "signed_in"},
        {"kind": "denied", "method": "GET", "path": "/files/a.csv", "why": "Downloads are off."},
        {"kind": "denied", "method": "", "path": "", "why": "There is no network.", "times": 4},
        {"kind": "warned", "bytes": 60_000_000, "window": 3600},
        {"kind": "opened", "dataset": "luad", "path": "a.csv", "times": 3},
        {"kind": "not_watched", "words": "the kernel has no fanotify"},
        {"kind": "paused", "bytes": "<b>many</b>", "window": 3600},
        {"kind": "resumed"},
        {"kind": "ended", "why": "idle", "words": "", "usage": {}},
    ]
    at = timezone.now().isoformat()
    reports.take(running, events_of({"events": [{"seq": n, "at": at} | one for n, one in enumerate(told, 1)]}))

    page = browse(world.steward).get(f"/runs/{running.pk}/")

    for words in (
        "Refused: GET /files/a.csv. Downloads are off.",
        "Refused, 4 times: There is no network.",
        "60.0 MB",
        "Opened a.csv of luad, 3 times.",
        "no fanotify",
        "It ended.",
    ):
        assert words in text(page)
    assert "<b>many" not in page.content.decode()


# ── code ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def coded(running):
    with arranged():
        for seq in range(1, 31):
            CellCode.objects.create(
                run=running, seq=seq, at=timezone.now(), kernel="k", code=f"<i>cell {seq}</i>", sha256="a" * 64
            )
    return running


def looks():
    return Event.objects.filter(event="workspaces.code.viewed", outcome="success").count()


@pytest.mark.parametrize("who", ["researcher", "auditor of the owner", "auditor of the alliance"])
def test_code_is_read_by_few_and_each_page_is_recorded(world, coded, browse, who):
    readers = {
        "researcher": lambda: world.lead,
        "auditor of the owner": lambda: auditor(world.owner),
        "auditor of the alliance": lambda: holder(Role.AUDITOR, alliance()),
    }
    browser = browse(readers[who]())
    page = browser.get(f"/runs/{coded.pk}/code/")

    assert "&lt;i&gt;cell 25&lt;/i&gt;" in page.content.decode()
    assert "cell 26" not in page.content.decode()
    assert looks() == 1
    browser.get(f"/runs/{coded.pk}/code/{page.context['listing'].next_url}")
    assert looks() == 2


@pytest.mark.parametrize("who", ["steward", "auditor of the home"])
def test_code_is_read_by_nobody_else(world, coded, browse, who):
    member: Member = world.steward if who == "steward" else auditor(world.home)
    answer = browse(member).get(f"/runs/{coded.pk}/code/")

    assert answer.status_code == (403 if who == "steward" else 404)
    assert "cell 1" not in answer.content.decode()
    assert looks() == 0


def test_the_lead_does_not_read_a_colleagues_code(world, browse, lead):
    theirs = make_run(workspace(world.colleague, world.project), data=[world.version])

    assert lead.get(f"/runs/{theirs.pk}/").status_code == 200
    assert lead.get(f"/runs/{theirs.pk}/code/").status_code == 403
