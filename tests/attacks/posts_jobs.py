"""The forms of jobs, filled in as their pages would; merged into SENT."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.rules.cases_access import allow


def job_posts(Post: Any, why: Any) -> dict[str, Any]:
    """By address; `Post` and the reason come from posts.py, which merges these."""
    return {
        "jobs:new": Post("owner", _handed_in, ready=allow),
        "jobs:cancel": Post("owner", why),
        "jobs:budget": Post("center_manager", lambda _: {"resource": "cpu", "hours": "40", "reason": "As agreed."}),
        "jobs:share": Post("alliance_manager", lambda _: {"weight": "2.5", "reason": "As agreed."}),
    }


def _handed_in(world: Any) -> dict[str, Any]:
    return {
        "name": "train", "code": SimpleUploadedFile("train.py", b"print(1)"), "command": "python train.py",
        "datasets": [str(world.catalog.published.dataset_id)], "cpus": 1, "memory": 1, "hours": 1, "grace": 10,
        "priority": 1, "seed": 7,
    }  # fmt: skip
