"""Ended jobs whose crates are looked at: well at the second attempt, failed, and gone on from another one."""

from datetime import timedelta

from django.utils import timezone

from apps.jobs.models import Attempt, Job, Result
from tests import factories_jobs as make
from tests.factories import arranged

LOCK, MODEL = "e" * 64, "a" * 64


def ended_attempt(job, host, outcome, reason, **facts):
    """One that ran for a minute and holds no slot any more."""
    now = timezone.now()
    return make.attempt(
        job, host, slots=0, started_at=now - timedelta(seconds=65), ran_at=now - timedelta(seconds=60), ended_at=now,
        outcome=outcome, reason=reason, environment_hash=LOCK, **facts,
    )  # fmt: skip


def end(job, status, reason):
    with arranged():
        Job.objects.filter(pk=job.pk).update(status=status, ended_at=timezone.now(), reason=reason)
    job.refresh_from_db()
    return job


def well_ended(world, host, **facts):
    """Lost once, then two files."""
    job = make.job(
        world.lead, world.project, data=[world.version], status="running", seed=7,
        command=["python", "train it.py", "--x", "1"], **facts,
    )  # fmt: skip
    ended_attempt(job, host, "lost", "Its machine was lost.")
    attempt = ended_attempt(job, host, "succeeded", "It ended well.", exit_code=0)
    with arranged():
        Result.objects.create(attempt=attempt, path="model.json", sha256=MODEL, bytes=1234)
        Result.objects.create(attempt=attempt, path="bilder/kürve 1.png", sha256="b" * 64, bytes=0)
    return end(job, "succeeded", "It ended well.")


def failed(world, host):
    job = make.job(world.lead, world.project, data=[world.version], status="running")
    ended_attempt(job, host, "failed", "Its program ended with the exit code 3.", exit_code=3)
    return end(job, "failed", "Its program ended with the exit code 3.")


def gone_on(world, host):
    """From the checkpoints of another one; it asked for another turn itself, and got it."""
    job = make.job(
        world.lead, world.project, data=[world.version], status="running", resumes=failed(world, host), name="on"
    )
    ended_attempt(job, host, "requeued", "It saved its work and asked for another turn.", exit_code=99)
    ended_attempt(job, host, "succeeded", "It ended well.", exit_code=0)
    return end(job, "succeeded", "It ended well.")


def attempts(job):
    return list(Attempt.objects.filter(job=job).order_by("fence"))
