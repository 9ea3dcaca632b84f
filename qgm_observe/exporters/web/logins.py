"""Who may come in: basic authentication (RFC 7617) that a scrape pays for once.

bcrypt is slow on purpose. What was found out is kept, in bounded tables, under a keyed hash:
neither a password stays in memory nor anything of it that another process could use. An unknown
name costs as much time as a wrong password.
"""

import asyncio
import base64
import binascii
import enum
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping

from qgm_observe.exporters.web.limits import aside
from qgm_observe.exporters.web.web_config import decoy, is_password

MOST_PROVEN = 128
MOST_REFUSED = 128
MOST_WAITING = 16
"""Logins that wait for their turn; who comes then is asked to come again."""

LONGEST_FIELD = 4_096


class Verdict(enum.Enum):
    """What came of a login."""

    PROVEN = "proven"
    REFUSED = "refused"
    BUSY = "busy"


class Logins:
    """Users and what is known of their passwords.

    Args:
        users: Name to bcrypt hash.
        check: Compares a password with a hash, slowly.
    """

    def __init__(
        self,
        users: Mapping[str, bytes],
        check: Callable[[bytes, bytes], bool] = is_password,
    ) -> None:
        self._users = users
        self._check = check
        self._decoy = decoy(users)
        self._secret = os.urandom(32)
        self._proven = _Recent(MOST_PROVEN)
        self._refused = _Recent(MOST_REFUSED)
        self._pending: dict[bytes, asyncio.Task[bool]] = {}
        self._turn = asyncio.Lock()

    async def verdict(self, field: str | None) -> Verdict:
        """Return what is to be thought of an Authorization field."""
        credentials = _credentials(field)
        if credentials is None:
            return Verdict.REFUSED
        name, password = credentials
        key = self._key(name, password)
        if self._proven.has(key):
            return Verdict.PROVEN
        if self._refused.has(key):
            return Verdict.REFUSED
        if key not in self._pending and len(self._pending) >= MOST_WAITING:
            return Verdict.BUSY
        return Verdict.PROVEN if await self._found_out(key, name, password) else Verdict.REFUSED

    async def _found_out(self, key: bytes, name: str, password: bytes) -> bool:
        """Check once, however many ask for the same meanwhile."""
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._checked(key, name, password))
            self._pending[key] = task
        return await asyncio.shield(task)

    async def _checked(self, key: bytes, name: str, password: bytes) -> bool:
        hashed = self._users.get(name, self._decoy)
        try:
            async with self._turn:
                matches = await aside(lambda: self._check(password, hashed))
        finally:
            del self._pending[key]
        is_proven = matches and name in self._users
        (self._proven if is_proven else self._refused).add(key)
        return is_proven

    def _key(self, name: str, password: bytes) -> bytes:
        parts = (name.encode(), self._users.get(name, b""), password)
        told = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._secret, told, hashlib.sha256)


class _Recent:
    """So many keys, the longest unused of which goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: OrderedDict[bytes, None] = OrderedDict()

    def has(self, key: bytes) -> bool:
        if key not in self._keys:
            return False
        self._keys.move_to_end(key)
        return True

    def add(self, key: bytes) -> None:
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)


def _credentials(field: str | None) -> tuple[str, bytes] | None:
    """Return name and password, if the field holds any."""
    scheme, _, told = (field or "").partition(" ")
    if scheme.lower() != "basic" or len(told) > LONGEST_FIELD:
        return None
    try:
        plain = base64.b64decode(told.strip(), validate=True)
        name, colon, password = plain.partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None
