"""The researchers' pages: begin, write, choose data and team, send, see where it stands and who may use what."""

import pytest

from apps.alliance.roles import Role
from apps.audit.selectors import entries
from apps.projects import selectors
from apps.projects.models import Project
from apps.projects.services import decisions, proposals
from apps.projects.services.proposals import missing_parts
from tests.factories import CenterFactory, MemberFactory, alliance, holder
from tests.projects.world import PURPOSE, approve, in_days, proposed, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db):
    return MemberFactory(name="Grace Liu")


@pytest.fixture
def steward(db):
    return holder(Role.DATA_STEWARD, CenterFactory(short_name="Owner"))


@pytest.fixture
def data(steward):
    return published(steward.center, steward)


@pytest.fixture
def draft(lead, data):
    """A complete proposal that nobody was sent yet."""
    return proposed(lead, data, submit=False)


def page(browse, member, address, status=200):
    answer = browse(member).get(address)
    assert answer.status_code == status
    return answer.content.decode()


def path(project, rest=""):
    return f"/projects/{project.pk}/{rest}"


# ── begin ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_proposal_begins_with_its_title_alone(browse, lead):
    answer = browse(lead).post("/projects/propose/", {"title": "Survival after surgery"})

    made = Project.objects.get()
    assert (made.title, made.lead, made.status) == ("Survival after surgery", lead, "draft")
    assert answer.headers["Location"] == path(made, "write/")


def test_a_dataset_leads_to_a_proposal_that_asks_for_it(browse, lead, data):
    browser = browse(lead)
    slug = data.dataset.slug

    assert f"/projects/ask/{slug}/" in browser.get(f"/datasets/{slug}/").content.decode()
    assert f"/projects/propose/?add={slug}" in browser.get(f"/projects/ask/{slug}/").content.decode()
    answer = browser.post(f"/projects/propose/?add={slug}", {"title": "New"})
    assert answer.headers["Location"].endswith(f"/datasets/?add={slug}")
    chosen = browser.get(answer.headers["Location"]).content.decode()

    assert f'value="{slug}"' in chosen
    assert "The dataset that you chose" in chosen


def test_asking_offers_the_proposals_that_one_is_writing_and_no_others(browse, lead, data, steward):
    own = proposals.propose(lead.center, by=lead, title="Mine to write")
    sent = proposed(lead, data)
    text = page(browse, lead, f"/projects/ask/{data.dataset.slug}/")

    assert str(own.pk) in text
    assert str(sent.pk) not in text


# ── write ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_section_is_kept_although_the_proposal_is_not_complete(browse, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")

    browse(lead).post(path(project, "write/"), {"section": "purpose", "kind": "biomedical", "publishes": "yes"})

    project.refresh_from_db()
    said = project.purpose
    assert (said["kind"], said["publishes"], "is_genetic" in said) == ("biomedical", True, False)
    assert any("genetic study" in words for words in missing_parts(project, [], in_days(0)))


def test_what_is_typed_in_each_section_is_shown_again_as_it_was_kept(browse, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")
    browser = browse(lead)
    sent = {
        "purpose": {"kind": "disease", "diseases": "MONDO:0005061", "countries": "us, de", "is_genetic": "no"},
        "methods": {"methods": "Cox models.", "outputs": "Two tables."},
        "ethics": {"ethics_reference": "IRB-7", "ethics_until": in_days(90).isoformat()},
        "risks": {"linkage": "yes", "linkage_words": "Only inside the workspace."},
        "frame": {"ends_on": in_days(200).isoformat(), "gpu_hours": "40"},
    }

    for section, typed in sent.items():
        browser.post(path(project, "write/"), {"section": section, **typed})

    text = browser.get(path(project, "write/")).content.decode()
    project.refresh_from_db()
    assert project.purpose["diseases"] == ["MONDO:0005061"]
    assert project.purpose["countries"] == ["US", "DE"]
    assert project.risks["linkage"] == {"answer": "yes", "words": "Only inside the workspace."}
    for words in ("Cox models.", "Two tables.", "IRB-7", "US, DE", "Only inside the workspace.", 'value="40"'):
        assert words in text


def test_a_section_without_any_change_leaves_no_event(browse, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")

    browse(lead).post(path(project, "write/"), {"section": "summary", "title": "A question"})

    assert not entries().filter(event="projects.project.written").exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"section": "purpose", "diseases": "a strange illness"}, "is no name or code of a tumor in Mondo"),
        ({"section": "purpose", "countries": "Germany"}, "is no country code"),
        ({"section": "summary", "title": ""}, "This field is required"),
    ],
)
def test_what_is_no_answer_comes_back_and_nothing_typed_is_lost(browse, lead, typed, words):
    project = proposals.propose(lead.center, by=lead, title="A question")

    answer = browse(lead).post(path(project, "write/"), typed)

    text = answer.content.decode()
    assert answer.status_code == 422
    assert words in text
    assert typed.get("diseases", "") in text


