"""How far followers of the JSONL form have come: a small file each, replaced as a whole.

Sequence numbers of that form belong to the object that gave them. What lasts is, of each file of
lines, the byte up to which they were taken.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from qgm_observe.journal.files import make_private_directory
from qgm_observe.journal.own_file import replace_file

Offsets = Mapping[str, int]
"""By the name of a file of lines, the end of the last line that was taken, bytes."""

_FOLDER = "cursors"


def read(directory: Path, name: str) -> Offsets | None:
    """Return how far a follower has come, `None` where that is not known."""
    try:
        offsets = json.loads(_path(directory, name).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return offsets if isinstance(offsets, dict) else None


def read_all(directory: Path) -> list[Offsets]:
    """Return how far each follower has come."""
    names = (path.stem for path in sorted((directory / _FOLDER).glob("[!.]*.json")))
    return [offsets for name in names if (offsets := read(directory, name))]


def keep(directory: Path, name: str, offsets: Offsets) -> None:
    """Remember how far a follower has come.

    Raises:
        JournalError: it cannot be written; what was remembered before still is.
    """
    path = _path(directory, name)
    make_private_directory(path.parent)
    replace_file(path, json.dumps(offsets).encode())


def _path(directory: Path, name: str) -> Path:
    return directory / _FOLDER / f"{name}.json"
