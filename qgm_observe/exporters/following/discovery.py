"""Which journals there are: files, directories and patterns, looked through again and again."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from qgm_observe.errors import UsageError
from qgm_observe.journal.opening import form_of

MOST_JOURNALS = 10_000
"""Journals that are followed at once; more are left out."""

_MAGIC = frozenset("*?[")
_BESIDE = ("-wal", "-shm", "-lock", "-journal")
_FACTS = "journal.json"


class Found(NamedTuple):
    """A journal, and the name of what led to it (the label `journal`).

    Attributes:
        expected: It was named itself, so its absence is a fault.
    """

    name: str
    path: Path
    expected: bool


def check(places: Sequence[str]) -> None:
    """Refuse places that cannot be meant.

    Raises:
        UsageError: none is given, or one is empty.
    """
    if not places or not all(each.strip() for each in places):
        raise UsageError("no journal to follow: write the path of a file, directory or pattern")


def discover(places: Sequence[str]) -> list[Found]:
    """Return the journals that places lead to now, each path once, in their order.

    Args:
        places: A journal's file or directory, which may appear later; a directory of journals
            (files ending in `.db`, and journals of the JSONL form, right in it); or a pattern of
            `glob`, with `**` for any depth.
    """
    found: dict[Path, Found] = {}
    for place in places:
        for each in _lead(place):
            found.setdefault(each.path, each)
            if len(found) == MOST_JOURNALS:
                return list(found.values())
    return list(found.values())


def _lead(place: str) -> Iterator[Found]:
    path = Path(place).expanduser()
    if _MAGIC & set(place):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207  absolute ones, too
            if _is_journal(Path(match)):
                yield Found(place, Path(match).absolute(), expected=False)
    elif path.is_dir() and not (path / _FACTS).exists():
        for each in sorted(path.iterdir()):
            if (each.suffix == ".db" or each.is_dir()) and _is_journal(each):
                yield Found(place, each.absolute(), expected=False)
    else:
        yield Found(place, path.absolute(), expected=True)


def _is_journal(path: Path) -> bool:
    if path.is_dir():
        return (path / _FACTS).exists()
    return path.is_file() and path.suffix != ".jsonl" and not path.name.endswith(_BESIDE)


def marks(path: Path) -> Path:
    """Return the file whose being replaced tells that a journal was."""
    if form_of(path) == "sqlite":
        return path
    return (path if path.is_dir() else path.with_suffix(".jsonl")) / _FACTS
