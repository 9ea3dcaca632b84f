"""What a journal holds, sent to an exporter that outlives the process, its volume and its node.

The receiver answers once it has stored a shipment, and knows every event by its id: what was sent
and not acknowledged is sent again and counted once. Until then it stays in the journal, behind a
cursor a receiver.
"""

import base64
import contextlib
import hashlib
import http.client
import logging
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from qgm_observe.errors import Error, UsageError
from qgm_observe.journal import Blob, Event, Store
from qgm_observe.journal.shipment import Shipment, packed
from qgm_observe.journal.store import identity
from qgm_observe.records import current_process
from qgm_observe.redaction import redacted
from qgm_observe.settings import Settings
from qgm_observe.telemetry.delivery import Delivery, Route

log = logging.getLogger("qgm_observe")

PATH = "/api/v1/events"
REQUEST_SECONDS = 10.0
BATCH = 1_000
LARGEST_BODY = 4 * 2**20
"""Bytes that a receiver takes at once."""

LONGEST_ANSWER = 64 * 2**10
MOST_OPEN = 2_000
_OK, _TOO_LARGE = 200, 413
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Receiver:
    """An exporter that takes shipments.

    Attributes:
        scheme: `http` or `https`.
        path: Before `/api/v1/events`.
        authorization: Gives the field's value, read anew for each request.
    """

    scheme: str
    host: str
    port: int
    path: str
    user: str
    token: str | None
    token_file: Path | None
    trusted: ssl.SSLContext | None

    @property
    def name(self) -> str:
        """What its cursor is called: the same for the same receiver."""
        url = f"{self.scheme}://{self.host}:{self.port}{self.path}"
        return f"ship-{hashlib.sha256(url.encode()).hexdigest()[:12]}"

    def post(self, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Return status and text of the answer to a shipment.

        Raises:
            OSError: there was none in time.
            http.client.HTTPException: it was none.
        """
        return self._asked("POST", PATH, body, seconds, LONGEST_ANSWER)

    def get(self, path: str, seconds: float, longest: int) -> tuple[int, bytes]:
        """Return status and text, so many bytes at most, of what the exporter tells at a path.

        Raises:
            OSError: there was no answer in time.
            http.client.HTTPException: it was none.
        """
        return self._asked("GET", path, None, seconds, longest)

    def _asked(
        self, method: str, path: str, body: bytes | None, seconds: float, longest: int
    ) -> tuple[int, bytes]:
        connection = self._connection(seconds)
        try:
            connection.request(method, f"{self.path}{path}", body, self._fields())
            answer = connection.getresponse()
            return answer.status, answer.read(longest)
        finally:
            connection.close()

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        if self.trusted is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=seconds, context=self.trusted
        )

    def _fields(self) -> dict[str, str]:
        fields = {"Content-Type": "application/x-ndjson"}
        token = self.token
        if self.token_file is not None:
            token = self.token_file.read_text(encoding="utf-8").strip()
        if token:
            login = base64.b64encode(f"{self.user}:{token}".encode()).decode()
            fields["Authorization"] = f"Basic {login}"
        return fields


def receiver_of(settings: Settings) -> Receiver:
    """Return the receiver that the settings name.

    Raises:
        UsageError: the address, or a file, cannot be used.
    """
    shown = "ship_to" if settings.ship_to is None else f"ship_to {_bare(settings.ship_to)}"
    try:
        url = urlsplit(settings.ship_to or "")
        port = url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        url, port = urlsplit(""), 0
    if not port or not url.hostname or url.username or url.query:
        raise UsageError(
            f"{shown}: write http:// or https://HOST:PORT, and the token in ship_token_file"
        )
    return Receiver(
        scheme=url.scheme,
        host=url.hostname,
        port=port,
        path=url.path.rstrip("/"),
        user=settings.ship_user,
        token=settings.ship_token,
        token_file=settings.ship_token_file,
        trusted=_trusted(settings.ship_ca_file) if url.scheme == "https" else None,
    )


class Shipper:
    """Follows a journal and ships all of it.

    Args:
        path: The journal.
        receiver: Where to.
        interval: Seconds between two shipments.
        blobs: Whether contents go along.
    """

    def __init__(
        self, path: Path, receiver: Receiver, interval: float, *, blobs: bool = False
    ) -> None:
        self.shipped = 0
        self.trouble = ""
        self._receiver = receiver
        self._blobs = blobs
        self._key = ""
        self._told_open = False
        self._deadline: float | None = None
        route = Route(receiver.name, None, None, begins_at_first=True, batch=BATCH)
        self._delivery = Delivery(path, self._take, self._beat, interval, route)

    def start(self) -> None:
        """Begin to ship on a thread of its own."""
        self._delivery.start()

    def stop(self, timeout: float) -> bool:
        """Ship once more, within `timeout` seconds; false when some of it waits in the journal."""
        self._deadline = time.monotonic() + timeout
        return self._is_whole(delivered=self._delivery.stop(timeout))

    def finish(self, timeout: float) -> bool:
        """Ship all that waits now, within `timeout` seconds; false when some of it is left."""
        self._deadline = time.monotonic() + timeout
        try:
            return self._is_whole(delivered=self._delivery.once())
        finally:
            self._delivery.close()

    # ---------------------------------------------------------------------------------- inner

    def _is_whole(self, *, delivered: bool) -> bool:
        if delivered and not self._delivery.is_ours:
            self.trouble = "another process ships it just now"
        return delivered and self._delivery.is_ours

    def _take(self, events: Sequence[Event]) -> bool:
        """Ship events with all that is open; too many at once go in two halves."""
        journal = self._delivery.journal
        if journal is None:
            return False
        blobs = list(_contents(journal, events)) if self._blobs else []
        body = self._packed(journal, events, blobs)
        if len(body) <= LARGEST_BODY:
            status = self._post(body)
            if status != _TOO_LARGE:
                self.shipped += len(events) if status == _OK else 0
                return status == _OK
        if len(events) > 1:
            half = len(events) // 2
            return self._take(events[:half]) and self._take(events[half:])
        log.warning("ship: event %s is too large and was left out", [each.id for each in events])
        return True

    def _beat(self) -> None:
        """Ship what is open, where no event told of it this time."""
        journal = self._delivery.journal
        if journal is None or not self._delivery.is_ours:
            return
        with contextlib.suppress(Error):
            if journal.open_work() or self._told_open:
                self._post(self._packed(journal, (), ()))

    def _packed(self, journal: Store, events: Sequence[Event], blobs: Sequence[Blob]) -> bytes:
        self._key = self._key or journal.key()
        opened = journal.open_work()[-MOST_OPEN:]
        self._told_open = bool(opened)
        shipment = Shipment(
            journal=self._key,
            sent_at=time.time(),
            events=events,
            open_work=opened,
            blobs=blobs,
        )
        return packed(shipment, identity(current_process()))

    def _post(self, body: bytes) -> int:
        """Return the status of the answer, 0 where there was none."""
        seconds = REQUEST_SECONDS
        if self._deadline is not None:
            seconds = min(seconds, self._deadline - time.monotonic())
        if seconds <= 0:
            return 0
        try:
            status, _ = self._receiver.post(body, seconds)
        except (OSError, http.client.HTTPException) as error:
            status, trouble = 0, f"no answer ({type(error).__name__})"
        else:
            trouble = "" if status == _OK else _TROUBLES.get(status, f"status {status}")
        if trouble and trouble != self.trouble:
            at = f"{self._receiver.host}:{self._receiver.port}"
            log.warning("ship to %s: %s; what is not shipped waits in the journal", at, trouble)
        self.trouble = trouble
        return status


_TROUBLES = {
    401: "the login is refused: mend ship_user, ship_token_file",
    403: "it takes shipments with a login only: give its web configuration basic_auth_users",
    404: "it takes no shipments: give its configuration `receive: PATH`",
}


def _contents(journal: Store, events: Sequence[Event]) -> Iterator[Blob]:
    for event in events:
        kinds = event.body.get("blobs")
        for kind, keys in kinds.items() if isinstance(kinds, dict) else ():
            for key in [keys] if isinstance(keys, str) else keys:
                data = journal.blob(key)
                if data is not None and len(data) < LARGEST_BODY // 2:
                    yield Blob(kind, data)


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UsageError(f"ship_ca_file {ca_file}: {error.strerror or 'no certificates'}") from None


def _bare(url: str) -> str:
    """Return an address without what may be a password in it."""
    return redacted(url.partition("?")[0])
