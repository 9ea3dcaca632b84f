"""A provider's invoice lines (CSV) into the journal, each once, with the work they belong to.

A line belongs to the job or session whose provider id it names, or whose tag it carries. One that
belongs to no recorded work is kept as untagged: somebody spends past the books. Nothing that was
billed before is changed; an invoice stands beside it, and goes before it in a statement.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from qgm_observe.catalog import labels as by
from qgm_observe.errors import UsageError
from qgm_observe.journal import TERMINAL, Event, Store
from qgm_observe.spend.pricing import as_text

REQUIRED = ("provider", "amount", "currency")
COLUMNS = (*REQUIRED, "line", "date", "device", "id", "tags", "seconds")
"""Of the file, in any order; `id` is the provider's of a job or session."""

_LABELS = tuple(label.name for label in by.JOB)
_TAG = "qgm-"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice.

    Attributes:
        key: What tells it from every other, so that it is imported once.
        at: Its date, epoch seconds, `None` where it has none.
        id: The provider's, of a job or session.
    """

    key: str
    provider: str
    amount: Decimal
    currency: str
    at: float | None = None
    device: str = ""
    id: str = ""
    tags: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """The recorded work that a line belongs to.

    Attributes:
        body: Its labels, and `job` and `number`, or `session`.
        ended: Epoch seconds.
    """

    run: str | None
    body: Mapping[str, Any]
    ended: float


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import.

    Attributes:
        new: Lines that were not in the journal.
        known: Lines that were.
        untagged: Of the new ones, those of no recorded work.
        lags: Seconds from the end of the work to its line's import, of the new ones.
    """

    new: int
    known: int
    untagged: int
    lags: tuple[float, ...]


def read_lines(path: Path, columns: Mapping[str, str] | None = None) -> list[InvoiceLine]:
    """Read a CSV file.

    Args:
        path: With a header.
        columns: Header of the file by our name (see `COLUMNS`), where they differ.

    Raises:
        UsageError: the file, or a line in it, cannot be read.
    """
    unknown = set(columns or {}) - set(COLUMNS)
    if unknown:
        raise UsageError(f"column {min(unknown)!r}: write one of {', '.join(COLUMNS)}")
    names = {name: name for name in COLUMNS} | dict(columns or {})
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            for name in (*REQUIRED, *(columns or {})):
                if names[name] not in (rows.fieldnames or ()):
                    raise UsageError(
                        f"{path}: no column {names[name]!r}: tell which it is by "
                        f"--column {name}=HEADER"
                    )
            return list(_lines(path, rows, names))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: {error}: write a CSV file with a header") from error


def take_in(journal: Store, lines: Sequence[InvoiceLine]) -> Imported:
    """Append lines that the journal has not; see `Imported`.

    Raises:
        JournalError: the journal cannot be written.
    """
    owners = _owners(journal)
    now = journal.clock()
    pairs = [(line, _owner(line, owners)) for line in lines]
    ended = {f"invoiced/{line.key}": owner for line, owner in pairs}
    stored = journal.append([_event(line, owner, now) for line, owner in pairs])
    found = [owner for event in stored if (owner := ended[event.id]) is not None]
    return Imported(
        new=len(stored),
        known=len(lines) - len(stored),
        untagged=len(stored) - len(found),
        lags=tuple(max(now - owner.ended, 0.0) for owner in found),
    )


def _lines(
    path: Path, rows: "csv.DictReader[str]", names: Mapping[str, str]
) -> Iterator[InvoiceLine]:
    seen: dict[str, int] = {}
    for row in rows:
        told = {name: (row.get(header) or "").strip() for name, header in names.items()}
        try:
            line = _line(told)
        except (ValueError, InvalidOperation):
            raise UsageError(
                f"{path}:{rows.line_num}: cannot be read: write amount and seconds as numbers, "
                "currency as three capitals, date as 2026-11-23 or 2026-11-23T08:00:00Z"
            ) from None
        if not told["line"]:  # equal lines of one file are as many charges
            seen[line.key] = seen.get(line.key, 0) + 1
            key = hashlib.sha256(f"{line.key} {seen[line.key]}".encode()).hexdigest()[:32]
            line = InvoiceLine(key, *_rest(line))
        yield line


def _rest(line: InvoiceLine) -> tuple[Any, ...]:
    return tuple(getattr(line, name) for name in line.__slots__ if name != "key")


def _line(told: Mapping[str, str]) -> InvoiceLine:
    amount = Decimal(told["amount"])
    if not amount.is_finite() or not (len(told["currency"]) == 3 and told["currency"].isupper()):  # noqa: PLR2004  ISO 4217
        raise ValueError
    named = f"{told['provider']}/{told['line']}" if told["line"] else repr(sorted(told.items()))
    return InvoiceLine(
        key=hashlib.sha256(named.encode()).hexdigest()[:32],
        provider=told["provider"],
        amount=amount,
        currency=told["currency"],
        at=_instant(told["date"]) if told["date"] else None,
        device=told["device"],
        id=told["id"],
        tags=tuple(told["tags"].replace(";", " ").replace(",", " ").split()),
        seconds=float(told["seconds"]) if told["seconds"] else None,
    )


def _instant(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _owners(journal: Store) -> dict[str, Owner]:
    """Return recorded work by the provider's id, and by our tag."""
    owners: dict[str, Owner] = {}
    verbs = (TERMINAL, "reconciled")
    labels: dict[str, dict[str, Any]] = {}
    for event in journal.events(verbs=verbs, nouns=("job", "session")):
        known = labels.setdefault(event.subject, {})
        known |= {name: event.body[name] for name in _LABELS if name in event.body}
        id_ = event.body.get("provider_session_id")
        if event.noun == "session" and id_:
            owners[id_] = Owner(event.run, known | {"session": event.subject}, event.at)
        for attempt in event.body.get("attempts") or ():
            told = known | {"job": event.subject, "number": attempt.get("number", 1)}
            owner = Owner(event.run, told, event.at)
            owners[f"{_TAG}{event.subject}"] = owner
            if attempt.get("provider_job_id"):
                owners[attempt["provider_job_id"]] = owner
    return owners


def _owner(line: InvoiceLine, owners: Mapping[str, Owner]) -> Owner | None:
    for name in (line.id, *line.tags):
        if name in owners:
            return owners[name]
    return None


def _event(line: InvoiceLine, owner: Owner | None, now: float) -> Event:
    body: dict[str, Any] = {"provider": line.provider, "device": line.device or "unknown"}
    if owner is not None:
        body |= owner.body
    body |= {"invoice": line.id, "cost": as_text(line.amount), "currency": line.currency}
    if line.seconds is not None:
        body["device_seconds"] = line.seconds
    return Event(
        verb="invoiced",
        noun="line",
        subject=line.key,
        run=None if owner is None else owner.run,
        at=now if line.at is None else line.at,
        body=body,
        id=f"invoiced/{line.key}",
    )
