"""Two at the same moment: a revocation beside a renewal ends in one way only, and nothing brings the access back."""

import pytest
from django.utils import timezone

from apps.core.errors import PortalError
from apps.projects.access import may_use
from apps.projects.models import AccessRequest
from apps.projects.services import amendments, decisions
from tests.projects.world import again, changed, in_days, make_world, running
from tests.rivals import Rivals
from tests.services.test_races import judged

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
many = pytest.mark.parametrize("rounds", [6, pytest.param(1_000, marks=pytest.mark.long)])


@pytest.fixture
def rivals():
    with Rivals(2) as pair:
        yield pair


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
        outcomes = rivals(
            revoke(world, old), lambda: decisions.approve(renewal, by=world.steward, ends_on=in_days(360))
        )

        assert judged(outcomes, since) == 1
        was_refused = isinstance(outcomes[0], PortalError)
        assert bool(may_use(world.lead, world.dataset, project)) == was_refused
        expected = ("replaced", "approved") if was_refused else ("revoked", "dropped")
        assert (again(old).status, again(renewal).status) == expected


@many
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


@many
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
