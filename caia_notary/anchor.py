"""A copy of each hour's checkpoint in a bucket whose objects nobody can remove before their time (S3 Object Lock)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from caia_notary.sequencer import Head, clear_alarms, raise_alarm
from tlog.tiles import write_files

KEPT = timedelta(days=365 * 6 + 2)  # as long as HIPAA asks documents to be kept
RETRY = 60.0  # seconds after a failure; meanwhile the record goes on
NOTED = "anchored"  # the file that says which hour's copy was stored last
ABOUT = "anchor"  # what its alarms are about


def keep(connection: psycopg.Connection, home: Path, head: Head, say: Callable[..., None]) -> None:
    """Store this hour's head once, also across restarts; where no anchor is set up, nothing happens."""
    bucket = os.environ.get("ANCHOR_BUCKET")
    if not bucket or head.note is None:
        return
    from botocore.exceptions import BotoCoreError, ClientError  # only where an anchor is set up

    done = f"{bucket} {_hour()}\n"
    # A note of our own: what lies in the bucket could be put there by another to keep us from storing.
    if _noted(home) == done or time.monotonic() < _failed.get(bucket, -RETRY) + RETRY:
        return
    try:
        _ensure_bucket(bucket)
        _client().put_object(
            Bucket=bucket,
            Key=f"checkpoints/{_hour()}-{head.frontier.size}.note",
            Body=str(head.note).encode(),
            ContentType="text/plain",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.now(UTC) + KEPT,
            ChecksumAlgorithm="SHA256",
        )
    except (BotoCoreError, ClientError) as error:
        _failed[bucket] = time.monotonic()
        say(event="anchor_failed", words=str(error))
        words = "The hourly copy of the record's head could not be stored outside the portal."
        raise_alarm(connection, words, about=ABOUT)
        return
    write_files(home, {NOTED: done.encode()})
    clear_alarms(connection, ABOUT)
    say(event="anchored", size=head.frontier.size)


def _hour() -> str:
    return datetime.now(UTC).strftime("%Y/%m/%d/%H")


def _noted(home: Path) -> str:
    try:
        return (home / NOTED).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _ensure_bucket(bucket: str) -> None:
    from botocore.exceptions import ClientError

    try:
        _client().head_bucket(Bucket=bucket)
    except ClientError:
        _client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)


_failed: dict[str, float] = {}  # when this process failed at a bucket


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
        config=Config(
            connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        ),
    )
