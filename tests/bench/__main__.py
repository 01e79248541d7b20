"""`python -m tests.bench [name …] [--json] [--scale X]`, called by ./caia bench."""

import argparse
import importlib
import json
import logging
import os
import sys
from collections.abc import Iterable

import django

BENCHES = ["pages", "access", "audit", "ingest", "workspaces", "jobs"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./caia bench")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="one object a line and nothing else")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, for a quick look")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(BENCHES)
    if unknown:
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
    django.setup()
    logging.disable(logging.ERROR)
    for name in asked.names or BENCHES:
        module = importlib.import_module(f"tests.bench.{name}")
        show(module.figures(scale=asked.scale), as_json=asked.json)
    return 0


def show(figures: Iterable[dict[str, object]], *, as_json: bool) -> None:
    """Each figure as it comes: a JSON line, or a row that a person likes to read."""
    for row in figures:
        if as_json:
            print(json.dumps(row), flush=True)
            continue
        extra = ", ".join(f"{key} {value}" for key, value in row.items() if key not in CORE)
        limit = f" (beside {row['limit']:,.1f}, ratio {row['ratio']:.2f})" if "limit" in row else ""
        print(
            f"{row['bench']:<8} {row['figure']:<34} {row['value']:>10,.1f} {row['unit']:<8}{limit}  {extra}", flush=True
        )


CORE = {"bench", "figure", "value", "unit", "limit", "ratio"}

if __name__ == "__main__":
    sys.exit(main())
