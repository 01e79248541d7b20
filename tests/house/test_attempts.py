"""The threat model's table of attempts: each of the design stands in it, and the tests beside it name it."""

import re

from tests.house.source import ROOT

_ROW = re.compile(r"^\| E(\d\d)(?:–E(\d\d))? [^|]*\|([^|]*)\|([^|]+)\|$", re.MULTILINE)
_FILE = re.compile(r"`(tests/[a-z_/]+\.py)`")
EXPECTED = {f"E{number:02}" for number in (*range(1, 46), *range(58, 71))}


def _rows() -> list[tuple[list[str], list[str], str]]:
    """Of each row the attempts, the files that try them, and what came of it."""
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    return [
        ([f"E{number:02}" for number in range(int(first), int(last or first) + 1)], _FILE.findall(tried), result)
        for first, last, tried, result in _ROW.findall(text)
    ]


def test_each_attempt_of_the_design_stands_there_once():
    told = [attempt for attempts, _, _ in _rows() for attempt in attempts]

    assert sorted(told) == sorted(EXPECTED)


def test_each_is_named_by_the_tests_beside_it_or_is_open():
    for attempts, files, result in _rows():
        texts = [(ROOT / file).read_text(encoding="utf-8").upper() for file in files]
        for attempt in attempts:
            assert all(attempt in text for text in texts), f"{attempt} is not named in each of {files}"
            assert files or "open:" in result, f"nothing tries {attempt}, and the table does not say that it is open"