def test_a_proposal_that_was_sent_is_written_no_more(browse, lead, data):
    project = proposed(lead, data)

    assert browse(lead).get(path(project, "write/")).status_code == 409


def test_only_its_lead_writes_it(browse, lead, draft):
    colleague = MemberFactory(center=lead.center)
    proposals.add_to_team(draft, by=lead, member=colleague)

    page(browse, colleague, path(draft))
    page(browse, colleague, path(draft, "write/"), status=403)


# ── data and team ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_dataset_is_found_added_with_a_reason_and_taken_out(browse, lead, data):
    project = proposals.propose(lead.center, by=lead, title="A question")
    browser = browse(lead)

    assert data.dataset.title in browser.get(path(project, "datasets/?q=data")).content.decode()
    browser.post(path(project, "datasets/"), {"dataset": data.dataset.slug, "reason": "It holds the outcomes."})
    asked = project.requests.get()
    assert (asked.version, asked.reason) == (data, "It holds the outcomes.")

    browser.post(path(project, f"datasets/{asked.pk}/reason/"), {"reason": "Its follow-up is long."})
    asked.refresh_from_db()
    assert asked.reason == "Its follow-up is long."

    browser.post(path(project, f"datasets/{asked.pk}/drop/"))
    asked.refresh_from_db()
    assert asked.status == "dropped"


