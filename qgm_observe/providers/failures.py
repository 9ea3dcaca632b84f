"""From an exception of a provider's library to a bounded error class, with nothing secret in it.

The types are recognized by name, so that no library is imported for it. Sources of the tables: the
exception types of Qiskit 2, qiskit-ibm-runtime 0.51, requests and the standard library; HTTP
statuses per RFC 9110; IBM's own codes per https://quantum.cloud.ibm.com/docs/errors.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import Error
from qgm_observe.redaction import MASK, redacted

UNANSWERED = -1
"""The status of qiskit-ibm-runtime where no HTTP answer came."""

_BY_NAME = {
    "TimeoutError": ErrorClass.RUN_TIMEOUT,
    "RuntimeJobTimeoutError": ErrorClass.QUEUE_TIMEOUT,
    "RuntimeJobMaxTimeoutError": ErrorClass.RUN_TIMEOUT,
    "IBMNotAuthorizedError": ErrorClass.AUTH,
    "InvalidAccountError": ErrorClass.AUTH,
    "AccountNotFoundError": ErrorClass.AUTH,
    "ApiException": ErrorClass.AUTH,
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

_BY_STATUS = {
    400: ErrorClass.VALIDATION,
    401: ErrorClass.AUTH,
    403: ErrorClass.AUTH,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.NETWORK,
    409: ErrorClass.QUOTA,
    413: ErrorClass.VALIDATION,
    429: ErrorClass.RATE_LIMIT,
    UNANSWERED: ErrorClass.NETWORK,
}
_SERVER_ERRORS = 500

_BY_CODE = {
    "1002": ErrorClass.VALIDATION,
    "1003": ErrorClass.COMPILE,
    "1004": ErrorClass.OFFLINE,
    "1007": ErrorClass.NOT_FOUND,
    "1200": ErrorClass.AUTH,
    "1201": ErrorClass.AUTH,
    "1202": ErrorClass.RATE_LIMIT,
    "1305": ErrorClass.RUN_TIMEOUT,
    "1999": ErrorClass.OFFLINE,
}
_IBM = "qiskit_ibm_runtime."
_CODE = re.compile(r"\"code\":\s*\"?(\d{4})\b|\bError code:? (\d{4})\b")
_MESSAGE = re.compile(r'"message":\s*"((?:[^"\\]|\\.)+)"')

_CREDENTIALS = {
    "AccountNotFoundError",
    "ApiException",
    "IBMNotAuthorizedError",
    "InvalidAccountError",
}
_NO_ACCESS = "does not have access to the instance"
_DEEPEST = 8


class ProviderError(Error):
    """A provider refused, failed or did not answer in time; the message holds no secret.

    Attributes:
        error_class: Why, as `class_of` told of the original.
        status_code: Of the HTTP answer, `None` where none came.
        code: The provider's own code, where it gave one.
        retry_after: The header `Retry-After` as it was sent, where it was.
    """

    def __init__(
        self,
        message: str,
        error_class: ErrorClass,
        *,
        status_code: int | None = None,
        code: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.status_code = status_code
        self.code = code
        self.retry_after = retry_after


def without_secrets(
    error: BaseException, asked: str, secrets: Collection[str] = ()
) -> ProviderError:
    """Return what an exception says as one line that may be shown, logged and kept.

    Args:
        error: As the provider's library raised it; raise the result outside of its handler.
        asked: What was asked, for the head of the line.
        secrets: Texts that are masked wherever they stand, besides what looks like a secret.
    """
    told = status_of(error)
    answered = None if told == UNANSWERED else told
    said = _said(error, answered)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        said = said.replace(secret, MASK)
    return ProviderError(
        redacted(f"{asked}: {said}"),
        class_of(error),
        status_code=answered,
        code=code_of(error),
        retry_after=_retry_after(error),
    )


def class_of(error: BaseException) -> ErrorClass:
    """Return the class of an exception, also of one that hides its HTTP status in its context.

    The provider's own code tells most, then the HTTP status, then the nearest named type.
    """
    for each in _chain(error):
        if isinstance(each, ProviderError):
            return each.error_class
    names = {kind.__name__ for each in _chain(error) for kind in type(each).__mro__}
    status = status_of(error)
    known = _BY_CODE.get(code_of(error) or "")
    if known:
        return known
    if status is not None and not _says_more(names, status):
        return _of_status(status)
    if _NO_ACCESS in str(error):
        return ErrorClass.AUTH
    if status is not None and "RuntimeInvalidStateError" in names:
        return ErrorClass.VALIDATION  # not a cancelled job: one too late to cancel
    return _of_names(error)


def class_of_code(code: str | None) -> ErrorClass | None:
    """Return the class of IBM's own code of a failed job, `None` where the code does not tell."""
    return _BY_CODE.get(code or "")


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an exception; -1 where no answer came, `None` if untold."""
    told = [status for each in _chain(error) for status in _statuses(each)]
    return next((status for status in told if status > 0), told[0] if told else None)


def code_of(error: BaseException) -> str | None:
    """Return the provider's own code, which qiskit-ibm-runtime leaves in the text alone."""
    told = [each for each in _chain(error) if type(each).__module__.startswith(_IBM)]
    for each in told:
        found = _CODE.search(_text(each))
        if found:
            return found[1] or found[2]
    return None


def _said(error: BaseException, answered: int | None) -> str:
    """Put it in one line: the provider's own message where its reply is quoted in the text."""
    text = " ".join(_text(error).split())
    found = _MESSAGE.search(text)
    if answered and found:
        return f"HTTP {answered}: {found[1]}"
    return f"{type(error).__name__}: {text or 'no further word'}"


def _text(error: BaseException) -> str:
    """What an exception says; Qiskit's own `str` quotes and escapes it."""
    told = getattr(error, "message", None)
    return told if isinstance(told, str) and told else str(error)


def _says_more(names: set[str], status: int) -> bool:
    """Whether the type tells more than the status: IAM answers 400 to a wrong key."""
    refused = UNANSWERED < status < _SERVER_ERRORS and _BY_STATUS.get(status)
    if names & _CREDENTIALS:
        return bool(refused) and refused is not ErrorClass.RATE_LIMIT
    return "RuntimeInvalidStateError" in names


def _of_status(status: int) -> ErrorClass:
    other = ErrorClass.NETWORK if status >= _SERVER_ERRORS else ErrorClass.OTHER
    return _BY_STATUS.get(status, other)


def _of_names(error: BaseException) -> ErrorClass:
    for each in _chain(error):
        for kind in type(each).__mro__:
            if kind.__name__ in _BY_NAME:
                return _BY_NAME[kind.__name__]
    return ErrorClass.OTHER


def _statuses(error: BaseException) -> Iterator[int]:
    """Where requests on the one hand, qiskit-ibm-runtime and IBM's SDK on the other keep it."""
    for holder in (getattr(error, "response", None), error):
        told = getattr(holder, "status_code", None)
        if isinstance(told, int):
            yield told


def _retry_after(error: BaseException) -> str | None:
    for each in _chain(error):
        for name in ("response", "http_response"):  # requests calls a refusing one false
            headers = getattr(getattr(each, name, None), "headers", None)
            told = headers.get("Retry-After") if isinstance(headers, Mapping) else None
            if told:
                return str(told)[:64]
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause or context, and so on."""
    link: BaseException | None = error
    for _ in range(_DEEPEST):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__
