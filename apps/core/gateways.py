"""Object storage by the S3 protocol, in our words, with our errors, and a timeout on every call."""

import functools
from collections.abc import Iterator
from typing import Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from apps.core.errors import NotFound, Unavailable

CHUNK = 256 * 1024


@functools.cache
def _client() -> Any:
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"max_attempts": 2},
        max_pool_connections=32,
        s3={"addressing_style": "path"},
    )
    where: dict[str, Any] = settings.S3
    return boto3.client("s3", config=config, **where)


@functools.cache
def _signer() -> Any:
    """Signs addresses the way every S3 storage understands today; boto3's own way for them is the old one."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    where: dict[str, Any] = settings.S3
    return boto3.client("s3", config=config, **where)


class Objects:
    """The portal's own bucket. Keys are ours, never a person's words."""

    def __init__(self, bucket: str | None = None) -> None:
        self.bucket = bucket or settings.S3_BUCKET

    def ping(self) -> None:
        """Raise Unavailable unless the storage answers."""
        self._call("list_objects_v2", MaxKeys=1)

    def ensure_bucket(self) -> None:
        """Create the bucket if it is missing."""
        try:
            self._call("head_bucket")
        except NotFound:
            self._call("create_bucket")

    def put(self, key: str, body: bytes | BinaryIO, *, media_type: str) -> None:
        self._call("put_object", Key=key, Body=body, ContentType=media_type)

    def open(self, key: str) -> "Stored":
        """The object's bytes in chunks. Raises NotFound or Unavailable before the first."""
        return Stored(self._call("get_object", Key=key)["Body"])

    def link(self, key: str, *, seconds: int) -> str:
        """An address at which whoever has it reads the object for so long; made here, nobody is asked."""
        params = {"Bucket": self.bucket, "Key": key}
        return str(_signer().generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    def delete(self, key: str) -> None:
        self._call("delete_object", Key=key)

    def _call(self, name: str, **arguments: Any) -> Any:
        try:
            return getattr(_client(), name)(Bucket=self.bucket, **arguments)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise NotFound("This file is no longer in the storage.") from error
            raise Unavailable("The file storage refused the request. Try again in a minute.") from error
        except BotoCoreError as error:
            raise Unavailable("The file storage does not answer. Try again in a minute.") from error


class Stored:
    """An object on its way; closing it lets go of the connection, also when nobody read to the end."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body.iter_chunks(CHUNK)

    def close(self) -> None:
        self._body.close()
