"""Pages of the record: the list, one event with its proof, and looking whether the whole still holds."""

from datetime import UTC, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.alliance import selectors as alliance
from apps.alliance.models import Member
from apps.alliance.policies import may_see_record
from apps.alliance.requests import MemberRequest
from apps.audit.exports import NotThere, export_events, published_tiles, tiles_at_hand
from apps.audit.ids import first_at, last_at
from apps.audit.models import Event, Outcome
from apps.audit.selectors import proof_of, state, tiles_unreadable
from apps.audit.verification import verify
from apps.core.errors import WrongState
from apps.core.listing import Column, listing
from apps.core.reads import demand_read, record_read
from apps.home.events import EVENT_EXPORTED, EVENT_VIEWED, RECORD_VERIFIED, RECORD_VIEWED
from apps.home.forms import EventFilters
from apps.home.sentences import with_sentences
from apps.home.watch import tell_of

VERIFYING = "record:verifying"
MOST_VERIFIED = 200_000  # leaves that one click checks; beyond it the command line or the offline verifier does


@require_safe
@login_required
def record(request: MemberRequest) -> HttpResponse:
    """The record, newest first, as far as this auditor sees; the looking is recorded too."""
    _demand(request, RECORD_VIEWED)
    filters = EventFilters(request.GET or None, member=request.user)
    columns = [Column("When", "id"), Column("What happened"), Column("Outcome"), Column("By"), Column("From")]
    page = listing(_filtered(request.user, filters), request.GET, columns=columns, order="-id", filters=filters)
    page.rows = with_sentences(page.rows)
    record_read(RECORD_VIEWED, by=request.user, target=request.user.center, events=len(page.rows))
    seen = state()
    context = {
        "listing": page,
        "state": seen,
        "troubles": seen.troubles(timezone.now()),
        "about": _about(filters, page),
    }
    return render(request, "home/record.html", context)


@require_safe
@login_required
def event(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One event: its sentence, its exact text, and the proof that it lies under the signed head."""
    found = _event_or_404(request, pk, EVENT_VIEWED)
    record_read(EVENT_VIEWED, by=request.user, target=request.user.center, event_id=str(pk))
    try:
        proof, missing = proof_of(found), False
    except tiles_unreadable():
        proof, missing = None, True
    context = {"event": with_sentences([found])[0], "proof": proof, "missing": missing}
    return render(request, "home/event.html", context)


@require_safe
@login_required
def event_bundle(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One event with its proof as a file, which verifier/caia_verify.py checks without the portal."""
    found = _event_or_404(request, pk, EVENT_EXPORTED)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "event.jsonl"
        try:
            export_events(path, [pk], packed=False, tiles=published_tiles)
        except NotThere as error:
            raise WrongState("The notary has not signed this event yet. Try again in a few seconds.") from error
        except tiles_unreadable() as error:
            raise WrongState("The record's tiles can't be read now. Ask whoever runs it for an export.") from error
        record_read(EVENT_EXPORTED, by=request.user, target=request.user.center, event_id=str(pk))
        response = HttpResponse(path.read_bytes(), content_type="application/jsonl")
    response["Content-Disposition"] = f'attachment; filename="event-{found.idx}.jsonl"'
    return response


@require_POST
@login_required
def record_verify(request: MemberRequest) -> HttpResponse:
    """Check leaves, roots, signatures, cosignatures and, where it is the whole, governed rows; itself an event.

    What is wrong names rows of every center, so only the event of an alliance's auditor says it; a center's auditor
    learns that something is, and those in charge are told.
    """
    is_whole = alliance.audits_everything(request.user)
    about = alliance.the_alliance() if is_whole else request.user.center
    demand_read(RECORD_VERIFIED, may_see_record(request.user), by=request.user, target=about)
    if not cache.add(VERIFYING, True, timeout=120):  # each takes a process for seconds
        raise WrongState("The record is being verified now. Try again in a minute.")
    try:
        began = monotonic()
        start = max(state().size - MOST_VERIFIED, 0)
        report = verify(start=start, tiles=tiles_at_hand())
    finally:
        cache.delete(VERIFYING)
    found = record_read(
        RECORD_VERIFIED,
        by=request.user,
        target=about,
        start=report.start,
        entries=report.entries,
        checkpoints=report.checkpoints,
        rows=report.rows,
        rows_checked=report.rows_checked,
        holds=report.holds,
        first_bad=report.first_bad,
        findings=len(report.wrong),
        wrong=report.wrong if is_whole else [],
        milliseconds=round((monotonic() - began) * 1000),
    )
    tell_of(report)
    return redirect("home:record_verified", pk=found)


@require_safe
@login_required
def record_verified(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What somebody's verification found, in plain words."""
    found = with_sentences([_event_or_404(request, pk, EVENT_VIEWED)])[0]
    if (found.event, found.outcome) != (RECORD_VERIFIED, Outcome.SUCCESS):
        raise Http404
    record_read(EVENT_VIEWED, by=request.user, target=request.user.center, event_id=str(pk))
    return render(request, "home/record_verified.html", {"event": found, "report": found.details})


def _demand(request: MemberRequest, name: str) -> None:
    demand_read(name, may_see_record(request.user), by=request.user, target=request.user.center)


def _event_or_404(request: MemberRequest, pk: UUID, name: str) -> Event:
    """This auditor's event for the read of this name; were an id there twice, the one that was put in order first."""
    _demand(request, name)
    found = alliance.visible_events(request.user).filter(pk=pk).order_by("idx").first()
    if found is None:
        raise Http404
    return found


def _about(filters: EventFilters, page: Any) -> str:
    """The one object that the list is narrowed to, in words."""
    ref = str(filters.cleaned_data.get("about") or "") if filters.is_bound and filters.is_valid() else ""
    return next((row.target_words for row in page.rows if row.target_ref == ref and row.target_words), ref)


def _filtered(member: Member, filters: EventFilters) -> QuerySet[Event]:
    events = alliance.visible_events(member)
    asked: dict[str, Any] = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    if asked.get("person"):
        people = alliance.matching(alliance.visible_members(member), asked["person"])[:20]
        refs = [str(person.pk) for person in people]
        events = events.filter(Q(actor_ref__in=refs) | Q(target_ref__in=refs))
    if asked.get("about"):
        events = events.filter(target_ref=str(asked["about"]))
    if asked.get("event"):
        events = events.filter(event=asked["event"])
    if asked.get("center"):
        events = events.filter(center_ref=str(asked["center"].pk))
    if asked.get("outcome"):
        events = events.filter(outcome=asked["outcome"])
    if asked.get("since"):
        events = events.filter(id__gte=first_at(datetime.combine(asked["since"], time.min, tzinfo=UTC)))
    if asked.get("until"):
        events = events.filter(id__lte=last_at(datetime.combine(asked["until"], time.max, tzinfo=UTC)))
    return events
