"""What each side sees and can do on the pages of agreements."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.agreements import selectors
from apps.agreements.models import Agreement, AgreementVersion, TermsAcceptance
from apps.agreements.texts import sha256_of
from apps.alliance.roles import Role
from apps.audit.models import Event
from tests.factories import CenterFactory, MemberFactory, alliance, holder
from tests.factories_agreements import dataset, dataset_version, drafted, in_force, official, reloaded, sent, signature
from tests.reading import said

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Chrome/142"


def page_of(version):
    return reverse("agreements:agreement", args=[version.agreement_id])


def sign_page(version):
    return reverse("agreements:version_sign", args=[version.pk])


@pytest.fixture
def bound(draft):
    return in_force(draft)


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_draft_is_for_the_center_that_writes_it(browse, draft, manager, theirs):
    assert browse(manager).get(page_of(draft)).status_code == 200
    assert browse(theirs).get(page_of(draft)).status_code == 404
    assert draft.agreement.reference not in browse(theirs).get("/agreements/").content.decode()

    sent(draft)
    assert browse(theirs).get(page_of(draft)).status_code == 200


def test_an_amendment_that_was_not_sent_is_hidden_from_the_other_center(browse, bound, theirs, manager):
    drafted(agreement=bound.agreement, number=2, scope=[], values={"purpose": "a secret plan"})

    for url in (page_of(bound), f"{page_of(bound)}?version=2", "/agreements/"):
        body = browse(theirs).get(url).content.decode()
        assert "a secret plan" not in body
        assert "Version 2" not in body
    assert "a secret plan" in browse(manager).get(f"{page_of(bound)}?version=2").content.decode()


def test_what_was_called_back_shows_the_other_center_no_new_words(browse, out, theirs):
    found = AgreementVersion.objects.filter(pk=out.pk)
    found.update(status="draft", text=None, sent_at=None, sent_by=None)
    found.update(values={"purpose": "another plan"})

    page = browse(theirs).get(page_of(out)).content.decode()
    assert "another plan" not in page
    assert "Called back, and being changed" in page


def test_strangers_and_alliance_managers_see_nothing_and_the_alliances_auditors_all(browse, bound):
    for stranger in (MemberFactory(), holder(Role.ALLIANCE_MANAGER, alliance()), holder(Role.AUDITOR)):
        assert browse(stranger).get(page_of(bound)).status_code == 404
    assert browse(holder(Role.AUDITOR, alliance())).get(page_of(bound)).status_code == 200


def test_search_finds_an_agreement_by_its_number_and_title_for_those_who_may(browse, bound, theirs):
    title = bound.agreement.title
    for words in (title, bound.agreement.reference, str(bound.agreement.number), title.upper()):
        assert page_of(bound) in browse(theirs).get("/search/", {"q": words}).content.decode()
    assert page_of(bound) not in browse(MemberFactory()).get("/search/", {"q": title}).content.decode()


def test_the_list_is_narrowed_by_state_words_and_center(browse, bound, manager, providing):
    other = drafted(providing, CenterFactory(slug="third"), title="Something else")
    for query, shown, hidden in (
        ({"status": "draft"}, other, bound),
        ({"status": "in_force"}, bound, other),
        ({"words": "something"}, other, bound),
        ({"center": "third"}, other, bound),
    ):
        body = browse(manager).get("/agreements/", query).content.decode()
        assert page_of(shown) in body
        assert page_of(hidden) not in body


# ── drafting ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_drafts_by_the_form_and_sends(browse, manager, receiving, data, words):
    today = timezone.now().date()
    browser = browse(manager)
    typed = {
        "title": "Lungs", "receiving": str(receiving.pk), "starts_on": today, "ends_on": today + timedelta(days=9),
        "datasets": [str(data.pk)], "conditions": "", "blank_purpose": "a <b>good</b> end",
    }  # fmt: skip
    answer = browser.post(reverse("agreements:agreement_draft", args=[words.pk]), typed, follow=True)

    agreement = Agreement.objects.get()
    assert f"{agreement.reference} is drafted" in said(answer)[0]
    assert "a &lt;b&gt;good&lt;/b&gt; end" in answer.content.decode()
    version = agreement.versions.get()
    browser.post(reverse("agreements:version_send", args=[version.pk]))
    assert reloaded(version).status == "out_for_signature"


def test_an_unfilled_blank_is_named_on_the_page_and_when_it_is_sent(browse, draft, manager):
    AgreementVersion.objects.filter(pk=draft.pk).update(values={})
    browser = browse(manager)

    assert "Nothing stands yet in: purpose" in browser.get(page_of(draft)).content.decode()
    answer = browser.post(reverse("agreements:version_send", args=[draft.pk]), follow=True)
    assert "purpose" in said(answer)[0]
    assert reloaded(draft).status == "draft"


def test_a_foreign_dataset_is_no_choice(browse, draft, manager, receiving):
    foreign = dataset(receiving)
    today = timezone.now().date()
    typed = {"title": "T", "starts_on": today, "ends_on": today, "datasets": [str(foreign.pk)]}

    assert browse(manager).post(reverse("agreements:version_edit", args=[draft.pk]), typed).status_code == 422


# ── signing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_page_shows_the_whole_text_and_signs_just_it(browse, out, ours):
    browser = browse(ours)
    page = browser.get(sign_page(out))
    for words in ("Keep them", "safe", "Data in scope", "Conditions of use", out.text_id):
        assert words in page.content.decode()

    answer = browser.post(
        sign_page(out), {"text_sha256": out.text_id, "read": "on", "statement": ""}, follow=True,
        headers={"User-Agent": BROWSER},
    )  # fmt: skip
    assert answer.status_code == 200
    assert ours.name in answer.content.decode()
    assert out.signatures.get().auth["factors"] == ["password", "totp"]
    made = out.signatures.get()
    assert made.address == "127.0.0.1"
    assert made.user_agent_sha256 == sha256_of(BROWSER)


@pytest.mark.parametrize("typed", [{}, {"read": "on"}, {"read": ""}, {"text_sha256": "0" * 64, "read": "on"}])
def test_without_the_word_or_the_hash_nothing_is_signed(browse, out, ours, typed):
    known = {"text_sha256": out.text_id} if "read" in typed and not typed["read"] else {}

    assert browse(ours).post(sign_page(out), {"x": "y", **known, **typed}).status_code == 422
    assert not out.signatures.exists()


def test_after_five_minutes_a_factor_is_asked_for_first(browse, out, ours):
    answer = browse(ours, proof_age=301).post(sign_page(out), {"text_sha256": out.text_id, "read": "on"})

    assert answer.status_code == 302
    assert answer.url.startswith("/prove/")
    assert not out.signatures.exists()


def test_who_signed_is_not_asked_again(browse, out, ours, providing):
    signature(out, ours)
    for person in (ours, official(providing)):
        assert sign_page(out) not in browse(person).get(page_of(out)).content.decode()
        assert browse(person).get(sign_page(out)).status_code == 409


def test_whoever_may_not_sign_is_told_why(browse, out, manager):
    page = browse(manager).get(page_of(out)).content.decode()

    assert "Only signing officials of Giver and Taker can do that" in page
    assert browse(manager).get(sign_page(out)).status_code == 403


def test_home_says_whose_signature_is_missing_and_how_long_it_usually_takes(browse, out, ours, theirs, manager):
    assert sign_page(out) in browse(ours).get("/").content.decode()
    signature(out, ours)

    home = browse(ours).get("/").content.decode()
    assert sign_page(out) not in home
    assert "Taker&#x27;s signing official" in home
    assert sign_page(out) in browse(theirs).get("/").content.decode()
    assert sign_page(out) not in browse(manager).get("/").content.decode()


# ── what was agreed ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_amendment_shows_what_is_gone_and_what_is_new(browse, bound, manager, data):
    sent(drafted(agreement=bound.agreement, number=2, scope=[data], values={"purpose": "other things"},
                 template_version=bound.template_version, providing=bound.agreement.providing))  # fmt: skip

    page = browse(manager).get(f"{page_of(bound)}?version=2").content.decode()
    assert "What changes from version 1" in page
    assert "use its data for research." in page.partition("<del>")[2]
    assert "use its data for other things." in page.partition("<ins>")[2]


def test_taking_the_pdf_is_on_the_record_and_a_draft_has_none(browse, bound, theirs, manager):
    path = reverse("agreements:version_pdf", args=[bound.pk])
    answer = browse(theirs).get(path)

    assert answer.content == bytes(bound.signatures.order_by("-signed_at").first().document.content)
    assert answer["Content-Disposition"].startswith("attachment")
    assert Event.objects.filter(event="agreements.document.taken", target_ref=str(bound.pk)).count() == 1
    draft = drafted(bound.agreement.providing)
    assert browse(manager).get(reverse("agreements:version_pdf", args=[draft.pk])).status_code == 409


# ── terms ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def researcher(receiving):
    return MemberFactory(center=receiving)


def accept(browse, member, version):
    found = selectors.terms_for(member, version)
    path = reverse("agreements:terms_accept", args=[version.pk])
    return browse(member).post(path, {"text_sha256": sha256_of(found.text), "read": "on"})


def test_a_researcher_accepts_the_terms_under_the_agreement_in_force(browse, bound, data, researcher):
    version = data.versions.get()
    assert accept(browse, researcher, version).status_code == 302

    found = TermsAcceptance.objects.get()
    assert (found.agreement_version, found.dataset_version) == (bound, version)
    assert selectors.acceptance_of(researcher, version, bound) == found
    assert selectors.acceptance_of(researcher, version, bound, timezone.now() - timedelta(minutes=1)) is None
    assert accept(browse, researcher, version).status_code == 422


def test_another_version_of_the_data_or_of_the_agreement_is_accepted_anew(browse, bound, data, researcher):
    accept(browse, researcher, data.versions.get())
    newer = dataset_version(data)
    other = in_force(drafted(bound.agreement.providing, bound.agreement.receiving, scope=[data]))

    assert selectors.acceptance_of(researcher, newer, bound) is None
    assert selectors.acceptance_of(researcher, data.versions.get(number=1), other) is None


def test_without_an_agreement_there_is_nothing_to_accept_and_ones_own_data_needs_none(
    browse, data, researcher, manager
):
    path = reverse("agreements:terms_accept", args=[data.versions.get().pk])

    assert browse(researcher).get(path).status_code == 409
    assert accept(browse, manager, data.versions.get()).status_code == 302
    assert TermsAcceptance.objects.get().agreement_version is None


def test_terms_that_changed_meanwhile_are_read_again(browse, bound, data, researcher):
    path = reverse("agreements:terms_accept", args=[data.versions.get().pk])

    answer = browse(researcher).post(path, {"text_sha256": "0" * 64, "read": "on"})
    assert answer.status_code == 422
    assert "The terms changed" in answer.content.decode()
