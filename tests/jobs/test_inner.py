"""What hosts tell and ask: by their secret alone, each thing once, and never believed to be well-formed."""

import base64
import json
import uuid

import pytest
from django.test import Client

from apps.jobs.actors import DISPATCHER
from apps.jobs.models import Attempt, Figures, Host, Job, LogPiece, Slot
from apps.jobs.services import attempts, submitting
from apps.projects.services import decisions

OFFERS = {"cpus": 2, "slot_memory": 4 * 10**9, "gpus": []}


@pytest.fixture
def ask(db, settings):
    settings.HAS_WORKSPACES, settings.HOST_SECRET = True, "the host's own"

    def post(path, facts, secret="the host's own"):
        answer = Client(SERVER_NAME="localhost").post(
            path, json.dumps(facts), content_type="application/json", headers={"Authorization": f"Bearer {secret}"}
        )
        return answer.status_code, (answer.json() if answer.headers["Content-Type"] == "application/json" else {})

    return post


def beat(ask, *told, host="h1", offers=OFFERS):
    return ask("/internal/jobs/beat", {"host": host, "offers": offers, "attempts": list(told)})


def say(ask, attempt, what, facts=None):
    return ask(f"/internal/attempts/{attempt.pk}/{what}", facts or {})


@pytest.fixture
def started(waiting, host):
    attempts.dispatch(waiting, by=DISPATCHER, host=host)
    return Attempt.objects.get(job=waiting)


@pytest.mark.parametrize("path", ["/internal/jobs/beat", "/internal/jobs/wait", "/internal/attempts/{}/plan",
                                  "/internal/attempts/{}/ended", "/internal/attempts/{}/log"])  # fmt: skip
@pytest.mark.parametrize("secret", ["", "another", "the host's own "])
def test_without_the_secret_nothing_is_there(ask, started, path, secret):
    assert ask(path.format(started.pk), {}, secret=secret)[0] == 404


def test_a_first_heartbeat_announces_the_host_and_says_what_to_start(ask, waiting):
    status, said = beat(ask, host="new")
    assert (status, said) == (200, {"start": [], "stop": [], "erase": []})
    assert Slot.objects.filter(host__name="new").count() == 2

    attempts.dispatch(waiting, by=DISPATCHER, host=Host.objects.get(name="new"))
    attempt = Attempt.objects.get()
    assert beat(ask, host="new")[1]["start"] == [{"attempt": str(attempt.pk), "fence": 1}]
    assert beat(ask, {"attempt": str(attempt.pk)}, host="new")[1] == {"start": [], "stop": [], "erase": []}


def test_what_a_host_has_no_more_is_given_out_no_more(ask):
    beat(ask, host="new")
    beat(ask, host="new", offers=OFFERS | {"cpus": 1, "gpus": [{"uuid": "GPU-1", "model": "H200"}]})

    there = Slot.objects.filter(host__name="new", is_gone=False)
    assert sorted(there.values_list("kind", "number", "model")) == [("cpu", 0, ""), ("gpu", 0, "H200")]
    assert Slot.objects.filter(host__name="new", is_gone=True).count() == 1


def test_a_heartbeat_renews_the_lease_and_keeps_the_figures(ask, started):
    progress = {"step": 3, "total": 10, "metrics": {"loss": 0.5, "f1": 2, "x y": 1, "on": True}}
    beat(ask, {"attempt": str(started.pk), "cpu_seconds": 1.5, "memory": 7, "words": "Running", "progress": progress})

    figures = Figures.objects.get()
    assert (figures.cpu_seconds, figures.memory, figures.step, figures.total) == (1.5, 7, 3, 10)
    assert figures.metrics == {"loss": 0.5, "f1": 2}
    assert figures.seen_at is not None


def test_who_was_given_up_hears_so(ask, started):
    status, said = beat(ask, {"attempt": str(uuid.uuid4())}, {"attempt": str(started.pk)})

    assert status == 200
    assert [(stop["now"], "given up" in stop["reason"]) for stop in said["stop"]] == [(True, True)]


def test_a_cancelled_job_is_stopped_by_the_next_heartbeat(ask, started, world):
    submitting.cancel(Job.objects.get(), by=world.lead, reason="Enough.")

    (stop,) = beat(ask, {"attempt": str(started.pk)})[1]["stop"]
    assert (stop["reason"], stop["now"]) == ("Enough.", False)


def test_data_that_was_taken_back_ends_it_at_the_next_heartbeat(ask, started, world):
    decisions.revoke(world.request, by=world.steward, reason="Over.")

    (stop,) = beat(ask, {"attempt": str(started.pk)})[1]["stop"]
    assert stop["now"] is True


