"""Objects in buckets: as much of S3 as bulk registration needs.

Source: Amazon S3 API reference: CreateBucket, PutObject, GetObject, ListObjectsV2 and their
siblings.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    import sqlite3

    from labkit.bench.simulator.account.context import Call

__all__ = [
    "StoredObject",
    "create_bucket",
    "delete_bucket",
    "delete_object",
    "find_bucket",
    "get_object",
    "list_buckets",
    "list_objects",
    "put_object",
]


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Source: Amazon S3 user guide, General purpose bucket naming rules."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object.

    Attributes:
        key: its key.
        body: its bytes.
        etag: the MD5 of the body, in hex.
        modified: when it was put there.
    """

    key: str
    body: bytes
    etag: str
    modified: datetime


def create_bucket(call: Call, bucket: str) -> None:
    """Create a bucket; again is fine, as it is in us-east-1.

    Raises:
        Refusal: InvalidBucketName.
    """
    if not _BUCKET.fullmatch(bucket):
        raise Refusal("InvalidBucketName", "The specified bucket is not valid.")
    call.run(
        "INSERT OR IGNORE INTO buckets (name, created) VALUES (?, ?)",
        *(bucket, call.now.isoformat()),
    )


def find_bucket(call: Call, bucket: str) -> None:
    """Refuse a bucket that is not there.

    Raises:
        Refusal: NoSuchBucket.
    """
    if call.one("SELECT 1 FROM buckets WHERE name = ?", bucket) is None:
        raise Refusal("NoSuchBucket", "The specified bucket does not exist")


def list_buckets(call: Call) -> list[tuple[str, datetime]]:
    """Return each bucket's name and when it was created."""
    rows = call.all("SELECT name, created FROM buckets ORDER BY name")
    return [(row["name"], datetime.fromisoformat(row["created"])) for row in rows]


def delete_bucket(call: Call, bucket: str) -> None:
    """Delete an empty bucket.

    Raises:
        Refusal: NoSuchBucket, BucketNotEmpty.
    """
    find_bucket(call, bucket)
    if call.one("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", bucket):
        raise Refusal("BucketNotEmpty", "The bucket you tried to delete is not empty")
    call.run("DELETE FROM buckets WHERE name = ?", bucket)


def put_object(call: Call, bucket: str, key: str, body: bytes) -> str:
    """Put an object into a bucket and return its ETag.

    Raises:
        Refusal: NoSuchBucket.
    """
    find_bucket(call, bucket)
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    call.run(
        "INSERT OR REPLACE INTO objects (bucket, key, body, etag, modified) VALUES (?, ?, ?, ?, ?)",
        *(bucket, key, body, etag, call.now.isoformat()),
    )
    return etag


def get_object(call: Call, bucket: str, key: str) -> StoredObject:
    """Return an object.

    Raises:
        Refusal: NoSuchBucket, NoSuchKey.
    """
    find_bucket(call, bucket)
    row = call.one("SELECT * FROM objects WHERE bucket = ? AND key = ?", bucket, key)
    if row is None:
        raise Refusal("NoSuchKey", "The specified key does not exist.")
    return _stored(row)


def delete_object(call: Call, bucket: str, key: str) -> None:
    """Delete an object; one that is not there is deleted already.

    Raises:
        Refusal: NoSuchBucket.
    """
    find_bucket(call, bucket)
    call.run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, key)


def list_objects(call: Call, bucket: str, prefix: str) -> list[StoredObject]:
    """Return a bucket's objects whose keys begin with a prefix.

    Raises:
        Refusal: NoSuchBucket.
    """
    find_bucket(call, bucket)
    rows = call.all(
        "SELECT * FROM objects WHERE bucket = ? AND substr(key, 1, ?) = ? ORDER BY key",
        *(bucket, len(prefix), prefix),
    )
    return [_stored(row) for row in rows]


def _stored(row: sqlite3.Row) -> StoredObject:
    modified = datetime.fromisoformat(row["modified"])
    return StoredObject(row["key"], row["body"], row["etag"], modified)
