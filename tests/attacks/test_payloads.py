"""Quotes, wildcards, look-ups and control characters in every filter, order, cursor and search: no mistake of ours."""

from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import MemberFactory, TrainingTypeFactory
from tests.house.samples import undone

PAYLOADS = {
    "quote": "'",
    "double quote": '"',
    "boolean": "' or '1'='1",
    "statement": "x'; drop table alliance_member; --",
    "union": "') union select password from alliance_member --",
    "sleep": "'||(select pg_sleep(5))||'",
    "wildcards": "%_%",
    "backslash": "\\",
    "text search": "a:* & !b | (c <-> d)",
    "operators only": "!&|():*<>",
    "control": "\x01\x0b\x1f",
    "nul": "\x00",
    "line break": "a\r\nb",
    "bidi": "\u202e\u2066\ufeff",
    "format": "%s %(x)s {0} {{ 7*7 }}",
    "look-up": "center__alliance__name__startswith",
    "connector": "_connector",
    "negated": "_negated",
    "long": "A" * 5000,
    "number": "9" * 40,
    "not a number": "NaN",
    "date": "9999-12-31",
    "early date": "0001-01-01",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "list": "[]",
    "half a character": "\udce9",
}
PAGES = {
    "/people/": ("alliance_manager", ["words", "status", "center"]),
    "/centers/": ("alliance_manager", []),
    "/training/queue/": ("center_manager", ["status", "type"]),
    "/training/types/": ("researcher", []),
    "/notices/": ("researcher", []),
    "/record/": ("alliance_auditor", ["outcome", "event", "center", "since", "until"]),
    "/search/": ("alliance_manager", ["q"]),
    "/datasets/": ("data_steward", ["words", "modality", "center", "term"]),
    "/datasets/sample-data/versions/1/": ("researcher", []),
}
OF_EVERY_LIST = ["sort", "after", "before", "unknown"]
PLACES = [(page, name) for page, (_, own) in PAGES.items() for name in own]
PLACES += [("/people/", name) for name in OF_EVERY_LIST]  # the same code for every list; the rest in the long run
OTHERS = [(page, name) for page in PAGES for name in OF_EVERY_LIST if page != "/people/"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "name"), [*PLACES, *(pytest.param(*place, marks=pytest.mark.long) for place in OTHERS)]
)
def test_nothing_that_is_typed_breaks_a_list(world, page, name):
    browser = world.browser(PAGES[page][0])
    for words, payload in PAYLOADS.items():
        with undone():
            answer = browser.get(f"{page}?{urlencode({name: payload}, errors='surrogatepass')}")

        assert answer.status_code == 200, (words, answer.status_code)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_all_places_at_once_break_no_list(world, page):
    who, own = PAGES[page]
    for words, payload in PAYLOADS.items():
        with undone():
            everywhere = dict.fromkeys([*own, "sort", "after", "before"], payload)
            answer = world.browser(who).get(f"{page}?{urlencode(everywhere, errors='surrogatepass')}")

        assert answer.status_code == 200, (words, answer.status_code)


@pytest.mark.parametrize(
    "query", ["sort=name&sort=-name", "words=a&words=b", "&&&==&", "%", "%zz", "words[]=a", "words=a;b", "=a"]
)
def test_a_query_in_no_good_form_breaks_no_list(world, query):
    assert world.browser("alliance_manager").get(f"/people/?{query}").status_code == 200


@pytest.mark.parametrize("words", ["quote", "boolean", "statement", "union", "sleep", "text search"])
def test_what_is_typed_reaches_the_database_as_a_value_only(world, words):
    """The driver sends it apart from the statement; seen in the text that Django logs, it is one quoted literal."""
    with undone(), CaptureQueriesContext(connection) as queries:
        world.browser("alliance_manager").get("/search/?" + urlencode({"q": PAYLOADS[words]}))

    assert not any("drop table alliance_member" in query["sql"].replace("''", "").split("'")[0] for query in queries)
    assert all("pg_sleep" not in _outside_literals(query["sql"]) for query in queries)


def _outside_literals(sql: str) -> str:
    return "".join(sql.replace("''", "").split("'")[::2])


@pytest.mark.parametrize("wildcard", ["%", "_", "*", "%%", "_____", ".*", "?"])
def test_a_wildcard_stands_for_itself(world, wildcard):
    page = world.browser("alliance_manager").get("/search/?" + urlencode({"q": wildcard}))

    assert not any(page.context["found"].values())


def test_a_percent_sign_in_a_name_is_found_as_such(world):
    with undone():
        sure, other = TrainingTypeFactory(name="100% sure"), TrainingTypeFactory(name="1000 sure")

        found = world.browser("researcher").get("/search/?q=100%25").context["found"]["training"]

    assert (sure in found, other in found) == (True, False)


@pytest.mark.parametrize("name", ["O'Brien", "Anne-Marie Duplessis", "Zoë Ångström", "李小龍", "D\\Arcy"])
def test_a_name_with_marks_is_found_by_its_beginning(world, name):
    with undone():
        person = MemberFactory(center=world.center, name=name)

        found = world.browser("researcher").get("/people/?" + urlencode({"words": name})).context["listing"].rows

    assert person in found


def test_a_search_for_nothing_finds_nothing(world):
    for words in ("", "   ", "\t", "'", "''", "\\"):
        found = world.browser("researcher").get("/search/?" + urlencode({"q": words})).context["found"]
        assert not any(found.values()), repr(words)


def test_what_was_typed_comes_back_as_text(world):
    script = "<script>alert(1)</script>"
    for page, (who, own) in PAGES.items():
        for name in own:
            with undone():
                body = world.browser(who).get(f"{page}?{urlencode({name: script})}").content.decode()
            assert script not in body, (page, name)


@pytest.mark.parametrize("payload", ["'", "..", "%2e%2e", "a b", "A" * 300, "\u202e", "%00", "%ff"])
def test_no_address_breaks(world, payload):
    for before, after in (
        ("/centers/", "/"),
        ("/people/", "/"),
        ("/training/", "/evidence/"),
        ("/invitation/", "/"),
        ("/", ""),
    ):
        address = before + (payload if "%" in payload else quote(payload)) + after
        assert world.browser("center_manager").get(address).status_code in {301, 302, 404}, address
