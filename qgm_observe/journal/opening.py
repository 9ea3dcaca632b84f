"""Which form of the journal a path has."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from qgm_observe.errors import UsageError
from qgm_observe.journal.connection import PATIENCE
from qgm_observe.journal.files import is_network
from qgm_observe.journal.jsonl import JsonlJournal
from qgm_observe.journal.store import Journal, Store

FORMS = ("auto", "sqlite", "jsonl")


def open_journal(
    path: str | os.PathLike[str],
    *,
    read_only: bool = False,
    form: str = "auto",
    clock: Callable[[], float] = time.time,
    patience: float = PATIENCE,
    tables: Path | None = None,
) -> Store:
    """Open a journal in the form that works where it lies; create it unless only to read.

    A directory is the JSONL form. A file is SQLite, except on a network file system: there the
    JSONL form stands beside it, under the same name ending in `.jsonl`.

    Args:
        path: A file or directory.
        read_only: Neither create nor change anything.
        form: `auto`, `sqlite` or `jsonl`.
        clock: Tells when rows are recorded, epoch seconds.
        patience: Seconds to wait for other processes.
        tables: A file, elsewhere, that keeps what was read of the JSONL form.

    Raises:
        JournalError: it cannot be opened or created.
        UsageError: there is no such form.
    """
    place = Path(path)
    if form not in FORMS:
        raise UsageError(f"form {form!r}: write one of {', '.join(FORMS)}")
    chosen = form_of(place) if form == "auto" else form
    if chosen == "jsonl":
        return JsonlJournal.open(_directory(place), read_only=read_only, clock=clock, tables=tables)
    return Journal.open(place, read_only=read_only, clock=clock, patience=patience)


def form_of(path: Path) -> str:
    """Return the form a journal at a path has, or would be given."""
    if _directory(path).is_dir():
        return "jsonl"
    return "jsonl" if not path.exists() and is_network(path) else "sqlite"


def _directory(path: Path) -> Path:
    return path if path.is_dir() else path.with_suffix(".jsonl")
