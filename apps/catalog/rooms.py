"""Who may send much: a signed word in the address of an upload, so that nobody else's bytes are even read."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.core import signing

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion

NAME = "room"
_signer = signing.TimestampSigner(salt="catalog.room")


def room_for(member: Member, version: DatasetVersion) -> str:
    """The word that opens the door for a large body; good for as long as a session."""
    return _signer.sign(f"{member.pk}:{version.pk}")


def room_of(scope: MutableMapping[str, Any]) -> int:
    """How many bytes more than others this request may send; the view still asks who sends them."""
    if scope.get("method") != "POST" or not str(scope.get("path", "")).startswith("/datasets/"):
        return 0
    said = parse_qs(bytes(scope.get("query_string", b"")).decode("latin-1")).get(NAME, [""])[0]
    try:
        _signer.unsign(said, max_age=settings.SESSION_LIFETIME)
    except signing.BadSignature:
        return 0
    return int(settings.UPLOAD_LARGEST)
