"""The alliance's background duties, each with its short list of commands."""

from apps.core.actors import SystemActor

FOUNDER = SystemActor(
    "founder",
    frozenset(
        {
            "alliance.center.founded",
            "alliance.member.founded",
        }
    ),
)
CLOCK = SystemActor(
    "clock",
    frozenset(
        {
            "alliance.grant.lapsed",
            "alliance.training.lapsed",
            "alliance.member.reminded",
        }
    ),
)
