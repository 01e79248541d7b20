"""How dates, numbers and sizes read."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from apps.core.templatetags import words

NOON = datetime(2027, 5, 4, 14, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOON, tick=False):
        yield


def test_a_moment_says_its_zone():
    assert words.moment(NOON) == "4 May 2027, 14:02 UTC"


def test_text_in_iso_form_is_read_as_a_moment():
    assert words.moment("2027-03-03T09:05:00+00:00") == "3 Mar 2027, 09:05 UTC"


def test_a_date_has_no_hour():
    assert words.moment(date(2027, 12, 31)) == "31 Dec 2027"


@pytest.mark.parametrize("nothing", [None, "", "soon", 7])
def test_what_is_no_date_reads_as_a_dash(nothing):
    assert words.day(nothing) == "–"
    assert words.moment(nothing) == "–"
    assert words.ago(nothing) == "–"
    assert words.iso(nothing) == ""


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (timedelta(seconds=-20), "just now"),
        (timedelta(seconds=20), "in a moment"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(hours=-5), "5 hours ago"),
        (timedelta(days=-1), "1 day ago"),
        (timedelta(days=-13), "13 days ago"),
        (timedelta(days=21), "in 3 weeks"),
        (timedelta(days=44), "in 6 weeks"),
        (timedelta(days=-70), "2 months ago"),
        (timedelta(days=800), "in 2 years"),
    ],
)
def test_how_far_away_a_moment_is(apart, said):
    assert words.ago(NOON + apart) == said


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "yesterday"), (0, "today"), (1, "tomorrow"), (5, "in 5 days"), (-5, "5 days ago")]
)
def test_how_far_away_a_day_is(days, said):
    assert words.ago(NOON.date() + timedelta(days=days)) == said


def test_a_span_is_measured_from_a_moment_until_now():
    assert words.span(NOON - timedelta(days=3, hours=7)) == "3 days"


def test_a_span_of_seconds():
    assert words.span(59) == "under a minute"
    assert words.span(7200) == "2 hours"


@pytest.mark.parametrize(
    ("value", "said"),
    [(1204331, "1,204,331"), (0, "0"), (2.5, "2.5"), (1234.567, "1,234.57"), ("1200", "1,200"), (None, "–"), ("", "–")],
)
def test_numbers_have_separators(value, said):
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (3_400_000_000, "3.4 GB"),
     (999_999, "1.0 MB"), (120_000_000, "120 MB"), (None, "–")],
)  # fmt: skip
def test_sizes_are_in_the_unit_a_person_would_say(value, said):
    assert words.size(value) == said


@pytest.mark.parametrize(("value", "said"), [(0, "0 members"), (1, "1 member"), (1204, "1,204 members")])
def test_a_count_takes_its_word(value, said):
    assert words.count(value, "member,members") == said


def test_a_state_reads_as_words():
    assert words.as_words("out_for_signature") == "Out for signature"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        ([], "–"),
        ("", "–"),
        (True, "yes"),
        (False, "no"),
        (1204, "1,204"),
        (["a", "b"], "a, b"),
        ("x", "x"),
    ],
)
def test_a_value_of_an_event_reads_as_a_person_would_say_it(value, said):
    assert words.as_value(value) == said
