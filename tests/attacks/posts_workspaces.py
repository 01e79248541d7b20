"""The forms of workspaces, filled in as their pages would; merged into SENT."""

from typing import Any

from tests.rules.cases_workspaces import free


def workspace_posts(Post: Any, why: Any) -> dict[str, Any]:
    """By address; `Post` and the reason come from posts.py, which merges these."""
    return {
        "workspaces:start": Post("owner", ready=free),
        "workspaces:stop": Post("owner", why),
        "workspaces:resume": Post("data_steward", why),
    }
