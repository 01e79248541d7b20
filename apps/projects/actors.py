"""The projects' background duties, each with its short list of commands."""

from apps.core.actors import SystemActor

ACCESS_CLOCK = SystemActor(
    "access clock",
    frozenset({"projects.access.begun", "projects.access.ended", "projects.project.reminded"}),
)
METER = SystemActor("meter", frozenset({"projects.gpu.used"}))
