"""The append-only events, their folds into records, and their retention (the door to sqlite3)."""

from qgm_observe.journal.blobs import Blob, Capture, captured
from qgm_observe.journal.event import TERMINAL, Event, OpenWork
from qgm_observe.journal.information import JournalInfo
from qgm_observe.journal.jsonl import JsonlJournal
from qgm_observe.journal.opening import open_journal
from qgm_observe.journal.retention import PruneReport
from qgm_observe.journal.store import Journal, Store
from qgm_observe.journal.totals import Histogram, Totals

__all__ = [
    "TERMINAL",
    "Blob",
    "Capture",
    "Event",
    "Histogram",
    "Journal",
    "JournalInfo",
    "JsonlJournal",
    "OpenWork",
    "PruneReport",
    "Store",
    "Totals",
    "captured",
    "open_journal",
]
