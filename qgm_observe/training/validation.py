"""Checks of settings: each refusal is one line that says what to write instead."""

import math
from collections.abc import Iterable


def require_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Refuse a value that is not one of the named choices.

    Args:
        name: What the setting is called where the user writes it.
        value: What the user wrote.
        choices: The names that are known.

    Raises:
        ValueError: If the value is unknown; the line lists the choices.
    """
    known = sorted(choices)
    if value not in known:
        raise ValueError(f"{name}={value!r} is unknown: choose {' or '.join(known)}")


def require_integer(name: str, value: object, minimum: int) -> None:
    """Refuse anything but an integer of at least `minimum`.

    Raises:
        ValueError: If the value is a boolean, not an integer, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f"{name}={value!r} is refused: write an integer of at least {minimum}")


def require_number(name: str, value: object, *, above: float) -> None:
    """Refuse anything but a finite number larger than `above`.

    Raises:
        ValueError: If the value is not a number, not finite, or not above the bound.
    """
    if isinstance(value, (int, float)) and math.isfinite(value) and value > above:
        return
    raise ValueError(f"{name}={value!r} is refused: write a finite number above {above:g}")


def require_weight(name: str, value: object) -> None:
    """Refuse anything but a finite number of at least zero.

    Raises:
        ValueError: If the value is not a number, not finite, or negative.
    """
    if isinstance(value, (int, float)) and math.isfinite(value) and value >= 0:
        return
    raise ValueError(f"{name}={value!r} is refused: write a finite number of at least 0")
