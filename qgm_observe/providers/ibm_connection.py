"""IBM's own client with a deadline on every call, no hidden retries and no secret in what it says.

`RuntimeClient` of qiskit-ibm-runtime is used below `QiskitRuntimeService`: the service itself lists
instances and devices at every start, without a read timeout, and builds a backend for each job that
it lists. Its retries (15 s of them, and any `Retry-After` slept away in silence) are left to who
polls.
"""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import UsageError
from qgm_observe.providers.credentials import Secret
from qgm_observe.providers.deadline import Deadline
from qgm_observe.providers.failures import ProviderError, without_secrets
from qgm_observe.providers.ibm_login import Login, parts_of, region_of
from qgm_observe.redaction import redacted

T = TypeVar("T")

_CONNECT_SECONDS = 5.0
_FORBIDDEN = 403
_LOGGERS = (
    "qiskit_ibm_runtime.accounts.account",
    "qiskit_ibm_runtime.api.client",
    "qiskit_ibm_runtime.api.rest.runtime",
    "qiskit_ibm_runtime.api.session",
)


class Connection:
    """One account's client, made when it is first needed, and anew when its key was refused.

    Args:
        login: Where key and instance are.
        deadline: Bounds every call.
    """

    def __init__(self, login: Login, deadline: Deadline) -> None:
        self._login = login
        self._deadline = deadline
        self._client: Any = None
        self._lock = Lock()
        self._secrets: tuple[Secret, ...] = ()
        self.region = "unknown"

    def ask(self, asked: str, question: Callable[[Any], T]) -> T:
        """Return the answer of IBM's `RuntimeClient` to a question.

        Raises:
            ProviderError: it refused, failed or did not answer in time.
            UsageError: key or instance cannot be told.
        """
        failed: ProviderError
        try:
            return self._deadline.call(f"ibm {asked}", lambda: question(self._authorized()))
        except (ProviderError, UsageError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a library raises may quote a secret
            known = [each.reveal() for each in self._secrets]
            failed = without_secrets(error, f"ibm {asked}", known)
        if failed.error_class is ErrorClass.AUTH and failed.status_code != _FORBIDDEN:
            self.close()
        raise failed

    def close(self) -> None:
        """Let connections go; the next question opens them again."""
        client, self._client = self._client, None
        if client is not None:
            client._session.close()  # noqa: SLF001  the client has no close

    def _authorized(self) -> Any:
        """Fetch the token apart, as the client turns a failure of it into a warning."""
        with self._lock:
            client = self._client or self._connected()
            manager = client._session.auth.tm  # noqa: SLF001
            try:
                manager.get_token()
            except Exception:
                manager.request_time = 0  # else the next caller sleeps for a minute
                raise
            self._client = client
            return client

    def _connected(self) -> Any:
        from qiskit_ibm_runtime.api.client import RuntimeClient

        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_MASKED)
        key = self._login.key()
        self._secrets = (key,) if key else ()
        parameters = self._login.parameters()
        crn = parameters.instance
        texts = (parameters.token, crn, quote(crn, safe=""), *parts_of(crn))
        self._secrets = tuple(Secret(text) for text in texts)
        self.region = region_of(crn)
        client = RuntimeClient(parameters)
        _bound(client._session, self._deadline.seconds)  # noqa: SLF001
        return client


def _bound(session: Any, seconds: float) -> None:
    """Give a session timeouts, which it has none of behind a proxy, and take its retries."""
    ask, limits = session.request, (min(_CONNECT_SECONDS, seconds), seconds)

    def bounded(method: str, url: str, **options: Any) -> Any:
        return ask(method, url, **{**options, "timeout": limits})

    session.request = bounded
    session.auth.tm.http_config = {"timeout": seconds}
    for adapter in session.adapters.values():
        adapter.max_retries = adapter.max_retries.new(
            total=0, status_forcelist=(), respect_retry_after_header=False
        )


class _Masking(logging.Filter):
    """Masks what looks like a secret in the client's own log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), None
        return True


_MASKED = _Masking()
