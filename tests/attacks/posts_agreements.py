"""Every form of the agreements, filled in as its page would; merged into SENT."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.agreements.selectors import terms_for
from apps.agreements.texts import sha256_of


def _draft(world: Any) -> dict[str, Any]:
    today = timezone.now().date()
    return {
        "title": "Another title",
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=90)).isoformat(),
        "datasets": [str(world.agreed.data.dataset_id)],
        "conditions": "One.\nTwo.",
        "blank_purpose": "other research",
    }


def _new(world: Any) -> dict[str, Any]:
    return {**_draft(world), "receiving": str(world.agreed.theirs.center_id)}


def _signature(world: Any) -> dict[str, Any]:
    return {"text_sha256": world.agreed.out.text_id, "read": "on", "statement": "Read."}


def _terms(world: Any) -> dict[str, Any]:
    found = terms_for(world.members["researcher"], world.agreed.data)
    return {"text_sha256": sha256_of(found.text), "read": "on"}


def _words(world: Any) -> dict[str, Any]:
    return {"text": "For {{purpose}}."}


def agreement_posts(Post: Any, why: Any) -> dict[str, Any]:
    """By address; `Post` and the reason come from posts.py."""
    return {
        "agreements:agreement_draft": Post("center_manager", _new),
        "agreements:agreement_amend": Post("center_manager"),
        "agreements:version_edit": Post("center_manager", _draft),
        "agreements:version_send": Post("signing_official"),
        "agreements:version_discard": Post("center_manager", why),
        "agreements:version_recall": Post("center_manager", why),
        "agreements:version_sign": Post("signing_official", _signature),
        "agreements:version_terminate": Post("signing_official", why),
        "agreements:terms_accept": Post("researcher", _terms),
        "agreements:template_new": Post(
            "alliance_manager", lambda world: {"name": "Newest", "purpose": "For the test.", **_words(world)}
        ),
        "agreements:wording_edit": Post("alliance_manager", _words),
        "agreements:wording_new": Post("alliance_manager", _words),
        "agreements:wording_publish": Post("alliance_manager"),
        "agreements:wording_retire": Post("alliance_manager", why),
    }
