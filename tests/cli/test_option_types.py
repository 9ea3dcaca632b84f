"""Values of options: what is read, and the one line for what cannot be."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from qgm_observe.cli import option_types

READ = [
    (option_types.count, "12", 12),
    (option_types.above_zero, "0.5", 0.5),
    (option_types.instant, "2026-10-01T12:00:00+02:00", 1_790_848_800.0),
    (option_types.qubits, "3,0,12", (3, 0, 12)),
]
REFUSED = [
    (option_types.count, ("0", "-1", "1.5", "many"), "write a count of 1 or more"),
    (option_types.above_zero, ("0", "-1", "inf", "nan", "x"), "write a number above 0"),
    (option_types.instant, ("yesterday", "2026-13-01"), "write a date or time such as 2026-10-01"),
    (option_types.qubits, ("", "1,1", "-1", "a"), "write different qubits such as 0,1,4"),
]


@pytest.mark.parametrize(("read", "text", "value"), READ, ids=[row[0].__name__ for row in READ])
def test_a_value_is_read(read: Callable[[str], object], text: str, value: object) -> None:
    """A well written value is what it says."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "texts", "hint"), REFUSED, ids=[row[0].__name__ for row in REFUSED]
)
def test_what_cannot_be_read_is_refused(
    read: Callable[[str], object], texts: tuple[str, ...], hint: str
) -> None:
    """Anything else gets one line, which repeats it and says what to write."""
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError, match=hint) as caught:
            read(text)
        assert str(caught.value).startswith(repr(text))


def test_a_time_without_a_zone_is_local() -> None:
    """What names no zone is meant where the command runs."""
    told = option_types.instant("2026-10-01T12:00")

    assert told == datetime(2026, 10, 1, 12).astimezone().timestamp()
    assert (
        option_types.instant("2026-10-01T12:00:00Z")
        == datetime(2026, 10, 1, 12, tzinfo=UTC).timestamp()
    )