def test_the_plan_says_all_that_its_host_needs_and_nothing_of_who_it_is(ask, started, world):
    status, plan = say(ask, started, "plan")

    assert status == 200
    assert plan["command"] == ["python", "train.py"]
    assert [one["slug"] for one in plan["datasets"]] == [world.dataset.slug]
    assert plan["limits"]["seconds"] == 3600
    said = json.dumps({key: value for key, value in plan.items() if key != "datasets"})
    assert world.lead.name not in said
    assert world.project.title not in said


def test_a_plan_without_a_basis_is_refused(ask, started, world):
    decisions.revoke(world.request, by=world.steward, reason="Over.")
    status, said = say(ask, started, "plan")

    assert (status, "not so" in said["reason"]) == (403, True)
    assert say(ask, started, "plan")[0] == 410


def test_begun_and_ended_are_told_once(ask, started):
    say(ask, started, "plan")
    assert say(ask, started, "begun", {"environment": "e" * 64, "not_kept": ["NO_NETWORK"]})[0] == 200
    assert say(ask, started, "begun", {"environment": "e" * 64})[0] == 200
    assert Job.objects.get().status == "running"
    end = {"why": "finished", "exit_code": 0, "results": [{"path": "a", "sha256": "a" * 64, "bytes": 1}]}
    assert say(ask, started, "ended", end) == (200, {"keeps_results": True})
    assert say(ask, started, "ended", end) == (200, {"keeps_results": True}), "whose answer was lost asks again"
    assert Attempt.objects.get().not_kept == ["NO_NETWORK"]


def test_what_is_left_by_a_job_that_is_cancelled_is_kept_by_nobody(ask, started, world):
    end = {"why": "finished", "exit_code": 0, "results": [{"path": "a", "sha256": "a" * 64, "bytes": 1}]}
    submitting.cancel(Job.objects.get(), by=world.lead, reason="Enough.")
    assert say(ask, started, "ended", end) == (200, {"keeps_results": False})
    assert say(ask, started, "ended", end)[0] == 410


@pytest.mark.parametrize("end", [
    {}, [], {"why": "because"}, {"why": "finished", "results": 1}, {"why": "finished", "results": [{"path": "a"}]},
    {"why": "finished", "results": [{"path": "../a", "sha256": "a" * 64, "bytes": 1}]},
    {"why": "finished", "results": [{"path": "/a", "sha256": "a" * 64, "bytes": 1}]},
    {"why": "finished", "results": [{"path": "a", "sha256": "a" * 64, "bytes": -1}]},
    {"why": "finished", "results": [{"path": "a", "sha256": "a" * 64, "bytes": 1}] * 2},
])  # fmt: skip
def test_an_end_that_cannot_be_read_changes_nothing(ask, started, end):
    assert say(ask, started, "ended", end)[0] == 422
    assert Attempt.objects.get().ended_at is None


@pytest.mark.parametrize("body", [
    {}, {"host": "", "attempts": []}, {"host": "h", "attempts": 1}, {"host": "h", "attempts": [], "offers": {}},
    {"host": "h", "attempts": [{}], "offers": OFFERS}, {"host": "h", "attempts": [], "offers": OFFERS | {"gpus": [1]}},
    {"host": "h", "attempts": [], "offers": OFFERS | {"cpus": -1}},
])  # fmt: skip
def test_a_heartbeat_that_cannot_be_read_is_refused(ask, body):
    assert ask("/internal/jobs/beat", body)[0] == 422


# ── what it prints ──────────────────────────────────────────────────────────────────────────────────────────────────
def piece(offset, content):
    return {"offset": offset, "content": base64.b64encode(content).decode()}


def test_a_log_is_kept_whole_whatever_is_told_twice(ask, started):
    assert say(ask, started, "log", piece(0, b"one\n"))[1] == {"next": 4}
    assert say(ask, started, "log", piece(0, b"one\ntwo\n"))[1] == {"next": 8}
    assert say(ask, started, "log", piece(4, b"two\n"))[1] == {"next": 8}
    assert say(ask, started, "log", piece(99, b"later\n"))[1] == {"next": 8}

    kept = LogPiece.objects.order_by("offset").values_list("offset", "content")
    assert [(offset, bytes(content)) for offset, content in kept] == [(0, b"one\n"), (4, b"two\n")]


def test_a_log_ends_at_its_bound(ask, started, monkeypatch):
    monkeypatch.setattr("apps.jobs.limits.LOG_KEPT", 6)
    assert say(ask, started, "log", piece(0, b"12345678"))[1] == {"next": 6}
    assert say(ask, started, "log", piece(6, b"9"))[1] == {"next": 6}


@pytest.mark.parametrize("body", [{}, {"offset": 0}, piece(-1, b"a"), piece(0, b""), {"offset": 0, "content": "%%"}])
def test_a_piece_that_cannot_be_read_is_refused(ask, started, body):
    assert say(ask, started, "log", body)[0] == 422


def test_an_attempt_that_is_not_there(ask):
    assert ask(f"/internal/attempts/{uuid.uuid4()}/plan", {})[0] == 404
