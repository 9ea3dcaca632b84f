"""Which trackers there are: MLflow, and the entry points of the group `qgm_observe.trackers`.

An entry point names a callable that takes an address, the name of an experiment (or project) and
whether a store that is not there may be made, and returns a `Tracker`. A package of any author may
bring one:

    [project.entry-points."qgm_observe.trackers"]
    acme = "acme_observe:open_acme"

`address` is what `--tracking-uri` says, `None` without it: a tracker reads its own variables then.
What it raises for bad input is a `qgm_observe.errors.UsageError` of one line.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.trackers.protocol import Tracker

GROUP = "qgm_observe.trackers"
DEFAULT = "mlflow"
EXPERIMENT = "qgm-observe"
_OURS = EntryPoint(DEFAULT, "qgm_observe.trackers.mlflow:open_mlflow", GROUP)


def trackers() -> tuple[str, ...]:
    """Return the names that `open_tracker` knows, sorted."""
    return tuple(sorted(_found()))


def open_tracker(
    name: str = DEFAULT,
    address: str | None = None,
    experiment: str = EXPERIMENT,
    *,
    create: bool = True,
) -> Tracker:
    """Return a tracker by its name.

    Args:
        name: Of the entry point, for instance `mlflow`.
        address: Of its server or database, `None` for what its own variables say.
        experiment: Where runs are put.
        create: Whether a store that is not there is made; without, it is an error.

    Raises:
        UsageError: there is none of that name, or it cannot be opened.
        MissingExtra: its packages are not installed; the message carries the pip command.
    """
    found = _found()
    if name not in found:
        raise UsageError(f"tracker {name!r}: write one of {', '.join(sorted(found))}")
    try:
        opener: Any = found[name].load()
    except MissingExtra:
        raise
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"tracker {name!r} cannot be loaded: {error}; update its package"
        ) from None
    opened: Tracker = opener(address, experiment, create=create)
    return opened


def _found() -> dict[str, EntryPoint]:
    """By name; nobody takes the name of ours."""
    return {point.name: point for point in (*entry_points(group=GROUP), _OURS)}
