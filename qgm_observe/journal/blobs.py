"""Large contents, kept once each under the hash of what they are.

What is kept at all is the user's choice: `QGM_OBSERVE_CAPTURE`, see `captured`.
"""

import enum
import hashlib
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qgm_observe.errors import UsageError

LARGEST = 16 * 1024**2
"""Bytes above which a content is known by its hash alone."""


class Capture(enum.Enum):
    """What becomes of a content."""

    KEEP = "keep"
    HASH = "hash"
    NOTHING = "nothing"


_KEEP, _HASH, _NOTHING = Capture.KEEP, Capture.HASH, Capture.NOTHING

_KINDS = (
    "circuits",
    "calibration",
    "noise_model",
    "parameters",
    "program",
    "counts",
    "compile_log",
    "provenance",
)

CAPTURED = {
    "none": dict.fromkeys(_KINDS, _NOTHING),
    "hashes": dict.fromkeys(_KINDS, _HASH) | {"provenance": _KEEP},
    "circuits": {
        "circuits": _KEEP,
        "calibration": _KEEP,
        "noise_model": _KEEP,
        "parameters": _KEEP,
        "program": _KEEP,
        "counts": _HASH,
        "compile_log": _KEEP,
        "provenance": _KEEP,
    },
    "all": dict.fromkeys(_KINDS, _KEEP),
}
"""Capture level, then kind of content, to what becomes of it."""


def captured(level: str, kind: str) -> Capture:
    """Return what becomes of a kind of content at a capture level of the settings.

    Raises:
        UsageError: there is no such level or kind.
    """
    if level not in CAPTURED:
        raise UsageError(f"capture {level!r}: write one of {', '.join(CAPTURED)}")
    if kind not in CAPTURED[level]:
        raise UsageError(f"blob kind {kind!r}: write one of {', '.join(CAPTURED[level])}")
    return CAPTURED[level][kind]


@dataclass(frozen=True, slots=True)
class Blob:
    """One content.

    Attributes:
        kind: `circuits`, `calibration`, `noise_model`, `parameters`, `program` (what a sampler was
            asked for), `counts`, `compile_log` or `provenance`.
        data: The bytes.
    """

    kind: str
    data: bytes

    @property
    def hash(self) -> str:
        """The SHA-256 of the bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def references(body: Mapping[str, Any]) -> set[str]:
    """Return the hashes a body refers to: its `blob`, and those in its `blobs` by kind."""
    blobs = body.get("blobs")
    named = [body.get("blob")]
    for hashes in blobs.values() if isinstance(blobs, Mapping) else ():
        named.extend([hashes] if isinstance(hashes, str) else hashes)
    return {each for each in named if isinstance(each, str)}


@dataclass(frozen=True, slots=True)
class PackedBlob:
    """One content as it is kept."""

    hash: str
    kind: str
    size: int
    packed: bytes


def pack(blobs: Iterable[Blob], known: Collection[str]) -> list[PackedBlob]:
    """Return contents whose hash is not `known` yet; one above `LARGEST` stays a hash."""
    packed: dict[str, PackedBlob] = {}
    for blob in blobs:
        key = blob.hash
        if key not in packed and len(blob.data) <= LARGEST and key not in known:
            packed[key] = PackedBlob(key, blob.kind, len(blob.data), zlib.compress(blob.data, 6))
    return list(packed.values())


def unpack(packed: bytes) -> bytes:
    """Return the bytes that were packed, at most `LARGEST` of them."""
    return zlib.decompressobj().decompress(packed, LARGEST)


def keep(db: sqlite3.Connection, blobs: Iterable[PackedBlob], stored_at: float) -> None:
    """Keep contents; one that is kept already is left as it is."""
    db.executemany(
        "INSERT OR IGNORE INTO blobs (hash, kind, stored_at, size, packed) VALUES (?,?,?,?,?)",
        [(blob.hash, blob.kind, stored_at, blob.size, blob.packed) for blob in blobs],
    )


def is_kept(db: sqlite3.Connection, key: str) -> bool:
    """Return whether a content is kept."""
    return db.execute("SELECT 1 FROM blobs WHERE hash = ?", (key,)).fetchone() is not None


def fetch(db: sqlite3.Connection, key: str) -> bytes | None:
    """Return a content by its hash, `None` if it is not kept."""
    row = db.execute("SELECT packed FROM blobs WHERE hash = ?", (key,)).fetchone()
    return unpack(row[0]) if row else None
