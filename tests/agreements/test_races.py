"""Two at the same moment: exactly one outcome each, the other refused in words, both on the record."""

import pytest
from django.utils import timezone

from apps.agreements.actors import AGREEMENTS_CLOCK
from apps.agreements.models import Agreement, Signature
from apps.agreements.services import drafts, keeping, signing
from apps.alliance.roles import Role
from apps.core.errors import PortalError
from tests.factories import CenterFactory, holder
from tests.factories_agreements import dataset, drafted, in_force, official, reloaded, sent, signature, signed, wording
from tests.rivals import Rivals
from tests.services.test_races import judged

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
many = pytest.mark.parametrize("rounds", [10, pytest.param(10_000, marks=pytest.mark.long)])
some = pytest.mark.parametrize("rounds", [6, pytest.param(300, marks=pytest.mark.long)])


@pytest.fixture
def rivals():
    with Rivals(2) as pair:
        yield pair


@pytest.fixture
def made():
    """Makes an agreement of the same two centers, ready to be sent."""
    giver, taker, words = CenterFactory(), CenterFactory(), wording()
    data = dataset(giver)
    return lambda: drafted(giver, taker, scope=[data], template_version=words)


def signs(version, by):
    return lambda: signing.sign(version, by=by, text_sha256=version.text_id)


@many
def test_of_two_officials_of_one_center_one_signs(made, rivals, rounds):
    first = made()
    one, two = official(first.agreement.providing), official(first.agreement.providing)
    for _ in range(rounds):
        version = reloaded(sent(made()))
        since = timezone.now()
        outcomes = rivals(signs(version, one), signs(version, two))

        assert judged(outcomes, since) == 1
        assert version.signatures.count() == 1
        assert reloaded(version).signed_at is None


@many
def test_of_the_officials_of_both_centers_both_sign_and_it_binds_once(made, rivals, rounds):
    first = made()
    ours, theirs = official(first.agreement.providing), official(first.agreement.receiving)
    for _ in range(rounds):
        version = reloaded(sent(made()))
        since = timezone.now()
        outcomes = rivals(signs(version, ours), signs(version, theirs))

        assert judged(outcomes, since) == 2
        version = reloaded(version)
        assert version.signed_at == max(one.signed_at for one in Signature.objects.filter(version=version))
        assert version.standing() == "in_force"


@some
def test_what_is_called_back_at_the_last_signature_is_one_or_the_other(made, rivals, rounds):
    first = made()
    ours, theirs = official(first.agreement.providing), official(first.agreement.receiving)
    for _ in range(rounds):
        version = sent(made())
        signature(version, ours)
        version = reloaded(version)
        since = timezone.now()
        outcomes = rivals(signs(version, theirs), lambda: drafts.recall(version, by=ours, reason="Wait."))

        assert judged(outcomes, since) == 1
        after = reloaded(version)
        assert (after.status, after.signed_at is None) in {("draft", True), ("out_for_signature", False)}


@some
def test_an_amendment_signed_while_the_agreement_is_terminated_never_outlives_it(made, rivals, rounds):
    first = made()
    manager = holder(Role.CENTER_MANAGER, first.agreement.providing)
    ours, theirs = official(first.agreement.providing), official(first.agreement.receiving)
    for _ in range(rounds):
        bound = in_force(made())
        newer = drafts.amend(bound.agreement, by=manager)
        drafts.send(newer, by=manager)
        newer = reloaded(newer)
        signing.sign(newer, by=ours, text_sha256=newer.text_id)
        since = timezone.now()
        outcomes = rivals(signs(newer, theirs), lambda: signing.terminate(bound, by=ours, reason="Over."))

        assert judged(outcomes, since) >= 1
        newer, bound = reloaded(newer), reloaded(bound)
        if isinstance(outcomes[1], PortalError):  # whoever ended the old one is told that another binds by now
            assert "An amendment has just taken its place." in str(outcomes[1])
            assert newer.signed_at == bound.superseded_at
            assert newer.terminated_at is None
        else:
            assert bound.terminated_at
            assert newer.signed_at is None or newer.terminated_at


@some
def test_the_clock_and_the_end_of_an_agreement_do_not_overwrite_each_other(made, rivals, rounds):
    ours = official(made().agreement.providing)
    for _ in range(rounds):
        version = signed(made())
        since = timezone.now()
        outcomes = rivals(
            lambda: keeping.begin(version, by=AGREEMENTS_CLOCK),
            lambda: signing.terminate(version, by=ours, reason="Over."),
        )

        assert judged(outcomes, since) >= 1
        assert reloaded(version).status == "terminated"


@some
def test_two_drafts_at_once_get_a_number_each(made, rivals, rounds):
    first = made()
    centers = [first.agreement.providing, CenterFactory()]
    managers = [holder(Role.CENTER_MANAGER, center) for center in centers]
    today = timezone.now().date()

    def drafting(center, by):
        return lambda: drafts.draft(
            center, by=by, receiving=first.agreement.receiving, title="T", template_version=first.template_version,
            values={}, conditions="", starts_on=today, ends_on=today, datasets=[],
        )  # fmt: skip

    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(*(drafting(center, by) for center, by in zip(centers, managers, strict=True)))

        assert judged(outcomes, since) == 2
    numbers = list(Agreement.objects.values_list("number", flat=True))
    assert len(set(numbers)) == len(numbers)
