"""What is asked about jobs from inside a workspace: with its member's rights, in its project, while it runs."""

import base64
import json
import uuid

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Event
from apps.core.gateways import Objects
from apps.jobs.actors import DISPATCHER, HOST
from apps.jobs.models import Attempt, Figures, Job, LogPiece
from apps.jobs.services import attempts
from apps.projects.models import TeamMember
from apps.projects.services import decisions
from tests import factories_jobs as make
from tests import factories_workspaces as workspaces
from tests.factories import arranged
from tests.jobs.test_code import FILES, as_tar
from tests.projects.world import proposed, published
from tests.workspaces.host import Host

pytestmark = pytest.mark.usefixtures("storage")
EVERYTHING = ("submit", "list", "show", "log", "cancel")


@pytest.fixture
def storage(db):
    Objects().ensure_bucket()
    cache.clear()


@pytest.fixture
def run(world):
    """The lead's workspace, which runs."""
    return workspaces.run(workspaces.workspace(world.lead, world.project), data=[world.version])


@pytest.fixture
def ask(run, settings):
    """ask(what, …): status and answer, as the host of this run carries it."""
    settings.HAS_WORKSPACES = True

    def post(what, of=run, secret=None, **facts):
        host = Host(secret)
        return host.post(f"/internal/runs/{of.pk}/jobs/{what}", facts), host.status

    return post


def wish(**other):
    return {
        "name": "train", "command": ["python", "train it.py", "--x", "1"], "file": "train.py",
        "content": base64.b64encode(b"print(1)").decode(), "cpus": 1, "memory": 1, "hours": 0.5, "seed": 7, **other,
    }  # fmt: skip


def refusals(event):
    return list(Event.objects.filter(event=event, outcome="refused"))


@pytest.fixture
def printing(waiting, host):
    """A running job of the lead, and what it printed."""
    attempts.dispatch(waiting, by=DISPATCHER, host=host)
    attempt = Attempt.objects.get(job=waiting)
    attempts.begin(attempt, by=HOST, environment_hash="e" * 64, not_kept=[])
    content = "epoch 1\n\x1b[31mépoque 2\n".encode()
    LogPiece.objects.create(attempt=attempt, offset=0, content=content)
    Figures.objects.filter(attempt=attempt).update(log_bytes=len(content))
    return Job.objects.get(pk=waiting.pk)


@pytest.fixture
def elsewhere(world):
    """Another project, of the colleague, with data of its own."""
    return proposed(world.colleague, published(world.owner, world.steward, slug="other-data"), submit=False)


# ── handing in ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_job_is_handed_in_for_the_member_in_the_project_of_the_run(ask, world, run):
    said, status = ask("submit", **wish())

    job = Job.objects.get()
    assert (status, said["job"], said["state"]) == (200, job.reference, "queued")
    assert said["datasets"] == [world.dataset.slug]
    assert (job.member, job.project) == (world.lead, world.project)
    assert (job.command, job.memory, job.seconds, job.seed) == (["python", "train it.py", "--x", "1"], 10**9, 1800, 7)
    event = Event.objects.get(event="jobs.job.submitted")
    assert (event.outcome, event.actor_ref) == ("success", world.lead.actor_ref)
    assert (event.component, event.session, event.auth) == ("workspace", str(run.pk), {})


def test_a_folder_is_the_same_code_by_either_way_in(ask):
    ask("submit", **wish(file="code.tar.gz", content=base64.b64encode(as_tar(FILES)).decode()))
    ask("submit", **wish(file="code.tar", content=base64.b64encode(as_tar(reversed(FILES), "w")).decode()))

    first, second = Job.objects.order_by("number")
    assert first.snapshot == second.snapshot
    assert first.snapshot.files == 2


