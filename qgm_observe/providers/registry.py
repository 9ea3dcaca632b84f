"""Which providers there are: the entry points of the group `qgm_observe.providers`.

An entry point names a callable that takes a mapping of options, among them `account` and
`deadline_seconds`, refuses those it does not know and returns a `Provider`. A package of any author
may bring one:

    [project.entry-points."qgm_observe.providers"]
    acme = "acme_observe:open_acme"
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers.protocol import Options, Provider

GROUP = "qgm_observe.providers"
_OURS = "qgm-observe"


def providers() -> tuple[str, ...]:
    """Return the names that `open_provider` knows, sorted."""
    return tuple(sorted(_found()))


def open_provider(
    kind: str, *, account: str = "default", deadline: float = 10.0, **options: Any
) -> Provider:
    """Return a provider by its name; nothing is asked of it yet.

    Args:
        kind: Name of the entry point, for instance `ibm`.
        account: The label `account`: an alias, never the account's own number.
        deadline: Seconds that a call may last.
        options: What this provider takes besides, such as `token_file`.

    Raises:
        UsageError: there is none of that name, or it does not take these options.
        MissingExtra: its packages are not installed; the message carries the pip command.
    """
    if deadline <= 0:
        raise UsageError(f"deadline {deadline}: write seconds above 0")
    if account.lower().startswith("crn:"):
        raise UsageError("account: write an alias of your own, not the cloud resource name")
    opened = _opener(kind)({**options, "account": account, "deadline_seconds": deadline})
    if not isinstance(opened, Provider):
        raise UsageError(f"provider {kind!r}: its package returned no Provider; update the package")
    return opened


def _found() -> dict[str, EntryPoint]:
    """By name; nobody takes the name of one of ours."""
    points = sorted(entry_points(group=GROUP), key=_is_ours)
    return {point.name: point for point in points}


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == _OURS


def _opener(kind: str) -> Callable[[Options], Any]:
    found = _found()
    if kind not in found:
        raise UsageError(f"provider {kind!r}: write one of {', '.join(sorted(found))}")
    try:
        opener: Callable[[Options], Any] = found[kind].load()
    except MissingExtra:
        raise
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"provider {kind!r} cannot be loaded: {error}; update its package"
        ) from None
    return opener


def known_options(kind: str, options: Options, *known: str) -> Options:
    """Return the options of an opener, or name the first that it does not know.

    Raises:
        UsageError: an option is neither `account`, `deadline_seconds` nor one of `known`.
    """
    for name in options:
        if name not in {"account", "deadline_seconds", *known}:
            instead = f"write one of {', '.join(known)}" if known else "it takes none"
            raise UsageError(f"{kind} has no option {name!r}: {instead}")
    return options
