"""The lock of stable signals: what users build upon changes only through the changelog."""

import re
from collections.abc import Iterable
from pathlib import Path

from qgm_observe.catalog.signal import Signal, Stability

LOCK = Path(__file__).with_name("stable.lock")
"""The committed file: one line a stable signal."""

_UNRELEASED = re.compile(
    r"^## \[?unreleased\b[^\n]*\n(.*?)(?=^## |\Z)", re.IGNORECASE | re.MULTILINE | re.DOTALL
)


def locked_line(signal: Signal) -> str:
    """Return what must not change of a signal: name, kind, unit and labels."""
    return f"{signal.name} {signal.kind} {signal.unit} {','.join(signal.label_names) or '-'}"


def lock_text(signals: Iterable[Signal]) -> str:
    """Return the content of the lock for a catalog."""
    stable = (signal for signal in signals if signal.stability is Stability.STABLE)
    return "".join(sorted(f"{locked_line(signal)}\n" for signal in stable))


def unannounced(locked: str, signals: Iterable[Signal], changelog: str) -> list[str]:
    """Return one line for each stable signal that changed and that the changelog does not name.

    Args:
        locked: Content of the lock.
        signals: The catalog as it is now.
        changelog: Content of CHANGELOG.md; its section Unreleased has to name the signal as it
            is called in the lock.
    """
    now = {line.split(" ")[0]: line for line in lock_text(signals).splitlines()}
    announced = _unreleased(changelog)
    return [
        f"{name}: was '{line}', is {_quoted(now.get(name))}: name it in CHANGELOG.md, Unreleased"
        for name, line in _lines(locked).items()
        if now.get(name) != line and not _names(announced, name)
    ]


def outdated(locked: str, signals: Iterable[Signal]) -> list[str]:
    """Return one line for each signal whose line in the lock is not the one of the catalog."""
    before, now = _lines(locked), _lines(lock_text(signals))
    return [
        f"{name}: locked {_quoted(before.get(name))}, is {_quoted(now.get(name))}"
        for name in sorted(before | now)
        if before.get(name) != now.get(name)
    ]


def _lines(locked: str) -> dict[str, str]:
    return {line.split(" ")[0]: line for line in locked.splitlines() if line}


def _quoted(line: str | None) -> str:
    return "absent" if line is None else f"'{line}'"


def _unreleased(changelog: str) -> str:
    found = _UNRELEASED.search(changelog)
    return found.group(1) if found else ""


def _names(text: str, name: str) -> bool:
    """Whether a text names a signal itself, not a longer name that begins alike."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", text) is not None
