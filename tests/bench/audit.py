"""The record beside the machine's limits: what it costs a change, how quick notary, verifiers and pages are."""

from collections.abc import Iterator
from typing import Any

from tests.bench import audit_notary, audit_pages, audit_rates


def figures(*, scale: float = 1.0) -> Iterator[dict[str, Any]]:
    """Figures of docs/benchmarks.md; each part begins with an empty record of its own."""
    yield from audit_rates.figures(scale)
    yield from audit_notary.figures(scale)
    yield from audit_pages.figures(scale)
