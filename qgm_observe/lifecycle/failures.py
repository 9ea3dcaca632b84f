"""From an exception to an outcome and a bounded error class."""

import concurrent.futures

from qgm_observe.catalog import Outcome
from qgm_observe.providers.failures import class_of
from qgm_observe.records import Failure

_CANCELLATIONS = (
    "KeyboardInterrupt",
    "CancelledError",
    "GeneratorExit",
    "RuntimeInvalidStateError",
)


def outcome_of(error: BaseException) -> Outcome:
    """Return how work ended that this exception left."""
    if isinstance(error, SystemExit):
        return Outcome.FAILURE if error.code else Outcome.SUCCESS
    names = _names(error)
    if not names.isdisjoint(_CANCELLATIONS) or isinstance(error, concurrent.futures.CancelledError):
        return Outcome.CANCELLED
    if any(name.endswith("TimeoutError") for name in names):
        return Outcome.TIMEOUT
    return Outcome.GUARDED if "BudgetExceeded" in names else Outcome.FAILURE


def classify(error: BaseException, stage: str | None = None) -> Failure:
    """Return the bounded class of an exception, with its type and the stage it left."""
    return Failure(class_of(error), type_name(error), stage)


def type_name(error: BaseException) -> str:
    """Return the qualified name of an exception's type."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
