"""The agreements' background duties, each with its short list of commands."""

from apps.core.actors import SystemActor

AGREEMENTS_CLOCK = SystemActor(
    "agreements clock",
    frozenset(
        {
            "agreements.version.begun",
            "agreements.version.superseded",
            "agreements.version.expired",
            "agreements.version.reminded",
        }
    ),
)
