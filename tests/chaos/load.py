"""Light load for the chaos test, as a process of its own in the home under test: `run SECONDS`, `count`, `cast`."""

import json
import signal
import sys
import time

import django

django.setup()

from celery import current_app  # noqa: E402
from django.db import DatabaseError, InterfaceError, connection, transaction  # noqa: E402

from apps.alliance.models import Member, Vouch  # noqa: E402
from apps.alliance.roles import Role  # noqa: E402
from apps.alliance.selectors import holders_of  # noqa: E402
from apps.alliance.services import people  # noqa: E402
from apps.audit.models import Event, Outcome  # noqa: E402
from apps.audit.source import coming_from  # noqa: E402
from apps.core.models import Message  # noqa: E402
from apps.core.outbox import later  # noqa: E402

PAUSE = 0.05


def cast():
    """A manager and two other active people of the same center, always the same three."""
    everyone = Member.objects.select_related("center").filter(status=Member.Status.ACTIVE).order_by("email")
    for manager in everyone:
        if not holders_of(Role.CENTER_MANAGER, manager.center).filter(pk=manager.pk).exists():
            continue
        others = list(everyone.filter(center=manager.center).exclude(pk=manager.pk)[:2])
        if len(others) == 2:
            return manager, *others
    raise SystemExit("the demo alliance has no center with a manager and two more people")


def run(seconds):
    """Commands and messages, one of each every PAUSE; what fails while a part is down is counted, not repeated."""
    current_app.loader.import_default_modules()
    manager, directly, by_message = cast()
    done = {"commands": 0, "messages": 0, "refused": 0}
    over = []
    signal.signal(signal.SIGINT, lambda number, frame: over.append(number))
    end = time.monotonic() + seconds
    while time.monotonic() < end and not over:
        try:
            with coming_from(auth={"method": "chaos", "age_s": 0}):
                people.vouch(directly, by=manager)
            done["commands"] += 1
            with transaction.atomic():
                later("chaos.vouch", by_message.pk, str(manager.pk))
            done["messages"] += 1
        except (DatabaseError, InterfaceError, OSError):
            done["refused"] += 1
            connection.close()
            time.sleep(0.2)
        except Exception as error:  # noqa: BLE001 PoolTimeout, Unavailable: the database is away
            done["refused"] += 1
            done.setdefault("why", type(error).__name__)
            time.sleep(0.2)
        time.sleep(PAUSE)
    return done


def count():
    """What the database holds: changes, their events, messages and their ends."""
    _, directly, by_message = cast()
    found = {}
    for name, member in (("commands", directly), ("messages", by_message)):
        events = Event.objects.filter(
            event="alliance.member.vouched", target_ref=str(member.pk), outcome=Outcome.SUCCESS
        )
        found[name] = {"vouches": Vouch.objects.filter(member=member).count(), "events": events.count()}
    messages = Message.objects.filter(task="chaos.vouch")
    found["messages"] |= {
        "stored": messages.count(),
        "delivered": messages.exclude(delivered_at=None).count(),
        "waiting": messages.filter(delivered_at=None, failed_at=None).count(),
        "failed": messages.exclude(failed_at=None).count(),
        "tried_again": messages.filter(attempts__gt=1).count(),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from audit.entry), (select max(size) from audit.checkpoint), "
            "(select max(idx) from audit.entry), (select count(*) from audit.pending), "
            "(select count(*) from audit.changed)"
        )
        names = ("entries", "signed", "highest", "waiting", "changes_waiting")
        found["record"] = dict(zip(names, cursor.fetchone(), strict=True))
    return found


if __name__ == "__main__":
    answer = run(float(sys.argv[2])) if sys.argv[1] == "run" else count()
    print(json.dumps(answer))
