"""Jobs of a running portal by its own commands, for tests and the bench in its home; prints JSON.

`starts JOB N`: one after the other, each the same as JOB but for a command that tells the time. Seconds from the
moment before it was handed in: until it had its slots, until its host said that it runs, until its program's word.
`rate JOB N`: as many at once; seconds until all have ended.
`many JOB WORDS`: for each of the words (a JSON list), `python train.py WORD` with the code and data of JOB.
`told JOB -`: of every other job of its project, how it stands and all that is kept of it.
"""

import json
import sys
import time
from datetime import datetime
from typing import Any

import django

django.setup()

from apps.audit.source import coming_from  # noqa: E402
from apps.jobs.asked import Code, Wish  # noqa: E402
from apps.jobs.models import LIVE, Attempt, Job, LogPiece, Result, Slot, Usage  # noqa: E402
from apps.jobs.services import submitting  # noqa: E402

SECONDS, LOOK = 120, 0.02
TELLS_THE_TIME = ("date", "+%s.%N")


def starts(like: Job, number: int) -> list[dict[str, float]]:
    """Of each: began (seconds since 1970), then the three spans."""
    return [_start(like) for _ in range(number)]


def rate(like: Job, number: int) -> dict[str, float]:
    """Seconds until all were handed in, and until the last of them had ended."""
    began = time.time()
    jobs = [_hand_in(like, ("true",)) for _ in range(number)]
    handed = time.time() - began
    _wait_for(jobs)
    assert not Job.objects.filter(pk__in=[job.pk for job in jobs]).exclude(status="succeeded").exists()
    ended = Job.objects.filter(pk__in=[job.pk for job in jobs]).latest("ended_at").ended_at
    return {"seconds": ended.timestamp() - began, "handed_in": handed}


def many(like: Job, words: str) -> list[str]:
    """Their identifiers, in this order."""
    return [str(_hand_in(like, ("python", "train.py", word)).pk) for word in json.loads(words)]


def told(like: Job, _: str) -> dict[str, dict[str, Any]]:
    """By job: its state and reason, its attempts and how they ended, the last one's log and results, usage, slots."""
    found = {}
    for job in Job.objects.filter(project=like.project_id).exclude(pk=like.pk):
        attempts = list(job.attempts.order_by("fence"))
        last = attempts[-1] if attempts else None
        pieces = LogPiece.objects.filter(attempt=last).order_by("offset")
        found[str(job.pk)] = {
            "state": job.status, "reason": job.reason, "fence": job.fence, "label": job.reference.lower(),
            "outcomes": [one.outcome for one in attempts], "exit_code": last and last.exit_code,
            "log": b"".join(bytes(one.content) for one in pieces).decode(errors="replace"),
            "results": [one.path for one in Result.objects.filter(attempt=last)],
            "usage": Usage.objects.filter(attempt__job=job).count(),
            "slots": Slot.objects.filter(attempt__job=job).count(),
        }  # fmt: skip
    return found


def _start(like: Job) -> dict[str, float]:
    began = time.time()
    job = _hand_in(like, TELLS_THE_TIME)
    _wait_for([job])
    attempt = Attempt.objects.get(job=job)
    assert attempt.exit_code == 0, attempt.reason
    said = b"".join(bytes(piece.content) for piece in LogPiece.objects.filter(attempt=attempt).order_by("offset"))
    return {
        "dispatched": _since(began, attempt.started_at), "ran": _since(began, attempt.ran_at),
        "program": float(said) - began, "ended": _since(began, attempt.ended_at),
    }  # fmt: skip


def _hand_in(like: Job, command: tuple[str, ...]) -> Job:
    code = Code(like.snapshot.sha256, like.snapshot.bytes, like.snapshot.files)
    wish = Wish("bench", command, cpus=1, memory=like.memory, seconds=60, grace=10)
    datasets = list(like.data.values_list("version__dataset_id", flat=True))
    with coming_from(component="bench", auth={"method": "bench", "factors": [], "age_s": 0}):
        return submitting.submit(like.project, by=like.member, code=code, wish=wish, datasets=datasets)


def _wait_for(jobs: list[Job]) -> None:
    until = time.monotonic() + SECONDS
    names = [job.pk for job in jobs]
    while Job.objects.filter(pk__in=names, status__in=LIVE).exists():
        if time.monotonic() > until:
            raise SystemExit("They did not end in time.")
        time.sleep(LOOK)


def _since(began: float, moment: datetime | None) -> float:
    assert moment is not None
    return moment.timestamp() - began


if __name__ == "__main__":
    what, like, number = sys.argv[1:]
    job = Job.objects.select_related("project", "member", "snapshot").get(pk=like)
    ways = {"many": many, "told": told}
    counted = {"starts": starts, "rate": rate}
    print(json.dumps(ways[what](job, number) if what in ways else counted[what](job, int(number))))
