"""What the access decision rests on, read in one query as it was at any moment; facts.sql says how."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from apps.core.planned import rows_of

FEW = 100  # questions; of more, planning takes the lesser part, and the plan should know how many there are
QUERY = Path(__file__).with_name("facts.sql").read_text(encoding="utf-8")
# The same query, planned once for any few: behind a subquery PostgreSQL does not see how many are asked.
QUERY_OF_FEW = re.sub(r"%\(\w+\)s::uuid\[\]", r"(select \g<0>)", QUERY)


class Asked(NamedTuple):
    """May this member use this dataset in this project?"""

    member: UUID
    project: UUID
    dataset: UUID


class Facts(NamedTuple):
    """One row of facts.sql, in its order; text and team are those of the edition that the data's owner agreed to."""

    home: str
    home_slug: str
    owner: str
    dataset: str
    is_own_data: bool
    center_status: str | None
    member_status: str | None
    project_status: str | None
    vouch: UUID | None
    vouched_until: date | None
    training_missing: list[str] | None
    training_until: date | None
    training_record: UUID | None
    factor: int | None
    project_ends_on: date | None
    ethics_reference: str
    ethics_until: date | None
    purpose: str  # as JSON, like the terms
    gpu_hours: int
    gpu_used: Decimal
    team: UUID | None
    team_since: datetime | None
    named_at: datetime | None  # when the edition that counts was sent: it names who was on the team by then
    request: UUID | None
    request_state: str | None
    approved_until: date | None
    conditions: str | None
    approved_on: date | None
    version: UUID | None
    version_number: int | None
    terms: str | None
    is_published: bool | None
    is_withdrawn: bool | None
    agreement: UUID | None
    agreed_until: datetime | None
    agreement_number: int | None
    acceptance: UUID | None
    center: UUID  # of the member
    project: UUID
    edition: UUID | None  # None: nothing was sent yet, and the project's own text counts


def facts_of(asked: Sequence[Asked], at: datetime) -> list[Facts]:
    """The facts for each question, in their order; about what is not there, there are none."""
    values: dict[str, Any] = {
        "members": [one.member for one in asked],
        "projects": [one.project for one in asked],
        "datasets": [one.dataset for one in asked],
        "at": at,
    }
    if len(asked) <= FEW:
        return [Facts(*row) for row in rows_of(QUERY_OF_FEW, values)]
    with connection.cursor() as cursor:
        cursor.execute(QUERY, values)
        return [Facts(*row) for row in cursor.fetchall()]
