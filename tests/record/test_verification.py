"""The portal looks at itself: whole when nothing was touched."""

import pytest

from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.verification import verify
from tests.factories import MemberFactory, holder

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_untouched_record_holds(transactional_db, notary):
    manager = holder(Role.CENTER_MANAGER)
    for number in range(3):
        people.suspend(MemberFactory(center=manager.center), by=manager, reason=f"Number {number}.")
        notary.step()

    report = verify()

    assert report.wrong == []
    assert report.entries > 6
    assert report.checkpoints == 3
    assert report.rows > 5