def test_somebody_of_another_center_is_added_by_search_and_removed(browse, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")
    other = MemberFactory(name="Rosa Jimenez", center=CenterFactory(short_name="Elsewhere"))
    browser = browse(lead)

    assert "Rosa Jimenez" in browser.get(path(project, "team/?q=rosa")).content.decode()
    assert "Rosa Jimenez" not in browser.get(path(project, "team/")).content.decode()
    browser.post(path(project, "team/"), {"member": str(other.pk)})
    assert project.team.filter(member=other, until=None).exists()
    browser.post(path(project, f"team/{other.pk}/remove/"))

    assert not project.team.filter(member=other, until=None).exists()


def test_people_who_are_suspended_are_not_offered(lead):
    project = proposals.propose(lead.center, by=lead, title="A question")
    MemberFactory(name="Samir Patel", status="suspended")

    assert selectors.people_found(project, "samir") == []


# ── send ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_complete_proposal_is_read_through_and_sent(browse, lead, draft):
    browser = browse(lead)

    text = browser.get(path(draft, "submit/")).content.decode()
    browser.post(path(draft, "submit/"))

    draft.refresh_from_db()
    assert "Send it to the owners" in text
    assert draft.status == "submitted"


def test_an_incomplete_one_says_what_it_lacks_and_is_not_sent(browse, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")
    browser = browse(lead)

    text = browser.get(path(project, "submit/")).content.decode()
    answer = browser.post(path(project, "submit/"), follow=True)

    project.refresh_from_db()
    assert "at least one dataset" in text
    assert "Send it to the owners" not in text
    assert "It lacks" in answer.content.decode()
    assert project.status == "draft"


# ── one project ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_draft_is_its_teams_alone_and_once_sent_for_those_who_oversee_it(browse, lead, draft, steward):
    manager = holder(Role.CENTER_MANAGER, lead.center)
    auditor = holder(Role.AUDITOR, alliance())

    for who, status in ((lead, 200), (manager, 404), (auditor, 404), (steward, 404), (MemberFactory(), 404)):
        page(browse, who, path(draft), status)
    proposals.submit(draft, by=lead)
    for who, status in ((lead, 200), (manager, 200), (auditor, 200), (steward, 200), (MemberFactory(), 404)):
        page(browse, who, path(draft), status)


def test_a_steward_sees_what_was_sent_and_goes_on_seeing_what_they_gave_back(browse, lead, draft, steward):
    proposals.submit(draft, by=lead)
    page(browse, steward, path(draft))
    draft.refresh_from_db()

    decisions.return_to_lead(draft, by=steward, reason="Say more on methods.")

    assert "Say more on methods." in page(browse, steward, path(draft))
    assert "Say more on methods." in page(browse, lead, path(draft, "write/"))


def test_a_steward_whose_data_was_taken_out_before_sending_sees_nothing(lead, draft, steward):
    other = holder(Role.DATA_STEWARD, CenterFactory(short_name="Third"))
    proposals.ask_for(draft, by=lead, version=published(other.center, other), reason="To compare.")
    proposals.drop(draft.requests.get(version__dataset__center=other.center), by=lead)
    proposals.submit(draft, by=lead)

    assert not selectors.visible_to(other).exists()
    assert selectors.visible_to(steward).exists()


def test_the_page_says_whose_turn_it_is(browse, lead, data):
    text = page(browse, lead, path(proposed(lead, data)))

    assert "stewards of Owner" in text
    assert "Submitted" in text


def test_questions_and_answers_stand_on_the_page(browse, lead, data, steward):
    project = proposed(lead, data)
    browse(steward).post(path(project, "remarks/"), {"text": "Why all years?", "request": project.requests.get().pk})
    asked = project.remarks.get()

    text = page(browse, lead, path(project, f"?answer={asked.pk}"))
    browse(lead).post(path(project, "remarks/"), {"text": "For the trend.", "answers": asked.pk})

    assert "You answer" in text
    answer = project.remarks.exclude(pk=asked.pk).get()
    assert (answer.answers, asked.request) == (asked, project.requests.get())
    assert "For the trend." in page(browse, steward, path(project))


def test_an_answer_to_another_projects_question_is_not_taken(browse, lead, data):
    project, other = proposed(lead, data), proposed(lead, data)
    foreign = proposals.remark(other, by=lead, text="Here.")

    answer = browse(lead).post(path(project, "remarks/"), {"text": "There.", "answers": foreign.pk})

    assert answer.status_code == 422
    assert not project.remarks.exists()


def test_a_project_is_started_suspended_let_go_on_and_closed_on_its_page(browse, lead, data, steward):
    manager = holder(Role.CENTER_MANAGER, lead.center)
    project = proposed(lead, data)
    approve(project.requests.get(), by=steward, ends_on=in_days(30))
    steps = [("start/", lead, "active"), ("suspend/", manager, "suspended"), ("reinstate/", manager, "active")]

    for step, who, state in [*steps, ("close/", lead, "closed")]:
        closing = {"confirmed": ["outputs", "copies", "publications"], "learned": "It works."}
        browse(who).post(path(project, step), {"reason": "As agreed.", **closing})
        project.refresh_from_db()
        assert project.status == state


def test_a_withdrawn_proposal_can_still_be_read(browse, lead, draft):
    browse(lead).post(path(draft, "withdraw/"))

    assert "It is over" in page(browse, lead, path(draft))


# ── who may use what ────────────────────────────────────────────────────────────────────────────────────────────────
def test_each_condition_says_whether_it_is_met_and_who_can_mend_it(browse, world):
    text = page(browse, world.lead, path(world.project, "access/"))
    assert "Yes, until" in text

    outside = page(browse, world.steward, path(world.project, "access/"))
    for words in ("Not yet", "You are on its team", "See the team", "the project&#x27;s lead", "Ask to be vouched for"):
        assert words in outside


def test_the_terms_are_linked_where_they_can_be_read(browse, world):
    named = world.request.edition.submitted_at
    world.project.team.create(member=world.colleague, added_by=world.lead, since=named)

    text = page(browse, world.colleague, path(world.project, "access/"))

    assert f"/agreements/terms/{world.version.pk}/" in text
    assert "Not yet: 1 of 13 missing" in text


def test_terms_without_an_agreement_are_not_offered_to_read(browse, lead, data):
    text = page(browse, lead, path(proposed(lead, data), "access/"))

    assert "Read them once an agreement is in force" in text
    assert "/agreements/terms/" not in text


def test_the_lead_looks_for_others_of_the_team_and_nobody_else(browse, world):
    world.project.team.create(member=world.colleague, added_by=world.lead)
    address = path(world.project, f"access/?person={world.colleague.pk}")

    assert f"May {world.colleague} use" in page(browse, world.lead, address)
    assert f"May {world.lead} use" not in page(
        browse, world.colleague, path(world.project, f"access/?person={world.lead.pk}")
    )
    page(browse, world.lead, path(world.project, f"access/?person={world.steward.pk}"), status=404)


# ── found elsewhere ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_list_shows_what_one_may_see_and_narrows_it(browse, lead, data):
    draft, sent = proposals.propose(lead.center, by=lead, title="Still a draft"), proposed(lead, data)

    text = page(browse, lead, "/projects/?status=submitted")

    assert sent.title in text
    assert draft.title not in text
    assert draft.title in page(browse, lead, f"/projects/?words={draft.reference}")
    assert sent.title not in page(browse, MemberFactory(), "/projects/")


def test_home_says_what_to_finish_and_who_decides(browse, lead, data):
    proposals.propose(lead.center, by=lead, title="Still a draft")
    proposed(lead, data)

    text = page(browse, lead, "/")

    assert "Proposal to finish" in text
    assert "the data stewards of Owner" in text


def test_search_finds_projects_that_one_may_see(browse, lead, draft):
    assert draft.reference in page(browse, lead, "/search/?q=surgery")
    assert draft.reference not in page(browse, MemberFactory(), "/search/?q=surgery")


def test_how_long_an_owner_takes_is_the_median_of_what_it_decided(lead, data, steward):
    project = proposed(lead, data)
    assert selectors.usual_days([steward.center_id]) == {}

    decisions.refuse(project.requests.get(), by=steward, reason="Not this data.")

    assert 0 <= selectors.usual_days([steward.center_id])[steward.center_id] < 1


def test_a_purpose_that_lacks_an_answer_is_named_before_sending(lead, draft):
    proposals.write(draft, by=lead, purpose={**PURPOSE, "kind": "disease", "diseases": []})
    draft.refresh_from_db()

    assert "the diseases that are studied" in missing_parts(draft, list(draft.requests.all()), in_days(0))
