"""What is kept of one column of a table while its rows stream by, within a fixed amount of memory."""

import math
import random
import re
from array import array
from bisect import bisect_right
from collections import Counter
from datetime import date
from typing import Any

MISSING = {
    "", ".", "-", "na", "n/a", "#n/a", "nan", "null", "none",
    "[not available]", "[not applicable]", "[not evaluated]", "[unknown]",
}  # fmt: skip
YES_NO = ({"yes", "no"}, {"y", "n"}, {"true", "false"})
WHOLE = re.compile(r"[+-]?\d{1,18}(\.0{1,6})?")
NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,2})?")  # sums of these stay finite
LISTED = 100  # a column with more different values lists none of them
LISTED_NUMBERS = 12
LONGEST_LISTED = 100
AROUND = 10  # a given number is the mean of so many people's values
FEWEST = 4 * AROUND  # and with fewer numbers than this none is given
BINS = 10


class Column:
    """A column that has seen some values.

    `kept` bounds how many numbers and how many different values it remembers, `most_listed` how many it counts by name.
    """

    def __init__(self, name: str, *, kept: int, most_listed: int = LISTED) -> None:
        self.name, self.kept, self.most_listed = name, kept, most_listed
        self.seen = self.missing = self.numbers_seen = 0
        self.listed: Counter[str] | None = Counter()
        self.different: set[int] = set()
        self.numbers = array("d")
        self.is_whole = self.is_number = self.is_day = True
        self._random = random.Random(0)  # noqa: S311  (which rows a sample takes is no secret)

    def add(self, value: str) -> None:
        """Take one value as it stands in the table."""
        value = value.strip()
        self.seen += 1
        if value.lower() in MISSING:
            self.missing += 1
            return
        if len(self.different) < self.kept:
            self.different.add(hash(value))
        if self.listed is not None:
            self._list(value)
        self.is_day = self.is_day and _is_day(value)
        self.is_whole = self.is_whole and WHOLE.fullmatch(value) is not None
        self.is_number = self.is_number and (self.is_whole or NUMBER.fullmatch(value) is not None)
        if self.is_number:
            self._number(float(value))

    def _list(self, value: str) -> None:
        assert self.listed is not None
        self.listed[value] += 1
        if len(self.listed) > self.most_listed or len(value) > LONGEST_LISTED:
            self.listed = None

    def _number(self, value: float) -> None:
        """Keep it, or once there are too many, let it take a random place: each number is as likely to stay."""
        self.numbers_seen += 1
        if len(self.numbers) < self.kept:
            self.numbers.append(value)
        elif (place := self._random.randrange(self.numbers_seen)) < self.kept:
            self.numbers[place] = value

    @property
    def kind(self) -> str:
        """number, whole number, date, yes/no or text; a column without a value is text."""
        if self.seen == self.missing:
            return "text"
        if self.is_number:
            return "whole number" if self.is_whole else "number"
        if self.is_day:
            return "date"
        if self.listed is not None and any({value.lower() for value in self.listed} <= words for words in YES_NO):
            return "yes/no"
        return "text"

    def summary(self) -> dict[str, Any]:
        """Name, kind, missing, distinct, and where it fits `values` with counts or `numbers`."""
        told: dict[str, Any] = {"name": self.name, "kind": self.kind, "missing": self.missing}
        told["distinct"] = len(self.different)
        told["distinct_is_exact"] = len(self.different) < self.kept
        most = LISTED_NUMBERS if self.is_number else self.most_listed
        if self.listed and self.kind != "date" and len(self.listed) <= most:
            told["values"] = [[value, count] for value, count in sorted(self.listed.items(), key=lambda v: (-v[1], v))]
        elif self.is_number and self.numbers_seen >= FEWEST:
            told["numbers"] = self._numbers()
        return told

    def _numbers(self) -> dict[str, Any]:
        """Low, quartiles and high, each the mean of AROUND neighbors in order, and counts in bins of even width.

        So no figure is one person's value: the extremes are the means of the lowest and of the highest AROUND, and all
        are rounded to a hundredth of their spread. The outer bins are open, so the true extremes stay unknown too.
        """
        ordered = sorted(self.numbers)
        last = len(ordered) - AROUND
        starts = [0, *(round(last * part) for part in (0.25, 0.5, 0.75)), last]
        means = [math.fsum(ordered[start : start + AROUND]) / AROUND for start in starts]
        digits = _digits(means[-1] - means[0], means[-1])
        low, lower, median, upper, high = (round(mean, digits) for mean in means)
        told: dict[str, Any] = {"low": low, "quartiles": [lower, median, upper], "high": high, "around": AROUND}
        if self.numbers_seen > len(self.numbers):
            told["sampled"] = len(self.numbers)
        edges = sorted({round(low + (high - low) * step / BINS, digits) for step in range(1, BINS)})
        counts = [0] * (len(edges) + 1)
        for value in ordered:
            counts[bisect_right(edges, value)] += 1
        return {**told, "edges": edges, "counts": counts}


def _digits(spread: float, size: float) -> int:
    """Decimals that show a hundredth of the spread."""
    scale = spread or abs(size)
    return 2 - math.floor(math.log10(scale)) if scale else 0


def _is_day(value: str) -> bool:
    if not re.match(r"\d{4}-\d\d-\d\d", value):
        return False
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return len(value) == 10 or value[10] in "T "