@pytest.mark.parametrize(("other", "words"), [
    ({"name": "A B"}, "Name: Use small letters"), ({"command": "python train.py"}, "Say after --"),
    ({"command": []}, "Say after --"), ({"command": ["python", 1]}, "Say after --"),
    ({"command": ["python", "a\nb"]}, "without control characters"), ({"cpus": 0}, "Processors"),
    ({"cpus": [1]}, "Processors"), ({"memory": "much"}, "Memory"), ({"hours": 1000}, "Time"),
    ({"gpus": -1}, "Graphics processors"), ({"gpus": True}, "Graphics processors"), ({"seed": -1}, "Seed"),
    ({"file": "../train.py"}, "no proper name"), ({"file": ".."}, "no proper name"), ({"file": ""}, "no proper name"),
    ({"file": "train.exe"}, "one Python file"), ({"content": "no base64"}, "base64"), ({"content": ""}, "empty"),
    ({"file": "a.zip"}, "can't be read"), ({"datasets": ["no-such"]}, "none of this project’s"),
    ({"datasets": [["x"]]}, "none of this project’s"), ({"datasets": ["x"] * 21}, "Choose 1 to 20"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(ask, other, words):
    said, status = ask("submit", **wish(**other))

    assert status == 422
    assert words in said["reason"]
    assert not Job.objects.exists()


def test_an_archive_that_leads_elsewhere_is_refused(ask):
    said, status = ask(
        "submit", **wish(file="code.tar", content=base64.b64encode(as_tar([("../a", b"1")], "w")).decode())
    )

    assert (status, "path" in said["reason"]) == (422, True)


def test_the_identifiers_of_others_in_the_body_decide_nothing(ask, world, elsewhere):
    other = workspaces.run(workspaces.workspace(world.colleague, elsewhere))
    poison = {"run": str(other.pk), "project": str(elsewhere.pk), "member": str(world.colleague.pk),
              "pk": str(other.pk), "by": str(world.colleague.pk), "resumes": str(uuid.uuid4())}  # fmt: skip

    ask("submit", **wish(**poison))

    job = Job.objects.get()
    assert (job.member, job.project, job.resumes) == (world.lead, world.project, None)


def test_a_dataset_of_another_project_cannot_be_named(ask, elsewhere):
    said, status = ask("submit", **wish(datasets=["other-data"]))

    assert (status, "none of this project’s" in said["reason"]) == (422, True)


def test_access_that_ended_is_refused_with_the_decision_s_reason_and_recorded(ask, world):
    decisions.revoke(world.request, by=world.steward, reason="Over.")

    said, status = ask("submit", **wish())

    assert status == 403
    assert "You may not use any of the project's data now." in said["reason"]
    assert [one.actor_ref for one in refusals("jobs.job.submitted")] == [world.lead.actor_ref]
    assert not Job.objects.exists()


# ── who is heard ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("what", EVERYTHING)
@pytest.mark.parametrize("status", ["starting", "stopping", "stopped", "failed"])
def test_a_workspace_that_does_not_run_asks_for_nothing(ask, world, what, status):
    over = workspaces.run(workspaces.workspace(world.colleague, world.project), status=status)
    said, answered = ask(what, of=over, **wish(job="J-0001", reason="x"))

    assert answered == 403
    assert "jobs are handed in from one that runs" in said["reason"]
    assert [one.actor_ref for one in refusals("jobs.workspace.asked")] == [world.colleague.actor_ref]


@pytest.mark.parametrize("what", EVERYTHING)
def test_whoever_is_suspended_asks_for_nothing_though_the_workspace_still_runs(ask, world, what):
    with arranged():
        type(world.lead).objects.filter(pk=world.lead.pk).update(status="suspended")
    said, status = ask(what, **wish(job="J-0001"))

    assert (status, "suspended" in said["reason"]) == (403, True)
    assert len(refusals("jobs.workspace.asked")) == 1


@pytest.mark.parametrize("what", EVERYTHING)
def test_without_the_host_s_secret_or_for_no_run_nothing_is_there(ask, run, what):
    assert ask(what, secret="wrong")[1] == 404
    assert Host().post(f"/internal/runs/{uuid.uuid4()}/jobs/{what}", {}) == {"reason": "There is no such workspace."}


@pytest.mark.parametrize("what", ["show", "log", "cancel"])
def test_a_job_of_another_project_is_not_there_even_for_its_own_member(ask, world, elsewhere, what):
    foreign, own = make.job(world.colleague, elsewhere), make.job(world.lead, elsewhere)

    for job in (foreign, own):
        said, status = ask(what, job=job.reference, reason="x")
        assert (status, "no such job in this project" in said["reason"]) == (404, True)
    assert {one.status for one in Job.objects.all()} == {"queued"}


@pytest.mark.parametrize(
    "named", ["", "J-", "J-0001; drop", "../J-1", 7, None, ["J-1"], "J-99999999999999", "J-\N{ARABIC-INDIC DIGIT ONE}"]
)
def test_what_names_no_job_names_no_job(ask, waiting, named):
    assert ask("show", job=named)[1] == 404


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"7", b"null"])
def test_a_body_that_is_no_object_says_nothing(run, settings, body):
    settings.HAS_WORKSPACES = True
    host = Host()
    host.post(f"/internal/runs/{run.pk}/jobs/show", body)
    assert host.status == 404


# ── looking, reading, cancelling ────────────────────────────────────────────────────────────────────────────────────
def test_the_list_names_the_jobs_of_this_project_alone(ask, world, elsewhere, waiting):
    make.job(world.lead, elsewhere)

    said, status = ask("list")

    assert status == 200
    assert [(one["job"], one["state"], one["of"]) for one in said["jobs"]] == [
        (waiting.reference, "queued", world.lead.name)
    ]


def test_a_job_is_shown_as_its_page_shows_it(ask, world, printing):
    said, status = ask("show", job=printing.reference.lower())

    assert (status, said["state"], said["standing"]) == (200, "running", "It runs.")
    assert said["code"] == printing.snapshot.sha256
    assert said["datasets"] == [world.dataset.slug]
    assert [(one["attempt"], one["host"]) for one in said["attempts"]] == [(1, "h1")]


def test_a_log_is_read_piece_by_piece_and_the_look_is_recorded_once_for_a_while(ask, printing):
    first, _ = ask("log", job=printing.reference, offset=-1)
    second, _ = ask("log", job=printing.reference, attempt=1, offset=first["next"])

    assert first["text"] == "epoch 1\n�[31mépoque 2\n"
    assert (first["start"], second["text"], second["is_over"], second["newest"]) == (0, "", False, 1)
    assert Event.objects.filter(event="jobs.log.viewed", outcome="success").count() == 1


def test_a_log_of_a_job_that_never_started_is_empty(ask, waiting):
    said, status = ask("log", job=waiting.reference, offset=0)
    assert (status, said["text"], said["is_over"], said["attempt"]) == (200, "", False, 0)


def test_whoever_left_the_team_reads_no_log_and_that_is_recorded(ask, world, printing):
    with arranged():
        TeamMember.objects.filter(project=world.project, member=world.lead).update(
            until=timezone.now(), removed_by=world.lead
        )
    said, status = ask("log", job=printing.reference)

    assert (status, "team alone" in said["reason"]) == (403, True)
    assert len(refusals("jobs.log.viewed")) == 1


def test_one_s_own_is_cancelled_with_a_reason(ask, waiting, printing):
    assert ask("cancel", job=printing.reference, reason=" ")[1] == 422
    said, status = ask("cancel", job=printing.reference, reason="A typo.")

    assert (status, said["state"]) == (200, "cancelling")
    assert Event.objects.get(event="jobs.job.cancelled", outcome="success").component == "workspace"
    assert ask("cancel", job=printing.reference, reason="Once more.")[1] == 409


def test_what_waits_is_taken_back(ask, waiting):
    said, status = ask("cancel", job=waiting.reference, reason="A typo.")
    assert (status, said["state"]) == (200, "cancelled")


def test_what_somebody_else_of_the_team_handed_in_is_not_cancelled(ask, world, waiting):
    with arranged():
        TeamMember.objects.create(project=world.project, member=world.colleague, added_by=world.lead)
    theirs = workspaces.run(workspaces.workspace(world.colleague, world.project))
    assert waiting.reference in json.dumps(ask("list", of=theirs)[0])

    said, status = ask("cancel", of=theirs, job=waiting.reference, reason="Mine first.")

    assert (status, "can cancel it" in said["reason"]) == (403, True)
    assert Job.objects.get().status == "queued"
    assert len(refusals("jobs.job.withdrawn")) == 1


def test_what_is_asked_from_inside_has_no_fresh_factor(ask):
    """No step of these asks for one today; where one did, nobody could take it from here."""
    from apps.core.commands import COMMANDS

    steps = ("jobs.job.submitted", "jobs.job.withdrawn", "jobs.job.cancelled")
    registered = COMMANDS["jobs.job.submitted"]
    assert [COMMANDS[step].fresh for step in steps] == [False, False, False]
    object.__setattr__(registered, "fresh", True)
    try:
        said, status = ask("submit", **wish())
    finally:
        object.__setattr__(registered, "fresh", False)

    assert (status, "Prove once more" in said["reason"]) == (403, True)


def test_the_addresses_are_those_that_hosts_know():
    run = uuid.uuid4()
    known = {reverse(f"jobs:inside_{what}", args=[run]) for what in EVERYTHING}
    assert known == {f"/internal/runs/{run}/jobs/{what}" for what in EVERYTHING}
