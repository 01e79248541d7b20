"""Policies that every app may use."""

from typing import Any

from apps.core.decisions import Decision, allow_if


def is_oneself(actor: Any, target: Any) -> Decision:
    """Only the person whose account it is."""
    return allow_if(actor.pk == target.pk, otherwise="Only the person whose account this is can do that.")
