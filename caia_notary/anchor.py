"""A copy of each hour's checkpoint in a bucket whose objects nobody can remove before their time (S3 Object Lock)."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg

from caia_notary.sequencer import Head, raise_alarm

YEARS = 6  # as long as HIPAA asks documents to be kept


def keep(connection: psycopg.Connection, head: Head, say: Callable[..., None]) -> None:
    """Store this hour's head once; where no anchor is set up, nothing happens."""
    bucket = os.environ.get("ANCHOR_BUCKET")
    if not bucket or head.note is None:
        return
    from botocore.exceptions import BotoCoreError, ClientError  # only where an anchor is set up

    hour = datetime.now(UTC).strftime("%Y/%m/%d/%H")
    if hour == _kept.get("hour"):
        return
    try:
        _ensure_bucket(bucket)
        _client().put_object(
            Bucket=bucket,
            Key=f"checkpoints/{hour}-{head.frontier.size}.note",
            Body=str(head.note).encode(),
            ContentType="text/plain",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=365 * YEARS + 2),
            ChecksumAlgorithm="SHA256",
        )
    except (BotoCoreError, ClientError) as error:
        say(event="anchor_failed", words=str(error))
        if head.signed_at and _kept.setdefault("failures", 0) == 0:
            raise_alarm(connection, "The hourly copy of the record's head could not be stored outside the portal.")
        return
    _kept["hour"] = hour
    say(event="anchored", size=head.frontier.size)


def _ensure_bucket(bucket: str) -> None:
    from botocore.exceptions import ClientError

    try:
        _client().head_bucket(Bucket=bucket)
    except ClientError:
        _client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)


_kept: dict[str, Any] = {}


@cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=os.environ.get("ANCHOR_ENDPOINT_URL") or None,
        aws_access_key_id=os.environ.get("ANCHOR_ACCESS_KEY_ID"),
        aws_secret_access_key=os.environ.get("ANCHOR_SECRET_ACCESS_KEY"),
        region_name=os.environ.get("ANCHOR_REGION", "us-east-1"),
        config=Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 2}, s3={"addressing_style": "path"}),
    )
