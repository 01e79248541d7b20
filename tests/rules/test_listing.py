"""Lists, page by page: every row once, in order, whatever is added or taken away meanwhile, and whatever is typed."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.alliance.models import Member, TrainingType
from apps.core import listing as lists
from apps.core.listing import Column, listing
from tests.factories import CenterFactory, MemberFactory, TrainingTypeFactory

pytestmark = pytest.mark.django_db

BEGAN = datetime(2027, 5, 4, tzinfo=UTC)
COLUMNS = [Column("Name", "name"), Column("Since", "created_at"), Column("State")]
SORTS = ["name", "-name", "created_at", "-created_at"]

names = st.sampled_from(["", " ", "a", "A", "Ada", "ada", "Äda", "Zoë", "%", "_", "'", "\\", "\u202e", "中", "~"])
moments = st.integers(0, 3).map(lambda n: BEGAN + timedelta(microseconds=n))
people = st.lists(st.tuples(names, moments), max_size=14)


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch):
    monkeypatch.setattr(lists, "PAGE", 3)


def add(center, rows):
    """Members of the center with these names and moments; ties in both are wanted."""
    start = Member.objects.count()
    return Member.objects.bulk_create(
        MemberFactory.build(center=center, name=name, created_at=at, email=f"{start + n}@{center.slug}.example.org")
        for n, (name, at) in enumerate(rows)
    )


def page(center, query=""):
    return listing(Member.objects.filter(center=center), QueryDict(query.lstrip("?")), columns=COLUMNS, order="name")


def walk(center, url, direction, between=lambda: None):
    """All pages from this one on, in one direction."""
    seen = []
    while url is not None:
        found = page(center, url)
        seen.append([row.pk for row in found.rows])
        url = getattr(found, f"{direction}_url")
        between()
        assert len(seen) < 60, "the walk does not end"
    return seen


def in_order(center, sort):
    return list(
        Member.objects.filter(center=center)
        .order_by(sort, f"{'-' if sort[0] == '-' else ''}pk")
        .values_list("pk", flat=True)
    )


def flat(pages):
    return [pk for found in pages for pk in found]


# ── every row once ──────────────────────────────────────────────────────────────────────────────────────────────────
@given(rows=people, sort=st.sampled_from(SORTS))
@settings(max_examples=25)
def test_walking_forward_shows_every_row_once_in_order(rows, sort):
    center = CenterFactory()
    add(center, rows)

    assert flat(walk(center, f"sort={sort}", "next")) == in_order(center, sort)


@given(rows=people, sort=st.sampled_from(SORTS))
@settings(max_examples=25)
def test_walking_back_shows_the_same_pages(rows, sort):
    center = CenterFactory()
    add(center, rows)
    forward = walk(center, f"sort={sort}", "next")
    last, url = None, f"sort={sort}"
    while url:
        last, url = url, page(center, url).next_url

    back = walk(center, last, "previous")

    assert flat(reversed(back)) == flat(forward)


@given(rows=people, added=st.lists(people.map(lambda rows: rows[:3]), max_size=6), sort=st.sampled_from(SORTS))
@example(rows=[("a", BEGAN)] * 9, added=[[("a", BEGAN)] * 3] * 3, sort="-name")
@settings(max_examples=25)
def test_rows_added_between_two_pages_neither_hide_nor_repeat_a_row(rows, added, sort):
    center = CenterFactory()
    there = {member.pk for member in add(center, rows)}
    coming = iter(added)

    seen = flat(walk(center, f"sort={sort}", "next", between=lambda: add(center, next(coming, []))))

    assert len(seen) == len(set(seen)), "a row came twice"
    assert there <= set(seen), "a row was lost"
    assert seen == [pk for pk in in_order(center, sort) if pk in set(seen)]


@given(rows=people, added=st.lists(people.map(lambda rows: rows[:3]), max_size=6), sort=st.sampled_from(SORTS))
@settings(max_examples=25)
def test_rows_added_on_the_way_back_neither_hide_nor_repeat_a_row(rows, added, sort):
    center = CenterFactory()
    there = {member.pk for member in add(center, rows)}
    last, url = "", f"sort={sort}"
    while url:
        last, url = url, page(center, url).next_url
    ahead = {row.pk for row in page(center, last).rows}
    coming = iter(added)

    seen = flat(walk(center, last, "previous", between=lambda: add(center, next(coming, []))))

    assert len(seen) == len(set(seen)), "a row came twice"
    assert there <= set(seen) | ahead, "a row was lost"


@given(
    rows=people.filter(lambda rows: len(rows) > 4),
    gone=st.sets(st.integers(0, 13), max_size=4),
    sort=st.sampled_from(SORTS),
)
@settings(max_examples=25)
def test_rows_taken_away_between_two_pages_lose_no_other_row(rows, gone, sort):
    center = CenterFactory()
    made = add(center, rows)
    doomed = {made[n].pk for n in gone if n < len(made)}

    aside = CenterFactory()

    def take_away():
        Member.objects.filter(pk__in=doomed).update(center=aside)

    seen = flat(walk(center, f"sort={sort}", "next", between=take_away))

    assert len(seen) == len(set(seen))
    assert {member.pk for member in made} - doomed <= set(seen)


def test_numbers_are_sorted_as_numbers_and_paged_without_loss():
    for days in (9, 10, 100, 10, 9, 100, 1):
        TrainingTypeFactory(lifetime_days=days)
    columns = [Column("Valid for", "lifetime_days", numeric=True)]
    seen, url = [], "sort=-lifetime_days"
    while url:
        found = listing(TrainingType.objects.all(), QueryDict(url.lstrip("?")), columns=columns, order="lifetime_days")
        seen, url = seen + [row.lifetime_days for row in found.rows], found.next_url

    assert seen == [100, 100, 10, 10, 9, 9, 1]


# ── what is typed ───────────────────────────────────────────────────────────────────────────────────────────────────
def first_page(center, query=""):
    return [row.pk for row in page(center, query).rows]


@pytest.fixture
def eight():
    center = CenterFactory()
    add(center, [(f"Person {n}", BEGAN) for n in range(8)])
    return center


def cursor_in(url):
    (token,) = parse_qs(urlsplit(url).query)["after"]
    return token


@given(token=st.text(max_size=40) | st.binary(max_size=30).map(lambda raw: signing.b64_encode(raw).decode()))
@settings(max_examples=60)
def test_a_forged_cursor_counts_as_none(token):
    center = CenterFactory()
    add(center, [("a", BEGAN), ("b", BEGAN)])
    query = QueryDict(mutable=True)
    query["after"] = token

    found = listing(Member.objects.filter(center=center), query, columns=COLUMNS, order="name")

    assert len(found.rows) == 2


def test_a_cursor_with_one_letter_changed_counts_as_none(eight):
    token = cursor_in(page(eight).next_url)

    for place in range(0, len(token), 5):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert first_page(eight, f"after={changed}") == first_page(eight)


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_a_cursor_of_another_order_counts_as_none(eight, sort):
    token = cursor_in(page(eight, "sort=name").next_url)

    assert first_page(eight, f"sort={sort}&after={token}") == first_page(eight, f"sort={sort}")


def test_a_cursor_of_another_list_counts_as_none(eight):
    for _ in range(5):
        TrainingTypeFactory()
    theirs = listing(TrainingType.objects.all(), QueryDict(), columns=[Column("Name", "name")], order="name")

    assert first_page(eight, f"after={cursor_in(theirs.next_url)}") == first_page(eight)


def test_a_cursor_signed_for_another_purpose_counts_as_none(eight):
    token = signing.dumps(["Person 7", str(eight.pk)], salt="alliance.invitation", compress=True)

    assert first_page(eight, f"after={token}") == first_page(eight)


@pytest.mark.parametrize(
    "sort", ["password", "center__alliance__name", "email", "-", "", "?", "--name", "pk;drop", "name,id", "\x00"]
)
def test_only_the_headings_decide_the_order(eight, sort):
    query = QueryDict(mutable=True)
    query["sort"] = sort

    found = listing(Member.objects.filter(center=eight), query, columns=COLUMNS, order="name")

    assert len(found.rows) == 3
    assert all("password" not in str(heading.sort_url) for heading in found.columns)


def test_filters_keep_from_page_to_page_and_from_order_to_order(eight):
    found = page(eight, "words=a%26b%3D1&status=active&empty=")

    for url in (found.next_url, found.columns[1].sort_url):
        kept = parse_qs(urlsplit(url).query)
        assert (kept["words"], kept["status"]) == (["a&b=1"], ["active"])
        assert "empty" not in kept


def test_a_new_order_begins_at_the_first_page(eight):
    third = page(eight, page(eight, page(eight).next_url).next_url)
    second = page(eight, third.previous_url)

    for shown in (second, third):
        assert not {"after", "before"} & set(parse_qs(urlsplit(shown.columns[0].sort_url).query))


def test_the_first_page_has_none_before_and_the_last_none_after(eight):
    assert page(eight).previous_url is None

    url = page(eight).next_url
    while url:
        last, url = page(eight, url), page(eight, url).next_url
    assert last.next_url is None
    assert last.previous_url


def test_an_empty_list_says_so():
    found = page(CenterFactory())

    assert found.empty
    assert found.count_words == "0"
    assert (found.next_url, found.previous_url) == (None, None)


# ── as fast at any size ─────────────────────────────────────────────────────────────────────────────────────────────
def test_beyond_a_thousand_nobody_counts(monkeypatch, eight):
    monkeypatch.setattr(lists, "COUNTED", 5)

    with CaptureQueriesContext(connection) as queries:
        found = page(eight)

    assert found.count_words == "more than 5"
    (counting,) = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert "LIMIT 6" in counting


def test_a_page_costs_two_queries_and_reads_one_row_more_than_it_shows(eight):
    with CaptureQueriesContext(connection) as queries:
        page(eight, page(eight).next_url)

    reading = [query["sql"] for query in queries if "ORDER BY" in query["sql"]]
    assert len(queries) == 4
    assert all("LIMIT 4" in sql and "OFFSET" not in sql for sql in reading)


def test_a_list_that_fits_on_one_page_is_counted_by_its_rows(monkeypatch, eight):
    monkeypatch.setattr(lists, "PAGE", 8)

    with CaptureQueriesContext(connection) as queries:
        found = page(eight)

    assert (found.count, found.count_words) == (8, "8")
    assert len(queries) == 1


def test_the_heading_in_use_turns_the_order_around(eight):
    by_name, by_since, state = page(eight, "sort=name").columns

    assert (by_name.sorted, by_since.sorted, state.sort_url) == ("ascending", "", None)
    assert parse_qs(urlsplit(by_name.sort_url).query)["sort"] == ["-name"]
