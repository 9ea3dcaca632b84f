"""What an exporter must not forget: how far it counted each journal, and what it counted there.

A directory with a file a journal. It makes a restart quick, lets the counts of a journal outlive
its file, and tells which label sets were still held at 0. Lost or not writable, it costs those
three things alone: journals that still exist are then counted from their beginning.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgm_observe.errors import JournalError
from qgm_observe.journal import Totals
from qgm_observe.journal.files import make_private_directory
from qgm_observe.journal.measure import Labels

log = logging.getLogger("qgm_observe")

_KEY = re.compile(r"[0-9a-f]{1,64}")
_HELD = "held.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a journal was counted.

    Attributes:
        key: The journal's id.
        seq: The last row that was counted.
        totals: What was counted up to there.
        pending: What the reconciler has still to find out, by subject; `None` if nobody asks.
        numbering: What gave the row its number, `None` where numbers do not last.
    """

    key: str
    seq: int
    totals: Totals
    pending: Mapping[str, Any] | None = None
    numbering: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Label sets that were shown at 0, and until when (epoch s) that is known."""

    until: float
    label_sets: tuple[tuple[str, Labels, float], ...] = ()


class Checkpoints:
    """The directory.

    Args:
        directory: Created when it is first written to.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._told = False

    def tables(self, path: Path) -> Path:
        """Return the file that keeps what was read of a journal of the JSONL form."""
        return self.directory / f"{hashlib.sha256(bytes(path)).hexdigest()[:16]}.tables"

    def load(self) -> Iterator[Checkpoint]:
        """Yield every checkpoint; one that cannot be read is left out."""
        with contextlib.suppress(OSError):
            for path in sorted(self.directory.glob("*.json")):
                checkpoint = _checkpoint(path)
                if checkpoint is not None:
                    yield checkpoint

    def read(self, key: str) -> Checkpoint | None:
        """Return the checkpoint of a journal, `None` if there is none."""
        return _checkpoint(self.directory / f"{key}.json") if _KEY.fullmatch(key) else None

    def held(self) -> Held:
        """Return what was still held at 0."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            said = json.loads((self.directory / _HELD).read_bytes())
            sets = tuple((name, tuple(labels), since) for name, labels, since in said["held"])
            return Held(float(said["until"]), sets)
        return Held(0.0)

    def save(self, checkpoints: Iterable[Checkpoint], held: Held) -> bool:
        """Write what changed, each file wholly or not at all; return whether that worked.

        What is held goes first: a label set that is held and not counted yet is harmless.
        """
        try:
            make_private_directory(self.directory)
            self._write(_HELD, {"until": held.until, "held": held.label_sets})
            for each in checkpoints:
                self._write(f"{each.key}.json", _said(each))
        except (OSError, JournalError) as error:
            if not self._told:
                self._told = True
                log.warning("exporter state %s: %s", self.directory, error)
            return False
        return True

    def _write(self, name: str, said: Any) -> None:
        draft = self.directory / f".{name}.{os.urandom(4).hex()}"
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(said, file, separators=(",", ":"))
            draft.replace(self.directory / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _said(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "key": checkpoint.key,
        "seq": checkpoint.seq,
        "totals": checkpoint.totals.to_json(),
        "pending": checkpoint.pending,
        "numbering": checkpoint.numbering,
    }


def _checkpoint(path: Path) -> Checkpoint | None:
    try:
        said = json.loads(path.read_bytes())
        if not (isinstance(said, dict) and _KEY.fullmatch(str(said.get("key")))):
            return None
        totals = Totals.from_json(said["totals"])
        pending = said["pending"]
        pending = pending if isinstance(pending, dict) else None
        numbering = said.get("numbering")
        return Checkpoint(said["key"], int(said["seq"]), totals, pending, numbering)
    except (OSError, ValueError, TypeError, KeyError):
        return None
