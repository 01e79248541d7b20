"""A steward who is away: who stands in, what that changes for those who wait, and that it gives nobody a right."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Notice
from apps.projects.models import AccessRequest, StandIn
from apps.projects.services import decisions, proposals
from apps.projects.services.stand_ins import end_stand_in, name_stand_in
from apps.projects.stand_ins import standing_in, state_of, visible_stand_ins
from tests.factories import CenterFactory, MemberFactory, alliance, arranged, holder
from tests.factories_catalog import steward_of
from tests.projects.world import again, approve, in_days, make_world, proposed, published, second_steward
from tests.rivals import judged


@pytest.fixture(autouse=True)
def noon(request):
    """Days are what counts here, so that they do not change while a test runs; rivals need PostgreSQL's own clock."""
    if "rivals" in request.fixturenames:
        yield None
        return
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    with time_machine.travel(noon, tick=False) as clock:
        yield clock


@pytest.fixture
def asking(db):
    """A proposal that waits for its owner, whose steward has taken it."""
    world = make_world(quorum=2)
    decisions.take(world.request, by=world.steward)
    return world


@pytest.fixture
def deputy(asking):
    return second_steward(asking.owner)


def named(asking, deputy, *, by=None, since=0, until=10, **more):
    return name_stand_in(
        asking.steward, by=by or asking.steward, stand_in=deputy, starts_on=in_days(since), ends_on=in_days(until),
        **more,
    )  # fmt: skip


def waiting(asking):
    return AccessRequest.objects.select_related("version__dataset").get(pk=asking.request.pk)


def stands_in(asking):
    """Who looks after the request of the world now."""
    found = standing_in([waiting(asking)]).get(asking.request.pk)
    return found and found.stand_in


def suspended(member):
    with arranged():
        type(member).objects.filter(pk=member.pk).update(status="suspended")
    return member


def words_of(response):
    return " ".join(response.content.decode().split())


# ── naming and ending ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_steward_names_another_and_both_sides_can_read_it(asking, deputy):
    made = named(asking, deputy, reason="On leave.")

    assert stands_in(asking) == deputy
    assert set(visible_stand_ins(deputy)) == set(visible_stand_ins(asking.steward)) == {made}
    told = Notice.objects.get(to=deputy, key=f"stand-in:{made.pk}")
    assert "holds 1 request that you can take over" in told.text
    assert not Notice.objects.filter(to=asking.steward, key=f"stand-in:{made.pk}").exists()
    event = Event.objects.get(event="projects.stand_in.named")
    assert (event.details["away"], event.details["stand_in"]) == (str(asking.steward.pk), str(deputy.pk))


def test_a_manager_of_the_center_names_one_for_a_steward_and_both_are_told(asking, deputy):
    made = named(asking, deputy, by=holder(Role.CENTER_MANAGER, asking.owner))

    assert set(Notice.objects.filter(key=f"stand-in:{made.pk}").values_list("to", flat=True)) == {
        asking.steward.pk,
        deputy.pk,
    }


@pytest.mark.parametrize(
    "who",
    [
        lambda asking, deputy: deputy,
        lambda asking, deputy: asking.lead,
        lambda asking, deputy: holder(Role.CENTER_MANAGER, asking.home),
        lambda asking, deputy: holder(Role.ALLIANCE_MANAGER, alliance()),
    ],
    ids=["another steward", "the lead", "another center's manager", "an alliance manager"],
)
def test_nobody_else_names_or_ends_one(asking, deputy, who):
    actor = who(asking, deputy)
    with pytest.raises(NotAllowed, match="names who stands in"):
        named(asking, deputy, by=actor)
    made = named(asking, second_steward(asking.owner))
    with pytest.raises(NotAllowed, match="can end it"):
        end_stand_in(made, by=actor)

    assert again(made).ended_at is None


def test_who_stewards_nothing_has_no_stand_in(asking, deputy):
    person = MemberFactory(center=asking.owner)
    with pytest.raises(NotAllowed, match="stewards no data"):
        name_stand_in(person, by=person, stand_in=deputy, starts_on=in_days(0), ends_on=in_days(1))


@pytest.mark.parametrize(
    "who",
    [
        lambda asking: MemberFactory(center=asking.owner),
        lambda asking: holder(Role.DATA_STEWARD, CenterFactory()),
        lambda asking: holder(Role.AUDITOR, asking.owner),
        lambda asking: suspended(second_steward(asking.owner)),
    ],
    ids=["no steward", "of another center", "an auditor", "suspended"],
)
def test_a_stand_in_stewards_the_same_data_already(asking, who):
    with pytest.raises(Invalid, match="is no steward of the data"):
        named(asking, who(asking))

    assert not StandIn.objects.exists()


