"""Home shows just what waits, for each role; search and notices show just what one may see."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Center, Invitation
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.core.errors import NotAllowed
from apps.core.models import Message, Notice
from apps.core.notices import tell
from tests.factories import (
    CenterFactory,
    InvitationFactory,
    MemberFactory,
    TrainingRecordFactory,
    TrainingTypeFactory,
    alliance,
    give,
    holder,
)
from tests.recorded import happened

pytestmark = pytest.mark.django_db
NOW = timezone.now


def in_days(days):
    return NOW().date() + timedelta(days=days)


def home_of(browse, member):
    page = browse(member).get("/")
    assert page.status_code == 200
    return page.context["home"]


def turns(home):
    return [(row.what, row.for_whom) for row in home.your_turn]


def taken(member, course, *, days):
    """An accepted training, valid for so many days more."""
    by = MemberFactory(center=member.center)
    return TrainingRecordFactory(
        member=member, type=course, status="accepted", decided_by=by, decided_at=NOW(), valid_until=in_days(days)
    )


# ── what waits: everybody ───────────────────────────────────────────────────────────────────────────────────────────
def test_with_nothing_to_do_home_says_so(browse):
    page = browse(MemberFactory()).get("/")

    home = page.context["home"]
    assert (home.your_turn, home.waiting, home.ending) == ([], [], [])
    assert "Nothing waits for you" in page.content.decode()


def test_a_training_that_is_missing_is_ones_own_turn(browse):
    course = TrainingTypeFactory(name="Data security", required_of_all=True)
    TrainingTypeFactory(name="For checkers", required_for=[Role.OUTPUT_CHECKER.value])

    home = home_of(browse, MemberFactory())

    assert turns(home) == [("Take and prove Data security", "everybody here needs it")]
    assert home.your_turn[0].url == reverse("alliance:training_submit", args=[course.pk])


def test_a_training_for_ones_role_is_ones_own_turn(browse):
    TrainingTypeFactory(name="For checkers", required_for=[Role.OUTPUT_CHECKER.value])

    assert turns(home_of(browse, holder(Role.OUTPUT_CHECKER))) == [
        ("Take and prove For checkers", "your role needs it")
    ]


def test_a_training_that_lapsed_is_to_be_renewed(browse):
    member, course = MemberFactory(), TrainingTypeFactory(name="Data security", required_of_all=True)
    taken(member, course, days=-1)

    home = home_of(browse, member)

    assert turns(home) == [("Renew Data security", "lapsed")]
    assert home.your_turn[0].since.date() == in_days(-1)


def test_a_proof_that_was_sent_waits_for_the_managers(browse):
    member, course = MemberFactory(), TrainingTypeFactory(name="Data security", required_of_all=True)
    TrainingRecordFactory(member=member, type=course)

    home = home_of(browse, member)

    assert home.your_turn == []
    (row,) = home.waiting
    assert (row.what, row.whose) == ("Your proof of Data security", f"a center manager of {member.center}")


def test_home_says_how_long_a_decision_usually_takes(browse):
    member, course = MemberFactory(), TrainingTypeFactory(required_of_all=True)
    TrainingRecordFactory(member=member, type=course)
    other = MemberFactory(center=member.center)
    TrainingRecordFactory(
        member=other, status="accepted", submitted_at=NOW() - timedelta(days=3), decided_at=NOW(), decided_by=member
    )

    page = browse(member).get("/").content.decode()

    assert page.count("usually 3 days") == 1
    assert "usually usually" not in page


@pytest.mark.parametrize(("days", "shown"), [(0, True), (59, True), (62, False)])
def test_a_training_that_ends_within_two_months_is_shown(browse, days, shown):
    member, course = MemberFactory(), TrainingTypeFactory(name="Data security", required_of_all=True)
    taken(member, course, days=days)

    home = home_of(browse, member)

    assert ([row.what for row in home.ending] == ["Data security"]) == shown
    assert home.your_turn == []


def test_what_ends_is_shown_soonest_first(browse):
    member = MemberFactory(vouched_until=in_days(20))
    give(member, Role.DATA_STEWARD, ends_at=NOW() + timedelta(days=5))
    taken(member, TrainingTypeFactory(name="Data security", required_of_all=True), days=10)

    home = home_of(browse, member)

    assert [row.what for row in home.ending] == [
        "Your role as data steward",
        "Data security",
        f"{member.center}'s word for you",
    ]


# ── what waits: center managers ─────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_sees_the_proofs_of_own_people(browse, manager):
    mine = TrainingRecordFactory(member__center=manager.center)
    TrainingRecordFactory()
    TrainingRecordFactory(member=manager)

    assert turns(home_of(browse, manager)) == [(f"Proof of {mine.type}", mine.member.name)]


@pytest.mark.parametrize("until", [None, -3, 30])
def test_a_manager_is_asked_to_vouch_in_time(browse, manager, until):
    person = MemberFactory(center=manager.center, vouched_until=until and in_days(until))
    MemberFactory(center=manager.center, vouched_until=in_days(90))
    MemberFactory(vouched_until=None)

    assert turns(home_of(browse, manager)) == [("Vouch for another year", person.name)]


def test_a_manager_is_not_asked_to_vouch_for_themselves(browse):
    assert turns(home_of(browse, holder(Role.CENTER_MANAGER, vouched_until=None))) == []


def test_a_manager_sees_whom_they_wait_for_and_whose_invitation_ran_out(browse, manager):
    open_one = InvitationFactory(member__center=manager.center)
    late = InvitationFactory(member__center=manager.center, ends_at=NOW() - timedelta(days=1))
    InvitationFactory(ends_at=NOW() - timedelta(days=1))
    InvitationFactory()

    home = home_of(browse, manager)

    assert turns(home) == [("Invitation ran out unanswered", late.member.name)]
    assert [row.whose for row in home.waiting] == [open_one.member.name]


def test_an_invitation_that_was_answered_waits_for_nobody(browse, manager):
    member = MemberFactory(center=manager.center)
    Invitation.objects.create(member=member, ends_at=NOW() + timedelta(days=3), accepted_at=NOW())
    Invitation.objects.create(
        member=MemberFactory(center=manager.center, status="left"),
        ends_at=NOW() - timedelta(days=1),
        withdrawn_at=NOW(),
    )

    home = home_of(browse, manager)

    assert (home.your_turn, home.waiting) == ([], [])


def test_the_oldest_comes_first(browse, manager):
    young = TrainingRecordFactory(member__center=manager.center, submitted_at=NOW() - timedelta(days=1))
    old = TrainingRecordFactory(member__center=manager.center, submitted_at=NOW() - timedelta(days=9))
    InvitationFactory(member__center=manager.center, ends_at=NOW() - timedelta(days=5))

    whats = [what for what, _ in turns(home_of(browse, manager))]

    assert whats == [f"Proof of {old.type}", "Invitation ran out unanswered", f"Proof of {young.type}"]


def test_a_colleague_sees_nothing_of_the_managers_work(browse, manager):
    TrainingRecordFactory(member__center=manager.center)
    MemberFactory(center=manager.center, vouched_until=None)

    assert turns(home_of(browse, MemberFactory(center=manager.center))) == []


# ── what waits: the alliance's roles ────────────────────────────────────────────────────────────────────────────────
def test_the_people_of_an_applicant_see_with_whom_its_application_is(browse):
    applicant = CenterFactory(status=Center.Status.APPLICANT)

    home = home_of(browse, MemberFactory(center=applicant))

    assert [(row.what, row.whose) for row in home.waiting] == [
        (f"{applicant}'s application to the alliance", "the alliance's managers")
    ]


def test_a_suspended_center_waits_for_the_alliances_managers(browse):
    suspended = CenterFactory(status=Center.Status.SUSPENDED)

    home = home_of(browse, holder(Role.ALLIANCE_MANAGER, alliance()))

    assert turns(home) == [("Suspended by the alliance", str(suspended))]


def test_an_alliance_manager_decides_on_applicants_but_not_on_their_own(browse):
    applicant, own = (CenterFactory(status=Center.Status.APPLICANT) for _ in range(2))
    runner = holder(Role.ALLIANCE_MANAGER, alliance(), center=own)

    home = home_of(browse, runner)

    assert turns(home) == [("Application to the alliance", str(applicant))]


def test_an_alliance_manager_waits_for_centers_without_manager(browse):
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    give(MemberFactory(center=runner.center), Role.CENTER_MANAGER)
    lonely = CenterFactory()

    assert [row.what for row in home_of(browse, runner).waiting] == [f"{lonely} has no center manager"]


def test_an_alliance_manager_hears_of_messages_that_could_not_be_delivered(browse):
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    Message.objects.create(task="core.mail_notice", next_try_at=NOW(), failed_at=NOW(), last_error="It broke.")

    assert ("Messages could not be delivered", "everyone") in turns(home_of(browse, runner))
    assert "core.mail_notice" in browse(runner).get("/platform/").content.decode()


def refuse(by, target):
    with pytest.raises(NotAllowed):
        people.suspend(target, by=by, reason="No.")


def test_an_auditor_sees_how_many_attempts_were_refused_in_their_center(browse):
    auditor = holder(Role.AUDITOR)
    mine, foreign = MemberFactory(center=auditor.center), MemberFactory()
    refuse(mine, auditor)
    refuse(foreign, MemberFactory(center=foreign.center))

    assert turns(home_of(browse, auditor)) == [("1 refused attempt in the last 7 days", "the record")]


def test_the_alliances_auditor_sees_all_refusals_of_the_week(browse):
    auditor = holder(Role.AUDITOR, alliance())
    for _ in range(2):
        person = MemberFactory()
        refuse(person, MemberFactory(center=person.center))
    happened("x.y.z", NOW() - timedelta(days=8), outcome="refused")

    assert turns(home_of(browse, auditor)) == [("2 refused attempts in the last 7 days", "the record")]


# ── the frame ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("role", "on_alliance", "rooms"),
    [
        (None, False, set()),
        (Role.CENTER_MANAGER, False, set()),
        (Role.AUDITOR, False, {"Record"}),
        (Role.AUDITOR, True, {"Record"}),
        (Role.ALLIANCE_MANAGER, True, {"Platform"}),
    ],
)
def test_the_rail_names_the_rooms_that_one_has_business_in(browse, role, on_alliance, rooms):
    member = holder(role, alliance() if on_alliance else None) if role else MemberFactory()

    frame = browse(member).get("/").context["frame"]

    assert {link.label for link in frame.nav} & {"Record", "Platform"} == rooms
    assert [link.label for link in frame.nav if link.current] == ["Home"]


def test_the_frame_says_who_one_is(browse):
    member = holder(Role.DATA_STEWARD, name="Ada Osei")

    me = browse(member).get("/").context["frame"].me

    assert (me.name, me.initials, me.role_words) == ("Ada Osei", "AO", f"Data steward, {member.center}")


def test_notices_are_counted_shown_and_read(browse):
    member, other = MemberFactory(), MemberFactory()
    tell(member, key="a", subject="Something waits", text="Look at it.", path="/training/")
    tell(other, key="a", subject="Not yours", text="Look away.")
    browser = browse(member)

    page = browser.get("/notices/")
    assert page.context["frame"].notices == 1
    assert "Something waits" in page.content.decode()
    assert "Not yours" not in page.content.decode()

    assert browser.post("/notices/read/", follow=True).context["frame"].notices == 0
    assert Notice.objects.get(to=other).read_at is None


def test_the_theme_is_kept_and_nothing_else_is(browse):
    browser = browse()

    browser.post("/theme/", {"theme": "dark", "next": "/sign-in/"})
    assert browser.cookies["theme"].value == "dark"
    browser.post("/theme/", {"theme": "'><script>"})
    assert browser.cookies["theme"].value == "dark"


def test_help_names_the_managers_of_ones_center(browse, manager):
    page = browse(MemberFactory(center=manager.center)).get("/help/")

    assert list(page.context["managers"]) == [manager]


# ── search ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def found(browse, member, words):
    return browse(member).get("/search/", {"q": words}).context["found"]


def test_search_finds_people_of_ones_own_center_only(browse):
    member = MemberFactory(name="Grace Hopper")
    colleague, _ = MemberFactory(center=member.center, name="Grace Liu"), MemberFactory(name="Grace Elsewhere")

    assert found(browse, member, "gra")["people"] == [member, colleague]


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ALLIANCE_MANAGER])
def test_the_alliances_roles_find_people_of_every_center(browse, role):
    person = MemberFactory(name="Grace Elsewhere")

    assert found(browse, holder(role, alliance()), "grace else")["people"] == [person]


@pytest.mark.parametrize(
    ("status", "seen"), [("active", True), ("suspended", True), ("applicant", False), ("left", False)]
)
def test_search_finds_centers_that_belong(browse, status, seen):
    center = CenterFactory(short_name="Northlake", status=status)

    assert (found(browse, MemberFactory(), "north")["centers"] == [center]) == seen


def test_search_finds_trainings(browse):
    course = TrainingTypeFactory(name="Data security")

    assert found(browse, MemberFactory(), "secur")["training"] == [course]


def test_search_shows_at_most_ten_of_each(browse):
    member = MemberFactory(name="Grace")
    MemberFactory.create_batch(14, center=member.center, name="Grace")

    assert len(found(browse, member, "grace")["people"]) == 10


def test_what_was_searched_stands_in_the_box(browse):
    page = browse(MemberFactory()).get("/search/", {"q": "gra<b>ce"})

    assert page.context["frame"].search == "gra<b>ce"
    assert "gra&lt;b&gt;ce" in page.content.decode()
