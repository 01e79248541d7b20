"""Bare Celery with the portal's own settings of a worker, for the bench of jobs: a task runs a program and waits."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from celery import Celery, group

PROCESSES, SECONDS = 2, 60
app = Celery("bare", broker=os.environ.get("BARE_BROKER"), backend=os.environ.get("BARE_BROKER"))
app.conf.update(
    task_default_queue="bare", task_acks_late=True, task_reject_on_worker_lost=True, worker_prefetch_multiplier=1
)


@app.task(name="bare.run")  # type: ignore[untyped-decorator]
def run(*words: str) -> str:
    """What the program says."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=SECONDS).stdout


@contextmanager
def at_work(broker: str) -> Iterator[None]:
    """A worker with two processes at this Redis."""
    words = [sys.executable, "-m", "celery", "-A", "tests.bench.bare_celery", "worker", "-c", str(PROCESSES), "-Q",
             "bare", "-n", "bare@here", "--loglevel", "ERROR"]  # fmt: skip
    app.conf.update(broker_url=broker, result_backend=broker)
    env = {**os.environ, "BARE_BROKER": broker}
    worker = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.delay("true").get(timeout=SECONDS)
        yield
    finally:
        worker.terminate()
        worker.wait(SECONDS)


def start_ms() -> float:
    """Milliseconds from before the call to the program's word."""
    began = time.time()
    return (float(run.delay("date", "+%s.%N").get(timeout=SECONDS)) - began) * 1000


def rate(number: int) -> float:
    """Tasks a second, so many at once."""
    began = time.time()
    group(run.s("true") for _ in range(number))().get(timeout=SECONDS)
    return number / (time.time() - began)


def starts_ms(number: int) -> float:
    """The median of so many, one after the other."""
    return median(start_ms() for _ in range(number))
