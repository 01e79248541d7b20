"""The hourly copy in a bucket with object lock, at the real storage: once an hour, kept, an alarm where it fails."""

import json
import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings

from caia_notary import __main__ as notary_process
from caia_notary import anchor
from door.storage import ANCHOR
from tests.record.conftest import noted

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
REFUSED = r"AccessDenied|InvalidBucketState|BucketNotEmpty"


@pytest.fixture(scope="module")
def keys():
    """Access key and secret of the anchor and of the portal."""
    try:
        secrets = json.loads((Path(settings.HOME) / "secrets").read_text(encoding="utf-8"))
    except FileNotFoundError:
        pytest.skip("only at a storage that ./caia started are the anchor's keys known")
    return {
        "anchor": (secrets["anchor_access"], secrets["anchor_secret"]),
        "portal": (secrets["s3_access"], secrets["s3_secret"]),
    }


def opened(keys, whose):
    access, secret = keys[whose]
    return boto3.client(
        "s3", endpoint_url=os.environ["S3_ENDPOINT_URL"], aws_access_key_id=access, aws_secret_access_key=secret,
        region_name="us-east-1", config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )  # fmt: skip


class Bucket:
    """The anchor's bucket in an hour of this test alone, whose copies are kept for some seconds only."""

    def __init__(self, keys, monkeypatch):
        self.keys, self.patch = keys, monkeypatch
        self.hour = f"test/{uuid.uuid4().hex}"
        self.use("anchor", ANCHOR)
        monkeypatch.setattr(anchor, "KEPT", timedelta(seconds=20))
        monkeypatch.setattr(anchor, "RETRY", 0.0)
        monkeypatch.setattr(anchor, "_hour", lambda: self.hour)

    def use(self, whose, bucket, endpoint=None):
        self.patch.setenv("ANCHOR_BUCKET", bucket)
        self.patch.setenv("ANCHOR_ENDPOINT_URL", endpoint or os.environ["S3_ENDPOINT_URL"])
        self.patch.setenv("ANCHOR_ACCESS_KEY_ID", self.keys[whose][0])
        self.patch.setenv("ANCHOR_SECRET_ACCESS_KEY", self.keys[whose][1])
        anchor._client.cache_clear()

    def copies(self):
        """Every version of this hour's copies, and no mark of deletion."""
        found = opened(self.keys, "anchor").list_object_versions(Bucket=ANCHOR, Prefix=f"checkpoints/{self.hour}-")
        return [(one["Key"], one["VersionId"]) for one in found.get("Versions", [])]


@pytest.fixture
def bucket(keys, monkeypatch):
    yield Bucket(keys, monkeypatch)
    anchor._client.cache_clear()


def run_once(place):
    """The notary is started, does one round, and ends."""
    with psycopg.connect(place.database_url) as connection:
        notary_process._work(place, connection, notary_process.Stop(), once=True)


@pytest.fixture
def alarms(superuser):
    return lambda: superuser.execute("select words, cleared_at is null from audit.alarm").fetchall()


def test_one_copy_an_hour_is_stored_also_when_the_notary_is_started_again(filled, place, bucket, alarms):
    filled.connection.close()
    run_once(place)
    noted(5)
    run_once(place)
    run_once(place)

    ((key, version),) = bucket.copies()
    stored = opened(bucket.keys, "anchor").get_object(Bucket=ANCHOR, Key=key, VersionId=version)
    assert stored["Body"].read().decode() == str(filled.head.note)
    assert (stored["ObjectLockMode"], alarms()) == ("COMPLIANCE", [])
    bucket.hour += "-later"
    run_once(place)
    assert len(bucket.copies()) == 1


@pytest.mark.parametrize("whose", ["anchor", "portal"])
def test_nobody_removes_or_replaces_a_copy_before_its_time(filled, place, bucket, whose):
    filled.connection.close()
    run_once(place)
    ((key, version),) = bucket.copies()
    hand, one = opened(bucket.keys, whose), {"Bucket": ANCHOR, "Key": key, "VersionId": version}
    soon = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=1)}
    weaker = soon | {"Mode": "GOVERNANCE"}

    for attempt in (
        lambda: hand.delete_object(**one),
        lambda: hand.delete_object(**one, BypassGovernanceRetention=True),
        lambda: hand.put_object_retention(**one, Retention=soon),
        lambda: hand.put_object_retention(**one, Retention=weaker, BypassGovernanceRetention=True),
        lambda: hand.put_bucket_versioning(Bucket=ANCHOR, VersioningConfiguration={"Status": "Suspended"}),
        lambda: hand.delete_bucket(Bucket=ANCHOR),
    ):
        with pytest.raises(ClientError, match=REFUSED):
            attempt()
    many = hand.delete_objects(Bucket=ANCHOR, Delete={"Objects": [{"Key": key, "VersionId": version}]})
    assert [error["Code"] for error in many["Errors"]] == ["AccessDenied"]
    # Laid over it or marked as deleted, it is out of sight; the copy itself stays under its version.
    hand.put_object(Bucket=ANCHOR, Key=key, Body=b"another")
    hand.delete_object(Bucket=ANCHOR, Key=key)
    assert hand.get_object(**one)["Body"].read().decode() == str(filled.head.note)


def test_what_can_not_be_stored_is_one_alarm_that_ends_when_it_is_stored(filled, place, bucket, alarms):
    filled.connection.close()
    bucket.use("anchor", ANCHOR, "http://127.0.0.1:1")
    run_once(place)
    run_once(place)
    ((words, stands),) = alarms()
    assert ("could not be stored" in words, stands) == (True, True)

    bucket.use("anchor", ANCHOR)
    run_once(place)

    assert alarms() == [(words, False)]
    assert len(bucket.copies()) == 1


def test_after_a_failure_the_storage_is_left_alone_for_a_while(filled, place, bucket, monkeypatch):
    said = []
    bucket.use("anchor", ANCHOR, "http://127.0.0.1:1")
    monkeypatch.setattr(anchor, "_failed", {})
    monkeypatch.setattr(anchor, "RETRY", 60.0)

    for _ in range(3):
        anchor.keep(filled.connection, place.home, filled.head, lambda **facts: said.append(facts["event"]))

    assert said == ["anchor_failed"]


def test_a_bucket_without_lock_is_an_alarm(filled, place, bucket, alarms):
    hand, name = opened(bucket.keys, "portal"), f"caia-open-{uuid.uuid4().hex[:8]}"
    hand.create_bucket(Bucket=name)
    try:
        bucket.use("portal", name)
        filled.connection.close()
        run_once(place)

        assert [stands for _, stands in alarms()] == [True]
        assert hand.list_objects_v2(Bucket=name)["KeyCount"] == 0
    finally:
        hand.delete_bucket(Bucket=name)


def test_without_an_anchor_nothing_is_stored_and_nobody_is_troubled(filled, place, monkeypatch, alarms):
    monkeypatch.delenv("ANCHOR_BUCKET", raising=False)
    filled.connection.close()
    run_once(place)

    assert not (place.home / anchor.NOTED).exists()
    assert alarms() == []
