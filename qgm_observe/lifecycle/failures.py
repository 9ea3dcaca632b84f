"""From an exception to an outcome and a bounded error class.

The classes are recognized by name, so that no provider's library is imported for it. Source of
the table: the exception types of Qiskit 2, qiskit-ibm-runtime 0.51, requests and the standard
library; HTTP statuses per RFC 9110.
"""

import concurrent.futures
from collections.abc import Iterator

from qgm_observe.catalog import ErrorClass, Outcome
from qgm_observe.records import Failure

_CANCELLATIONS = (
    "KeyboardInterrupt",
    "CancelledError",
    "GeneratorExit",
    "RuntimeInvalidStateError",
)

_BY_NAME = {
    "TimeoutError": ErrorClass.RUN_TIMEOUT,
    "RuntimeJobTimeoutError": ErrorClass.QUEUE_TIMEOUT,
    "RuntimeJobMaxTimeoutError": ErrorClass.RUN_TIMEOUT,
    "IBMNotAuthorizedError": ErrorClass.AUTH,
    "InvalidAccountError": ErrorClass.AUTH,
    "AccountNotFoundError": ErrorClass.AUTH,
    "PermissionError": ErrorClass.AUTH,
    "TranspilerError": ErrorClass.COMPILE,
    "CircuitError": ErrorClass.COMPILE,
    "QASM2ParseError": ErrorClass.COMPILE,
    "QASM3ImporterError": ErrorClass.COMPILE,
    "IBMInputValueError": ErrorClass.VALIDATION,
    "ValueError": ErrorClass.VALIDATION,
    "TypeError": ErrorClass.VALIDATION,
    "QiskitBackendNotFoundError": ErrorClass.OFFLINE,
    "IBMRetiredBackend": ErrorClass.OFFLINE,
    "RuntimeJobNotFound": ErrorClass.NOT_FOUND,
    "RuntimeProgramNotFound": ErrorClass.NOT_FOUND,
    "RuntimeJobFailureError": ErrorClass.EXECUTION,
    "AerError": ErrorClass.EXECUTION,
    "JobError": ErrorClass.EXECUTION,
    "ConnectionError": ErrorClass.NETWORK,
    "RetryError": ErrorClass.NETWORK,
    "RequestException": ErrorClass.NETWORK,
    "URLError": ErrorClass.NETWORK,
    "gaierror": ErrorClass.NETWORK,
    "MemoryError": ErrorClass.RESOURCE,
    "KeyboardInterrupt": ErrorClass.CANCELLED,
    "CancelledError": ErrorClass.CANCELLED,
    "GeneratorExit": ErrorClass.CANCELLED,
    "RuntimeInvalidStateError": ErrorClass.CANCELLED,
}

_SERVER_ERRORS = 500
_BY_STATUS = {
    400: ErrorClass.VALIDATION,
    401: ErrorClass.AUTH,
    403: ErrorClass.AUTH,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.NETWORK,
    409: ErrorClass.QUOTA,
    413: ErrorClass.VALIDATION,
    429: ErrorClass.RATE_LIMIT,
    -1: ErrorClass.NETWORK,
}


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
    return Failure(_class_of(error), type_name(error), stage)


def type_name(error: BaseException) -> str:
    """Return the qualified name of an exception's type."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _class_of(error: BaseException) -> ErrorClass:
    """The HTTP status tells most, then the nearest named type; causes come after the error."""
    chain = list(_chain(error))
    for each in chain:
        status = getattr(each, "status_code", None)
        if isinstance(status, int):
            return _BY_STATUS.get(
                status, ErrorClass.NETWORK if status >= _SERVER_ERRORS else ErrorClass.OTHER
            )
    for each in chain:
        for kind in type(each).__mro__:
            if kind.__name__ in _BY_NAME:
                return _BY_NAME[kind.__name__]
    return ErrorClass.OTHER


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause or context, and so on, at most eight deep."""
    link: BaseException | None = error
    for _ in range(8):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
