"""Searching by words, the same way in every list."""

import re
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet

MOST_WORDS = 8


def with_words(rows: QuerySet[Any], words: str, *fields: str, config: str) -> QuerySet[Any]:
    """Those whose fields have words that begin like each of these; none where there is no word.

    Fast where an index is on just this vector: the fields in this order, with this configuration.
    """
    plain = re.sub(r"[\x00'\\]", " ", words).split()  # what the quoting of a tsquery's words could trip over
    terms = " & ".join(f"'{word}':*" for word in plain[:MOST_WORDS])
    if not terms:
        return rows.none()
    rows = rows.annotate(words=SearchVector(*fields, config=config))
    return rows.filter(words=SearchQuery(terms, config=config, search_type="raw"))


def titled(rows: QuerySet[Any], words: str, *, mark: str) -> QuerySet[Any]:
    """Those whose title has these words, or whose reference this is: the number, with its mark or without."""
    named = re.fullmatch(rf"(?i)\s*(?:{re.escape(mark)}-?)?0*(\d{{1,9}})\s*", words)
    return rows.filter(Q(title__icontains=words.strip()) | Q(number=int(named[1]) if named else None))
