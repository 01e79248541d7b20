"""What binds is the same for any past moment, however it is asked: by the query, by a slow re-statement, and later."""

import contextlib
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.agreements import selectors
from apps.agreements.models import AgreementVersion, Signature
from apps.agreements.services import drafts, signing
from apps.agreements.tasks import keep_dates
from apps.alliance.roles import Role
from apps.core.errors import PortalError
from tests.factories import CenterFactory, holder
from tests.factories_agreements import dataset, drafted, official, reloaded

BEGAN = datetime(2027, 1, 4, 9, tzinfo=UTC)
ACTS = ("send", "sign ours", "sign theirs", "recall", "amend", "terminate", "clock", "wait", "wait long")


def midnight(day):
    return datetime.combine(day, time.min, tzinfo=UTC)


def slowly(agreement, at):
    """The numbers of the versions that bind at this moment, from signatures, dates and ends, one after the other."""
    found = []
    versions = list(AgreementVersion.objects.filter(agreement=agreement).order_by("number"))
    for version in versions:
        signatures = Signature.objects.filter(version=version, edition=version.edition, signed_at__lte=at)
        if {one.center_id for one in signatures} != {agreement.providing_id, agreement.receiving_id}:
            continue
        both_at = max(one.signed_at for one in signatures)
        if max(both_at, midnight(version.starts_on)) > at or at >= midnight(version.ends_on + timedelta(days=1)):
            continue
        if version.terminated_at and version.terminated_at <= at:
            continue
        found.append(version.number)
    return found[-1:]  # a later one takes the place of the earlier


class History:
    """One agreement through whatever happens to it."""

    def __init__(self):
        self.giver, self.taker = CenterFactory(), CenterFactory()
        self.manager = holder(Role.CENTER_MANAGER, self.giver)
        self.ours, self.theirs = official(self.giver), official(self.taker)
        self.data = dataset(self.giver)
        start = BEGAN.date() + timedelta(days=1)
        first = drafted(self.giver, self.taker, scope=[self.data], starts_on=start, ends_on=start + timedelta(days=20))
        self.agreement = first.agreement

    def act(self, name, days):
        newest = reloaded(self.agreement.versions.order_by("-number").first())
        if name == "send":
            AgreementVersion.objects.filter(pk=newest.pk, status="draft").update(
                starts_on=newest.starts_on + timedelta(days=days), ends_on=newest.ends_on + timedelta(days=2 * days)
            )
            drafts.send(reloaded(newest), by=self.manager)
        elif name.startswith("sign"):
            by = self.ours if name == "sign ours" else self.theirs
            signing.sign(newest, by=by, text_sha256=newest.text_id or "")
        elif name == "recall":
            drafts.recall(newest, by=self.theirs, reason="So.")
        elif name == "amend":
            drafts.amend(self.agreement, by=self.manager)
        elif name == "terminate":
            signing.terminate(newest, by=self.ours, reason="So.")
        elif name == "clock":
            keep_dates()

    def answer(self, at):
        found = selectors.in_force_between(self.giver.pk, self.taker.pk, self.data.pk, at)
        return [found.number] if found else []


@pytest.mark.slow
@pytest.mark.usefixtures("db")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 4)), max_size=25))
def test_any_past_moment_is_answered_the_same_then_slowly_and_later(acts):
    with time_machine.travel(BEGAN, tick=False) as turn:
        history, seen = History(), []
        way = [("send", 0), ("sign ours", 0), ("sign theirs", 0), ("wait", 1)]
        for name, days in way + acts:
            turn.shift(timedelta(seconds=1))
            with contextlib.suppress(PortalError):
                history.act(name, days)
            if name.startswith("wait"):
                turn.shift(timedelta(days=6 if name == "wait long" else days, hours=7))
            turn.shift(timedelta(seconds=1))
            at = datetime.now(UTC)
            seen.append((at, history.answer(at)))
            assert history.answer(at) == slowly(history.agreement, at)
        for at, said in seen:
            assert history.answer(at) == said, "the past was told another way later"
            assert slowly(history.agreement, at) == said
        turn.shift(timedelta(days=90))
        keep_dates()
        for version in AgreementVersion.objects.filter(agreement=history.agreement):
            assert version.standing() == version.status or version.signed_at is None


@pytest.mark.usefixtures("db")
def test_it_is_one_query(django_assert_num_queries):
    history = History()

    with django_assert_num_queries(1):
        history.answer(BEGAN)
