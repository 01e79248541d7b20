"""Rules 1 and 8: every address × every actor × every method answers as access.csv says, safely and well formed."""

import pytest

from apps.core.listing import Listing
from tests.house import findings, tables
from tests.house.samples import ACTORS, World, undone
from tests.house.site import FOREIGN_METHODS, METHODS, Answer, Route, ask, body_of, routes
from tests.house.snapshot import snapshot

ROUTES = routes()
STATED = {(row["address"], row["method"]): row for row in tables.read(tables.ACCESS)}
NOTED_BY_LOOKING = ("django_session",)
MOST_OF_A_LIST = 10  # whatever the number of rows, and whoever asks
COSTS = {row["address"]: int(row["queries"]) for row in tables.read(tables.QUERIES)}


def test_access_csv_names_every_address_and_no_other():
    names = {(route.name, method) for route in ROUTES for method in METHODS}

    assert set(STATED) - names == set(), "These addresses are gone. " + tables.RENEW
    assert names - set(STATED) == set(), "These addresses have no stated access. " + tables.RENEW


def test_no_two_addresses_share_a_name():
    assert len({route.name for route in ROUTES}) == len(ROUTES)


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_address_keeps_the_house_rules(world: World, route: Route):
    found: dict[str, list[str]] = {}
    for method in METHODS:
        for who in ACTORS:
            for words in _findings(route, method, who, ask(world, route, method, who)):
                found.setdefault(words, []).append(f"{method} as {who}")
    assert not found, "\n" + "\n".join(f"{words} ({', '.join(askers)})" for words, askers in found.items())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_address_knows_no_other_methods(world: World, route: Route):
    """ASVS V4.1.4; OPTIONS says nothing that a stranger may not know, so it is left to each view."""
    answers = {
        (method, who): ask(world, route, method, who) for method in FOREIGN_METHODS for who in ("anonymous", "owner")
    }

    assert {key: answer.said for key, answer in answers.items() if answer.status != 405} == {}
    assert [words for answer in answers.values() for words in findings.in_headers(answer.response)] == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_looking_changes_nothing_but_the_record(world: World, route: Route):
    """ASVS V3.5.3; a session may note what somebody is in the middle of."""
    for who in ("owner", "center_manager", "alliance_manager"):
        with undone():
            before = snapshot(but=NOTED_BY_LOOKING)
            body_of(world.browser(who).get(route.path(world), HTTP_ACCEPT="text/html"))
            assert snapshot(but=NOTED_BY_LOOKING) == before, f"as {who}"


def _findings(route: Route, method: str, who: str, answer: Answer) -> list[str]:
    found = findings.in_headers(answer.response)
    stated = STATED.get((route.name, method), {}).get(who)
    if answer.said != stated:
        found.append(f"answers {answer.said} where access.csv says {stated}. {tables.RENEW}")
    if answer.status >= 500:
        found.append(f"breaks with {answer.status}")
    if answer.status == 403 and answer.refusals != 1:
        found.append(f"a refusal left {answer.refusals} events in the record instead of one")
    if answer.is_page:
        found += findings.in_page(answer)
    if method == "GET" and answer.status == 200 and answer.queries > COSTS.get(route.name, 0):
        found.append(f"needs {answer.queries} queries where queries.csv has {COSTS.get(route.name, 0)}")
    if _is_list(answer) and answer.queries > MOST_OF_A_LIST:
        found.append(f"is a list and needs {answer.queries} queries; {MOST_OF_A_LIST} are enough for any")
    return found


def _is_list(answer: Answer) -> bool:
    """Whether a list of apps.core.listing is what the page is about."""
    context = answer.response.context
    return answer.status == 200 and context is not None and isinstance(context.get("listing"), Listing)
