"""For tests of code that samples: what it records, and assertions that fail as often as they say.

`qgm_observe.testing.provider` is a provider on loopback to run such code against, and
`qgm_observe.testing.plugin` keeps a pipeline's tests in a journal.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qgm_observe.testing.capturing import Captured, capture
    from qgm_observe.testing.statistics import (
        assert_same_distribution,
        assert_score_at_least,
        assert_valid_ratio,
    )

__all__ = [
    "Captured",
    "assert_same_distribution",
    "assert_score_at_least",
    "assert_valid_ratio",
    "capture",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: pytest loads this with every session."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    room = "statistics" if name.startswith("assert") else "capturing"
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{room}"), name)
    return value
