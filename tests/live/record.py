"""What the record holds of some kinds of events in the home under test; prints JSON.

`python -m tests.live.record EVENT …`: of the last hundred of each the event, its outcome, who acted, and the reason.
"""

import json
import sys

import django

django.setup()

from apps.alliance.models import Member  # noqa: E402
from apps.audit.selectors import entries  # noqa: E402


def main(*events: str) -> None:
    names = {str(pk): name for pk, name in Member.objects.values_list("pk", "name")}
    rows = [row for event in events for row in entries().filter(event=event).order_by("-id")[:100]]
    print(json.dumps([[one.event, one.outcome, names.get(one.actor_ref, ""), one.reason] for one in rows]))


if __name__ == "__main__":
    main(*sys.argv[1:])
