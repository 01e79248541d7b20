"""Every page of projects, requests and the calendar: accessible in both themes, whole on a phone, a silent console."""

import pytest

from apps.alliance.roles import Role
from apps.projects.services import proposals
from tests.browser.ways import enter, findings
from tests.factories import give
from tests.projects.world import make_world, proposed, published
from tests.signin.ways import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def tour():
    """Each of three people who can sign in, with the pages that are theirs."""
    world = make_world()
    steward, lead = (person(name=name, center=center) for name, center in
                     (("Stella Yes", world.owner), ("Noor Haddad", world.home)))  # fmt: skip
    auditor = person(name="Audrey Look", center=world.home)
    give(steward, Role.DATA_STEWARD)
    give(auditor, Role.AUDITOR)
    data = published(world.owner, steward, slug="more")
    sent, draft = proposed(lead, data), proposed(lead, data, submit=False)
    asked = sent.requests.get()
    question = proposals.remark(sent, by=steward, text="Why all years?", request=asked)
    proposals.remark(sent, by=lead, text="For the trend.", answers=question)
    own, written, weighed = (f"/projects/{sent.pk}/", f"/projects/{draft.pk}/", f"/requests/{asked.pk}/")
    general = ["/", "/projects/", "/projects/propose/", "/calendar/", "/register/"]
    return {
        lead: [
            *general,
            f"/projects/ask/{data.dataset.slug}/",
            *(own + part for part in ("", "access/", "team/", f"?answer={question.pk}")),
            *(written + part for part in ("", "write/", "datasets/", "team/", "submit/")),
        ],
        steward: ["/", "/requests/", weighed, f"{weighed}approve/", own],
        auditor: ["/projects/", "/audited/", f"{own}access/replay/"],
    }


@pytest.mark.parametrize(("size", "theme"), [("desk", "dark"), ("phone", "light")])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_page, live_server, tour, size, theme):
    seen = 0
    for member, addresses in tour.items():
        page = enter(open_page, live_server.url, member, size=size, theme=theme)
        for address in addresses:
            page.goto(address)
            assert findings(page) == [], address
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
            seen += 1
        page.keyboard.press("?")
        assert findings(page) == [], f"the keys on {address}"
        assert page.complaints == []
    assert seen == sum(len(addresses) for addresses in tour.values())
