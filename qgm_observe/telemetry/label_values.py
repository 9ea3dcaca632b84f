"""Label values that nobody can break an exposition with, and no more of them than promised."""

import re
import unicodedata
from collections.abc import Callable

from qgm_observe.catalog import Label, Signal
from qgm_observe.journal.measure import Labels

OTHER = "other"
"""What a value is called that is one too many."""

LONGEST = 128
REPLACEMENT = "\ufffd"
_PLAIN = re.compile(r"[ -~]{0,128}")
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"}
_REMEMBERED = 10_000


def sanitized(value: str) -> str:
    """Return a label value of valid UTF-8, without control or direction characters, cut to 128.

    A hidden or unpaired character becomes U+FFFD: a lone surrogate would make every later scrape
    fail, a direction mark would forge what a reader sees.
    """
    if _PLAIN.fullmatch(value):
        return value
    shown = (c if unicodedata.category(c) not in _HIDDEN else REPLACEMENT for c in value[:LONGEST])
    return "".join(shown)


class CardinalityGuard:
    """Keeps each label within its bound; the surplus becomes `other`.

    Args:
        make_room: Called when a label is full; drops what has long been idle and returns the
            values still in use by label name, or `None` if it would be too early to look again.
    """

    def __init__(self, make_room: Callable[[], dict[str, set[str]] | None]) -> None:
        self.folded = 0
        self._make_room = make_room
        self._used: dict[str, set[str]] = {}
        self._surplus: set[tuple[str, str]] = set()

    def admit(self, signal: Signal, values: Labels) -> Labels:
        """Return the label values under which a signal is published.

        Counts in `folded` each value that was not kept apart, once.
        """
        pairs = zip(signal.labels, values, strict=True)
        admitted = tuple([self._value(label, sanitized(value)) for label, value in pairs])
        for label, value in zip(signal.labels, admitted, strict=True):  # room may have been made
            self._used.setdefault(label.name, set()).add(value)
        return admitted

    def _value(self, label: Label, value: str) -> str:
        if value in ("", OTHER):
            return value
        if label.values:
            return value if value in label.values else self._fold(label, value)
        if value in self._used.get(label.name, ()) or self._has_room(label):
            return value
        room = self._make_room()
        if room is not None:
            self._used = room
        return value if self._has_room(label) else self._fold(label, value)

    def _has_room(self, label: Label) -> bool:
        return len(self._used.get(label.name, set()) - {"", OTHER}) < label.bound

    def _fold(self, label: Label, value: str) -> str:
        if (label.name, value) not in self._surplus:
            self.folded += 1
            if len(self._surplus) >= _REMEMBERED:
                self._surplus.clear()
            self._surplus.add((label.name, value))
        return OTHER
