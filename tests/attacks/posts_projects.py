"""The forms of projects, filled in as their pages would."""

from typing import Any

from tests.house.samples import World
from tests.projects.world import in_days
from tests.rules.cases_projects import _colleague_on_active, _join, _take, approve, stand


def _wait_in_draft(world: World) -> None:
    """The sample draft is decided, with something to begin with."""
    approve(world)
    stand(world, "decided")


def _draft(world: World) -> dict[str, Any]:
    return {"pk": world.projects.draft.pk}


def _ask(world: World) -> dict[str, Any]:
    return {"dataset": world.agreed.data.dataset.slug, "reason": "To compare."}


def _away(world: World) -> dict[str, Any]:
    """A steward on leave, and who stands in."""
    return {
        "away": str(world.members["data_steward"].pk),
        "stand_in": str(world.projects.stand_in.stand_in_id),
        "starts_on": in_days(20).isoformat(),
        "ends_on": in_days(30).isoformat(),
        "reason": "On leave.",
    }


def project_posts(Post: Any, why: Any) -> dict[str, Any]:
    """By address; `Post` and the reason come from posts.py, which merges these."""
    words = {"text": "Why all years?"}
    return {
        "projects:propose": Post("owner", lambda _: {"title": "A question"}),
        "projects:write": Post(
            "owner", lambda _: {"section": "methods", "methods": "Other models.", "outputs": "Figures."}
        ),
        "projects:datasets": Post("owner", _ask),
        "projects:request_reason": Post("owner", why),
        "projects:request_drop": Post("owner"),
        "projects:team": Post("owner", lambda world: {"member": str(world.members["researcher"].pk)}),
        "projects:team_remove": Post(
            "owner",
            ready=_join,
            arguments=lambda world: {"pk": world.projects.draft.pk, "person": world.members["researcher"].pk},
        ),
        "projects:submit": Post("owner"),
        "projects:withdraw": Post("owner", why, arguments=_draft),
        "projects:remark": Post("owner", lambda _: words, arguments=lambda world: {"pk": world.projects.submitted.pk}),
        "projects:start": Post("owner", ready=_wait_in_draft, arguments=_draft),
        "projects:suspend": Post("center_manager", why),
        "projects:reinstate": Post("center_manager", why, lambda world: stand(world, "suspended"), arguments=_draft),
        "access:request_take": Post("data_steward"),
        "access:request_let_go": Post("data_steward", ready=_take),
        "access:request_approve": Post(
            "data_steward", lambda _: {"edition": 1, "ends_on": in_days(90).isoformat(), "conditions": "Cite us."}
        ),
        "access:request_refuse": Post("data_steward", why),
        "access:request_ask": Post("data_steward", lambda _: words),
        "access:request_return": Post("data_steward", why),
        "access:stand_in_name": Post("data_steward", _away),
        "access:stand_in_end": Post("data_steward"),
        "access:request_revoke": Post("data_steward", why, arguments=lambda world: {"pk": world.projects.approved.pk}),
    }


def change_posts(Post: Any, why: Any) -> dict[str, Any]:
    """The same for what happens to a project after it was decided."""
    return {
        "projects:close": Post(
            "owner",
            lambda _: {
                "confirmed": ["outputs", "copies", "publications"],
                "learned": "It works.",
                "publications": "",
                "reason": "",
            },
        ),
        "projects:hand_over": Post(
            "owner",
            lambda world: {"to": str(world.members["researcher"].pk), "reason": "For the test."},
            _colleague_on_active,
        ),
        "projects:change_begin": Post("owner"),
        "projects:change": Post("owner", lambda _: {"section": "methods", "methods": "Cox.", "outputs": "Figures."}),
        "projects:change_submit": Post("owner"),
        "projects:change_withdraw": Post("owner", why),
        "projects:renew": Post("owner"),
    }
