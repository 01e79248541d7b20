"""The front end's parts from npm: pinned by package-lock.json, a few files of each kept in static/vendor."""

from __future__ import annotations


def make_ready() -> None:
    """Nothing yet."""