def test_nobody_stands_in_for_themselves(asking):
    with pytest.raises(Invalid, match="Nobody stands in for themselves"):
        named(asking, asking.steward)


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [(-1, 3, "today or a later day"), (5, 4, "comes before the first"), (0, 400, "at most a year")],
)
def test_days_that_make_no_sense_are_refused_in_words(asking, deputy, since, until, words):
    with pytest.raises(Invalid, match=words):
        named(asking, deputy, since=since, until=until)


def test_one_steward_has_one_stand_in_on_a_day(asking, deputy):
    made = named(asking, deputy, until=10)
    other = second_steward(asking.owner)
    with pytest.raises(Invalid, match="stands in on some of these days"):
        named(asking, other, since=10, until=12)

    named(asking, other, since=11, until=12)
    end_stand_in(again(made), by=deputy)
    named(asking, other, since=0, until=10)


def test_it_is_ended_once_and_the_others_are_told(asking, deputy):
    made = named(asking, deputy)
    end_stand_in(made, by=asking.steward)

    assert stands_in(asking) is None
    assert Notice.objects.filter(to=deputy, key=f"stand-in-ended:{made.pk}").exists()
    with pytest.raises(WrongState, match="ended already"):
        end_stand_in(again(made), by=deputy)


# ── while it lasts ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_counts_from_its_first_day_to_its_last(asking, deputy, noon):
    made = named(asking, deputy, since=2, until=4)
    seen = []
    for _ in range(6):
        seen.append((state_of(made), stands_in(asking) == deputy))
        noon.shift(timedelta(days=1))

    assert seen == [("coming", False)] * 2 + [("in_force", True)] * 3 + [("over", False)]
    with pytest.raises(WrongState, match="ended already"):
        end_stand_in(made, by=deputy)


def test_it_concerns_only_what_the_absent_one_took(asking, deputy):
    named(asking, deputy)
    decisions.let_go(asking.request, by=asking.steward)

    assert stands_in(asking) is None


def test_who_stewards_that_data_no_more_stands_in_no_more(asking):
    single = steward_of(asking.dataset)
    named(asking, single)
    assert stands_in(asking) == single

    with arranged():
        asking.dataset.stewards.update(ended_at=timezone.now(), ended_by=asking.manager)

    assert stands_in(asking) is None


def test_a_steward_of_one_dataset_stands_in_for_that_one_alone(asking):
    single = steward_of(published(asking.owner, asking.steward, slug="other").dataset)
    named(asking, single)

    assert stands_in(asking) is None


def test_nobody_stands_in_on_a_project_of_their_own_team(asking, deputy):
    named(asking, deputy)
    with arranged():
        asking.project.team.create(member=deputy, added_by=asking.lead)

    assert stands_in(asking) is None
    with pytest.raises(NotAllowed, match="project of their own team"):
        decisions.take(asking.request, by=deputy)


def test_it_gives_no_right(asking, deputy):
    """Whoever stands in and loses the role decides nothing, whatever the row says."""
    named(asking, deputy)
    with arranged():
        deputy.all_grants.update(ended_at=timezone.now(), ended_by=asking.manager, end_reason="Left.")

    with pytest.raises(NotAllowed, match="Only a data steward"):
        approve(asking.request, by=type(deputy).objects.get(pk=deputy.pk), ends_on=in_days(30))


def test_what_concerns_the_request_is_told_to_the_stand_in_as_well(asking, deputy):
    named(asking, deputy)

    said = proposals.remark(asking.project, by=asking.lead, text="Here are the years.")

    told = set(Notice.objects.filter(key=f"remark:{said.pk}").values_list("to", flat=True))
    assert {asking.steward.pk, deputy.pk} <= told


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_queue_says_who_is_away_and_the_stand_in_takes_over_in_one_step(asking, deputy, browse):
    named(asking, deputy)
    queue = reverse("access:requests")
    last = f"{in_days(10):%-d %b %Y}"

    page = words_of(browse(deputy).get(queue))
    assert f"{asking.steward}, away until {last}" in page
    assert f"stand-in {deputy}" in page
    assert "Take it over" in page
    assert "Take it over" not in words_of(browse(second_steward(asking.owner)).get(queue))
    taken = browse(deputy).post(reverse("access:request_take", args=[asking.request.pk]), {"next": queue})

    assert taken["Location"] == queue
    assert again(asking.request).taken_by == deputy
    assert "away until" not in words_of(browse(deputy).get(queue)).split('id="away"')[0]


