"""E67 of security.md: messages that somebody who can write to the broker puts into the worker's queue.

A workspace can't reach it (tests/attacks/workspaces); this is what holds if something else could.
"""

import pickle
import secrets
import time
from pathlib import Path

import pytest
from celery import current_app
from celery.contrib.testing.worker import start_worker
from kombu import Queue

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


@pytest.fixture
def queue():
    """One of its own on the tests' broker, taken away afterwards."""
    with current_app.connection_for_write() as line:
        queue = Queue(f"attack-{secrets.token_hex(6)}", channel=line.default_channel)
        queue.declare()
        yield queue
        queue.delete()


@pytest.fixture
def done():
    """What a task that is on the list was asked for."""
    said = []

    def say(number):
        said.append(number)

    task = current_app.task(name=f"attack.say_{secrets.token_hex(4)}", ignore_result=True)(say)
    yield said, task.name
    current_app.tasks.unregister(task.name)


def test_the_worker_takes_json_alone_and_only_tasks_on_its_list(queue, done, tmp_path):
    """After each hostile message the worker lives, and does what it is asked for properly."""
    said, name = done
    canary = tmp_path / "unpickled"
    assert not isinstance(pickle.loads(pickle.dumps(Canary(canary))), Canary)
    canary.unlink()  # it rings
    hostile = [
        {"body": pickle.dumps(([Canary(canary)], {}, {})), "content_type": "application/x-python-serialize",
         "content_encoding": "binary", "headers": {"task": name}},
        {"body": b"!!python/object/apply:os.system [id]", "content_type": "application/x-yaml",
         "content_encoding": "utf-8", "headers": {"task": name}},
        {"body": b'[["x"], {}, {}]', "content_type": "application/json", "content_encoding": "utf-8",
         "headers": {"task": "os.system"}},
        {"body": b"[" * 100_000, "content_type": "application/json", "content_encoding": "utf-8",
         "headers": {"task": name}},
        {"body": b"", "content_type": "application/json", "content_encoding": "utf-8", "headers": {}},
    ]  # fmt: skip

    with start_worker(current_app._get_current_object(), perform_ping_check=False, queues=[queue.name]):
        with current_app.connection_for_write() as line:
            producer = line.Producer()
            for number, message in enumerate(hostile):
                headers = {"lang": "py", "id": secrets.token_hex(8), **message.pop("headers")}
                producer.publish(message.pop("body"), routing_key=queue.name, headers=headers, **message)
                current_app.send_task(name, args=[number], queue=queue.name)
        until = time.monotonic() + 60
        while len(said) < len(hostile) and time.monotonic() < until:
            time.sleep(0.1)

    assert said == list(range(len(hostile)))
    assert not canary.exists()


def test_what_is_accepted_is_one_word():
    assert list(current_app.conf.accept_content) == ["json"]
    assert current_app.conf.result_accept_content in (None, ["json"])
    assert current_app.conf.task_ignore_result
