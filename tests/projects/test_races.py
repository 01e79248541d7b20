"""Two who decide at the same moment: exactly one outcome, the other refused in words, both on the record."""

import pytest
from django.utils import timezone

from apps.agreements import selectors
from apps.agreements.actors import AGREEMENTS_CLOCK
from apps.agreements.services import drafts, keeping, signing
from apps.alliance.roles import Role
from apps.core.errors import PortalError
from apps.projects.access import may_use
from apps.projects.models import AccessRequest, Project, Vote
from apps.projects.services import amendments, decisions
from tests.factories import arranged, holder
from tests.projects.world import again, approve, changed, in_days, make_world, running
from tests.rivals import judged

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
many = pytest.mark.parametrize("rounds", [20, pytest.param(10_000, marks=pytest.mark.long)])
some = pytest.mark.parametrize("rounds", [6, pytest.param(300, marks=pytest.mark.long)])
R = AccessRequest.Status


@pytest.fixture
def world():
    return make_world()


def asked_anew(world):
    """A request as if it had just been submitted; what an earlier one opened is over."""
    with arranged():
        AccessRequest.objects.filter(project=world.project, status=R.APPROVED).update(
            status=R.REVOKED, revoked_at=timezone.now(), revoked_by=world.steward
        )
        Project.objects.filter(pk=world.project.pk).update(status=Project.Status.SUBMITTED)
        return AccessRequest.objects.create(
            project=world.project, version=world.version, edition=world.project.editions.get(), reason="It helps.",
            status=R.WAITING, waits_since=timezone.now(), quorum=world.dataset.quorum,
        )  # fmt: skip


def begun(agreement):
    """What the clock does once both have signed."""
    for version in selectors.to_begin().filter(agreement=agreement):
        keeping.begin(version, by=AGREEMENTS_CLOCK)
    for version in selectors.to_supersede().filter(agreement=agreement):
        keeping.supersede(version, by=AGREEMENTS_CLOCK)


@many
def test_of_two_stewards_who_decide_otherwise_one_decides(world, rivals, rounds):
    other = holder(Role.DATA_STEWARD, world.owner)
    for _ in range(rounds):
        request = asked_anew(world)
        since = timezone.now()
        outcomes = rivals(
            lambda request=request: approve(request, by=world.steward, ends_on=in_days(30)),
            lambda request=request: decisions.refuse(request, by=other, reason="No."),
        )

        assert judged(outcomes, since) == 1
        vote = Vote.objects.get(request=request)
        assert vote.is_yes == (outcomes[0] is None)
        request.refresh_from_db()
        assert request.status == (R.APPROVED if vote.is_yes else R.REFUSED)
        assert request.project.status == Project.Status.DECIDED


@some
def test_of_two_stewards_who_agree_the_second_fills_the_quorum_once(rivals, rounds):
    world = make_world(quorum=2)
    other = holder(Role.DATA_STEWARD, world.owner)
    decisions.refuse(world.request, by=other, reason="No.")
    for _ in range(rounds):
        request = asked_anew(world)
        since = timezone.now()
        outcomes = rivals(
            lambda request=request: approve(request, by=world.steward, ends_on=in_days(30)),
            lambda request=request: approve(request, by=other, ends_on=in_days(20)),
        )

        assert judged(outcomes, since) == 2
        assert Vote.objects.filter(request=request).count() == 2
        request.refresh_from_db()
        assert (request.status, request.ends_on) == (R.APPROVED, in_days(20))
        assert request.project.status == Project.Status.DECIDED


@some
def test_the_officials_of_both_centers_conclude_once(world, rivals, rounds):
    agreement = world.agreement.agreement
    for number in range(rounds):
        begun(agreement)
        version = drafts.amend(agreement, by=world.official)
        drafts.send(version, by=world.official)
        version.refresh_from_db()
        since = timezone.now()
        outcomes = rivals(
            lambda version=version: signing.sign(version, by=world.official, text_sha256=version.text_id),
            lambda version=version: signing.sign(version, by=world.partner, text_sha256=version.text_id),
        )

        assert judged(outcomes, since) == 2
        version.refresh_from_db()
        signatures = list(version.signatures.filter(edition=version.edition))
        assert version.signed_at == max(one.signed_at for one in signatures)
        assert {one.center_id for one in signatures} == {world.home.pk, world.owner.pk}
        binding = agreement.versions.filter(signed_at__isnull=False, superseded_at=None, terminated_at=None)
        assert [one.number for one in binding] == [number + 2], "each one takes the place of the one before"


def approved_of(world, project):
    return AccessRequest.objects.get(project=project, status="approved")


def revoke(world, request):
    return lambda: decisions.revoke(request, by=world.steward, reason="Consent was withdrawn.")


@many
def test_a_revocation_beside_the_yes_to_a_renewal(rivals, rounds):
    world = make_world()
    for _ in range(rounds):
        project = running(world)
        old = approved_of(world, project)
        renewal = amendments.ask_to_renew(old, by=world.lead)
        since = timezone.now()
        outcomes = rivals(revoke(world, old), lambda: approve(renewal, by=world.steward, ends_on=in_days(360)))

        assert judged(outcomes, since) == 1
        was_refused = isinstance(outcomes[0], PortalError)
        assert bool(may_use(world.lead, world.dataset, project)) == was_refused
        expected = ("replaced", "approved") if was_refused else ("revoked", "dropped")
        assert (again(old).status, again(renewal).status) == expected


@some
def test_a_revocation_beside_the_asking_for_a_renewal(rivals, rounds):
    world = make_world()
    for _ in range(rounds):
        project = running(world)
        old = approved_of(world, project)
        since = timezone.now()
        outcomes = rivals(revoke(world, old), lambda: amendments.ask_to_renew(old, by=world.lead))

        assert outcomes[0] is None, "a revocation is never refused for it"
        assert judged(outcomes, since) in (1, 2)
        assert not project.requests.filter(status__in=["waiting", "approved"]).exists()
        assert not may_use(world.lead, world.dataset, project)


@some
def test_a_revocation_beside_the_sending_of_a_change(rivals, rounds):
    world = make_world()
    for _ in range(rounds):
        world.project = running(world)
        old = approved_of(world, world.project)
        amendment = changed(world, submit=False, methods="Others.")
        since = timezone.now()
        outcomes = rivals(revoke(world, old), lambda: amendments.submit(amendment, by=world.lead))

        assert outcomes[0] is None
        assert judged(outcomes, since) in (1, 2)
        assert not world.project.requests.filter(status__in=["waiting", "approved"]).exists()
