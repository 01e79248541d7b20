"""The stewards' queue and decisions, the auditors' look into the past, and what the public reads."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.alliance.roles import Role
from apps.catalog.models import DatasetVersion
from apps.projects.models import AccessRequest, Remark
from apps.projects.selectors import usual_days
from apps.projects.services import decisions, proposals
from tests.factories import CenterFactory, MemberFactory, arranged, holder
from tests.projects.world import approve, in_days, make_world, proposed, published, second_steward

R = AccessRequest.Status


@pytest.fixture
def asking(db):
    """A proposal that waits for its owner."""
    return make_world(quorum=2)


def at(name, request):
    return reverse(f"access:{name}", args=[request.pk])


def again(row):
    return type(row)._base_manager.get(pk=row.pk)


def words_of(response):
    return " ".join(response.content.decode().split())


# ── the queue ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_queue_has_what_waits_for_my_centers_data_oldest_first(asking, browse):
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        later = proposed(asking.colleague, asking.version)
        page = browse(asking.steward).get(reverse("access:requests"))

    rows = page.context["listing"].rows
    assert [row.project for row in rows] == [asking.project, later]
    assert "for 2 days" in words_of(page)


def test_another_centers_steward_sees_nothing_of_it(asking, browse):
    elsewhere = CenterFactory()
    stranger = browse(holder(Role.DATA_STEWARD, elsewhere))

    assert stranger.get(reverse("access:requests")).context["listing"].rows == []
    assert stranger.get(at("request", asking.request)).status_code == 404
    assert stranger.post(at("request_take", asking.request)).status_code == 404


def test_what_is_being_written_is_in_nobodys_queue(asking, browse):
    draft = proposed(asking.lead, asking.version, submit=False)

    rows = browse(asking.steward).get(reverse("access:requests")).context["listing"].rows

    assert draft not in [row.project for row in rows]
    assert browse(asking.steward).get(at("request", draft.requests.get())).status_code == 404


def test_the_filters_narrow_it(asking, browse):
    steward = browse(asking.steward)
    decisions.take(asking.request, by=asking.steward)

    def shown(**query):
        return len(steward.get(reverse("access:requests"), query).context["listing"].rows)

    assert (shown(words="survival"), shown(words="nothing like it")) == (1, 0)
    assert (shown(who="me"), shown(who="nobody")) == (1, 0)
    assert (shown(state="approved"), shown(state="")) == (0, 1)


def test_the_queue_costs_no_more_with_more_rows(asking, browse):
    steward = browse(asking.steward)
    steward.get(reverse("access:requests"))

    def cost():
        with CaptureQueriesContext(connection) as queries:
            steward.get(reverse("access:requests"))
        return len(queries)

    before = cost()
    for _ in range(4):
        proposed(asking.lead, asking.version)
    assert cost() == before


@pytest.mark.parametrize(("days", "is_late"), [(2, False), (4, True)])
def test_what_waits_longer_than_the_centers_median_says_so(asking, browse, days, is_late):
    made = proposed(asking.lead, asking.version).requests.get()
    decisions.refuse(made, by=asking.steward, reason="No.")
    made.refresh_from_db()
    now = timezone.now()
    with arranged():
        AccessRequest.objects.filter(pk=made.pk).update(waits_since=made.decided_at - timedelta(days=3))
        AccessRequest.objects.filter(pk=asking.request.pk).update(waits_since=now - timedelta(days=days))

    assert ("Longer than usual" in words_of(browse(asking.steward).get(reverse("access:requests")))) == is_late


def test_the_usual_time_is_the_median_of_what_the_center_decided(world):
    assert usual_days([world.home.pk]) == {}
    made = again(world.request)
    with arranged():
        AccessRequest.objects.filter(pk=made.pk).update(waits_since=made.decided_at - timedelta(days=3))

    assert usual_days([world.owner.pk])[world.owner.pk] == pytest.approx(3)


def test_home_says_how_many_wait_and_counts_none_that_is_not_theirs_to_decide(asking, browse):
    proposed(asking.lead, asking.version)
    assert "Decide on 2 requests" in words_of(browse(asking.steward).get("/"))

    approve(asking.request, by=asking.steward, ends_on=in_days(30))

    assert "Decide on 1 request" in words_of(browse(asking.steward).get("/"))
    assert "Decide on 2 requests" in words_of(browse(second_steward(asking.owner)).get("/"))


# ── one request ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_page_says_what_a_yes_would_open_and_what_would_still_be_missing(asking, browse):
    page = browse(asking.steward).get(at("request", asking.request))

    (opened,) = page.context["weighed"].opened
    assert {line.key for line in opened.decision.missing} == {"project"}, "the lead begins it after the decisions"
    assert "Not yet: 1 of 13 still missing" in words_of(page)
    assert again(asking.request).status == R.WAITING, "nothing was approved by looking"


def test_a_clashing_term_is_named(browse, db):
    asking = make_world(terms=[{"code": "DUO:0000042"}, {"code": "DUO:0000020"}], quorum=2)

    page = browse(asking.steward).get(at("request", asking.request))

    ((_, clauses),) = page.context["weighed"].clauses
    assert {clause.code: clause.met for clause in clauses} == {"DUO:0000042": True, "DUO:0000020": False}
    assert "collaboration required" in words_of(page)


def test_beside_an_approved_version_the_one_that_is_asked_for_is_weighed(world, browse):
    stricter = [{"code": "DUO:0000042"}, {"code": "DUO:0000020"}]
    with arranged():
        newer = DatasetVersion.objects.create(dataset=world.dataset, number=2, licence="CC0-1.0", terms=stricter)
        DatasetVersion.objects.filter(pk=newer.pk).update(
            status="published", published_at=timezone.now(), published_by=world.steward
        )
        asked = AccessRequest.objects.create(
            project=world.project, version=newer, status="waiting", waits_since=timezone.now(),
            edition=world.request.edition, quorum=1,
        )  # fmt: skip

    weighed = browse(world.steward).get(at("request", asked)).context["weighed"]

    assert [clause.met for clause in weighed.clauses[0][1]] == [True, False]
    assert {line.key for line in weighed.opened[0].decision.missing} == {"purpose", "terms"}


def test_the_page_costs_no_more_with_a_larger_team(asking, browse):
    steward = browse(asking.steward)
    steward.get(at("request", asking.request))

    def cost():
        with CaptureQueriesContext(connection) as queries:
            steward.get(at("request", asking.request))
        return len(queries)

    before = cost()
    with arranged():
        for person in MemberFactory.create_batch(3):
            asking.project.team.create(member=person, added_by=asking.lead)
    assert cost() == before


def test_other_owners_states_are_shown_but_not_their_reasons(asking, browse):
    elsewhere = CenterFactory()
    other = published(elsewhere, holder(Role.DATA_STEWARD, elsewhere))
    project = proposed(asking.lead, asking.version, submit=False)
    proposals.ask_for(project, by=asking.lead, version=other, reason="To compare.")
    proposals.submit(project, by=asking.lead)
    ours, theirs = (project.requests.get(version=one) for one in (asking.version, other))
    decisions.refuse(theirs, by=holder(Role.DATA_STEWARD, elsewhere), reason="A secret of their board.")

    words = words_of(browse(asking.steward).get(at("request", ours)))
    project_page = reverse("projects:project", args=[project.pk])

    assert "A secret of their board" not in words_of(browse(asking.steward).get(project_page))
    assert "A secret of their board" in words_of(browse(asking.lead).get(project_page))
    assert other.dataset.title in words
    assert "Refused" in words
    assert "A secret of their board" not in words
    assert "To compare." not in words


def test_taking_and_letting_go(asking, browse):
    steward = browse(asking.steward)

    steward.post(at("request_take", asking.request))
    assert again(asking.request).taken_by == asking.steward
    assert "Leave it to the others" in words_of(steward.get(at("request", asking.request)))
    steward.post(at("request_let_go", asking.request))

    assert again(asking.request).taken_by is None


def test_approving_with_a_day_and_conditions(asking, browse):
    first, second = browse(asking.steward), browse(second_steward(asking.owner))

    first.post(at("request_approve", asking.request), {"edition": 1, "ends_on": in_days(90), "conditions": "Cite us."})
    assert again(asking.request).status == R.WAITING
    page = first.get(at("request", asking.request))
    assert "You have decided. Another steward" in words_of(page)
    second.post(at("request_approve", asking.request), {"edition": 1, "ends_on": in_days(60), "conditions": ""})

    request = again(asking.request)
    assert (request.status, request.ends_on, request.conditions) == (R.APPROVED, in_days(60), "Cite us.")


def test_a_yes_to_a_text_that_was_sent_anew_meanwhile_is_none(asking, browse):
    steward = browse(asking.steward)
    read = f"{at('request_approve', asking.request)}?edition=1"
    assert f'href="{read}"' in steward.get(at("request", asking.request)).content.decode()
    decisions.return_to_lead(asking.project, by=second_steward(asking.owner), reason="Say more.")
    proposals.write(again(asking.project), by=asking.lead, methods="Others.")
    proposals.submit(again(asking.project), by=asking.lead)
    number = steward.get(read).context["form"]["edition"].value()

    page = steward.post(read, {"edition": number, "ends_on": in_days(90), "conditions": ""})

    assert (page.status_code, asking.request.votes.count()) == (409, 0)


def test_nor_is_a_no_that_was_meant_for_the_text_before(asking, browse):
    steward = browse(asking.steward)
    refused = f"{at('request_refuse', asking.request)}?edition=1"
    assert f'action="{refused}"' in steward.get(at("request", asking.request)).content.decode()
    decisions.return_to_lead(asking.project, by=second_steward(asking.owner), reason="Say more.")
    proposals.submit(again(asking.project), by=asking.lead)

    steward.post(refused, {"reason": "Not like this."})
    assert again(asking.request).status == R.WAITING

    steward.post(refused.replace("=1", "=2"), {"reason": "Not like this."})
    assert again(asking.request).status == R.REFUSED


def test_a_day_after_the_projects_last_comes_back_on_the_form(asking, browse):
    page = browse(asking.steward).post(at("request_approve", asking.request), {"edition": 1, "ends_on": in_days(999)})

    assert page.status_code == 422
    assert "project" in page.context["form"].errors["ends_on"][0]


def test_approving_asks_for_a_fresh_factor_before_anything_is_typed(asking, browse):
    page = browse(asking.steward, proof_age=3600).get(at("request_approve", asking.request))

    assert page.status_code == 302
    assert page["Location"].startswith("/prove/")


def test_somebody_of_the_team_is_told_why_they_cannot_decide(asking, browse):
    insider = second_steward(asking.owner)
    with arranged():
        asking.project.team.create(member=insider, added_by=asking.lead)

    page = browse(insider).get(at("request", asking.request))

    assert "Nobody decides on a project of their own team" in words_of(page)
    assert browse(insider).post(at("request_refuse", asking.request), {"reason": "No."}).status_code == 403


def test_a_refusal_needs_a_reason_and_is_final(asking, browse):
    steward = browse(asking.steward)

    steward.post(at("request_refuse", asking.request), {"reason": " "})
    assert again(asking.request).status == R.WAITING
    steward.post(at("request_refuse", asking.request), {"reason": "Consent does not cover it."})

    assert (again(asking.request).status, again(asking.project).status) == (R.REFUSED, "decided")


def test_giving_a_proposal_back_leads_to_the_queue(asking, browse):
    steward = browse(asking.steward)

    assert steward.post(at("request_return", asking.request), {})["Location"] == at("request", asking.request)
    page = steward.post(at("request_return", asking.request), {"reason": "Which years?"})

    assert page["Location"] == reverse("access:requests")
    assert (again(asking.project).status, again(asking.project).reason) == ("returned", "Which years?")


def test_revoking_an_approval(world, browse):
    browse(world.steward).post(at("request_revoke", world.request), {"reason": "Consent was withdrawn."})

    assert again(world.request).status == R.REVOKED


def test_asking_the_team(asking, browse):
    steward = browse(asking.steward)

    steward.post(at("request_ask", asking.request), {"text": " "})
    assert not Remark.objects.exists()
    steward.post(at("request_ask", asking.request), {"text": "Why all years?"})

    assert Remark.objects.get().request == asking.request
    assert "Why all years?" in words_of(steward.get(at("request", asking.request)))
