"""The catalog's background duties, each with its short list of commands."""

from apps.core.actors import SystemActor

PREVIEWER = SystemActor("previewer", frozenset({"catalog.look.made", "catalog.look.failed"}))
