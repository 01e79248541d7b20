"""Writes the committed tables anew from the site; run by ./caia fix, and by no ordinary test run, by its name."""

from tests.house import moves, tables
from tests.house.samples import ACTORS, World, world  # noqa: F401
from tests.house.site import METHODS, ask, routes


def test_write_access_and_queries(world: World):  # noqa: F811
    """access.csv as the site answers; queries.csv with new pages, and with lower numbers where pages got cheaper."""
    before = {row["address"]: int(row["queries"]) for row in tables.read(tables.QUERIES)}
    access, costs = [], []
    for route in routes():
        cost = 0
        for method in METHODS:
            answers = {who: ask(world, route, method, who) for who in ACTORS}
            access.append({"address": route.name, "method": method} | {who: a.said for who, a in answers.items()})
            if method == "GET":
                cost = max((answer.queries for answer in answers.values() if answer.status == 200), default=0)
        if cost:
            costs.append({"address": route.name, "queries": min(cost, before.get(route.name, cost))})
    tables.write(tables.ACCESS, ["address", "method", *ACTORS], access)
    tables.write(tables.QUERIES, ["address", "queries"], costs)


def test_write_moves(world: World):  # noqa: F811
    """moves.csv as the gate answers."""
    tables.write(tables.MOVES, ["machine", "state", *moves.WHO], moves.table(world))
