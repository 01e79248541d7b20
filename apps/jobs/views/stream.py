"""What a job prints, as it comes: server-sent events whose number is the byte after them, so that nothing is lost.

Each connection asks for permission again and ends after some minutes, so that a membership that ended cuts it off.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from apps.alliance.models import Member
from apps.core.reads import demand_read, record_read
from apps.jobs import selectors, shown
from apps.jobs.events import LOG_READ
from apps.jobs.models import Attempt
from apps.jobs.policies import may_read_log

EVERY, QUIET, LONGEST = 1.0, 15.0, 300.0  # seconds between looks, to a sign of life, of one connection
PIECE = 32 * 1024  # bytes of one event


@require_safe
def log_stream(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """The log of one attempt from a byte on, to its end."""
    answer = StreamingHttpResponse(_pieces(pk, _opened(request, pk)), content_type="text/event-stream; charset=utf-8")
    answer["X-Accel-Buffering"] = "no"
    return answer


def _opened(request: HttpRequest, pk: UUID) -> int:
    """Where it begins, for whoever may read it; the look is recorded."""
    member = request.user
    if not isinstance(member, Member):
        raise Http404
    found = Attempt.objects.filter(pk=pk, job__in=selectors.visible_to(member)).select_related("job__project").first()
    if found is None:
        raise Http404
    demand_read(LOG_READ, may_read_log(member, found.job), by=member, target=found.job)
    record_read(LOG_READ, by=member, target=found.job)
    asked = request.headers.get("Last-Event-ID") or request.GET.get("from", "0")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 12 else 0


async def _pieces(pk: UUID, offset: int) -> AsyncIterator[str]:
    until, said_at = time.monotonic() + LONGEST, time.monotonic()
    yield "retry: 2000\n\n"
    while time.monotonic() < until:
        content, is_over = await sync_to_async(_look)(pk, offset)
        if content:
            offset, said_at = offset + len(content), time.monotonic()
            yield f"id: {offset}\ndata: {json.dumps(shown.as_text(content))}\n\n"
        elif is_over:
            yield "event: over\ndata: 1\n\n"
            return
        elif time.monotonic() - said_at > QUIET:
            said_at = time.monotonic()
            yield ": still there\n\n"
        if len(content) < PIECE:
            await asyncio.sleep(EVERY)


def _look(pk: UUID, offset: int) -> tuple[bytes, bool]:
    """What is new, cut after a whole character; and whether nothing more will come. Holds no connection afterwards."""
    try:
        attempt = Attempt.objects.get(pk=pk)
        content = selectors.log_from(attempt, offset, PIECE)
        return shown.whole_characters(content, is_over=attempt.ended_at is not None), attempt.ended_at is not None
    finally:
        if not connection.in_atomic_block:
            connection.close()