def test_the_applicant_reads_whose_turn_it_is(asking, deputy, browse):
    made = named(asking, deputy)

    page = words_of(browse(asking.lead).get(reverse("projects:project", args=[asking.project.pk])))

    assert f"{deputy} of Owner, who stands in for {asking.steward} until {made.until}" in page


def test_the_request_says_so_too(asking, deputy, browse):
    named(asking, deputy)

    page = words_of(browse(deputy).get(reverse("access:request", args=[asking.request.pk])))

    assert f"{deputy} stands in." in page
    assert f"Take it over from {asking.steward}" in page


def test_naming_and_ending_by_page(asking, deputy, browse):
    steward = browse(asking.steward)
    typed = {"away": asking.steward.pk, "stand_in": deputy.pk, "starts_on": in_days(0), "ends_on": in_days(5)}

    wrong = steward.post(reverse("access:stand_in_name"), typed | {"ends_on": in_days(-1)})
    assert (wrong.status_code, StandIn.objects.count()) == (422, 0)
    steward.post(reverse("access:stand_in_name"), typed)
    made = StandIn.objects.get()
    assert "Stands in now" in words_of(steward.get(reverse("access:stand_ins")))
    steward.post(reverse("access:stand_in_end", args=[made.pk]))

    assert again(made).ended_by == asking.steward
    assert "Ended before" in words_of(steward.get(reverse("access:stand_ins")))


def test_a_manager_is_offered_the_centers_stewards_and_nobody_else(asking, deputy, browse):
    form = browse(holder(Role.CENTER_MANAGER, asking.owner)).get(reverse("access:stand_in_name")).context["form"]

    assert set(form["away"].field.queryset) == {asking.steward, deputy}


def test_who_stewards_nothing_is_refused_and_sees_none(asking, deputy, browse):
    made = named(asking, deputy)
    lead = browse(asking.lead)

    assert lead.get(reverse("access:stand_in_name")).status_code == 403
    assert "Nobody was away" in words_of(lead.get(reverse("access:stand_ins")))
    assert lead.post(reverse("access:stand_in_end", args=[made.pk])).status_code == 404


def test_the_queue_costs_no_more_with_more_stewards_who_are_away(asking, deputy, browse):
    named(asking, deputy)
    page = browse(deputy)
    page.get(reverse("access:requests"))

    def cost():
        with CaptureQueriesContext(connection) as queries:
            page.get(reverse("access:requests"))
        return len(queries)

    before = cost()
    for _ in range(3):
        other = second_steward(asking.owner)
        decisions.take(proposed(asking.colleague, asking.version).requests.get(), by=other)
        name_stand_in(other, by=other, stand_in=deputy, starts_on=in_days(0), ends_on=in_days(3))
    assert cost() == before


# ── the database ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_stood_in_for_whom_is_never_rewritten_or_erased(asking, deputy):
    end_stand_in(named(asking, deputy), by=deputy)

    for sql in ("set ended_at = null, ended_by_id = null", "set ends_on = ends_on + 1", "set reason = 'x'"):
        with pytest.raises(IntegrityError, match="stays as it was"):
            _done(f"update projects_standin {sql}")
    with pytest.raises(ProgrammingError, match="permission denied"):
        _done("delete from projects_standin")


@pytest.mark.parametrize(
    "other",
    [
        lambda made, asking: {"stand_in": made.stand_in, "starts_on": made.ends_on, "ends_on": made.ends_on},
        lambda made, asking: {"stand_in": asking.lead, "starts_on": in_days(30), "ends_on": in_days(31)},
    ],
    ids=["two on one day", "of another center"],
)
def test_the_database_refuses_what_no_command_would_write(asking, deputy, other):
    made = named(asking, deputy)

    with pytest.raises(IntegrityError, match="one steward has one stand-in"), arranged(), transaction.atomic():
        StandIn.objects.create(center=asking.owner, away=asking.steward, named_by=deputy, **other(made, asking))


def _done(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [6, pytest.param(300, marks=pytest.mark.long)])
def test_of_two_who_name_one_at_the_same_moment_one_does(transactional_db, rivals, rounds):
    world = make_world(quorum=2)
    manager = holder(Role.CENTER_MANAGER, world.owner)
    first, second = second_steward(world.owner), second_steward(world.owner)
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(
            lambda: named(world, first, since=1),
            lambda: named(world, second, by=manager, since=1),
        )

        assert judged(outcomes, since) == 1
        end_stand_in(StandIn.objects.get(ended_at=None), by=manager)
