"""The side of an account that talks to its provider, on a worker's thread."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import Error
from qgm_observe.exporters.config import AccountConfig
from qgm_observe.exporters.polling.collectors.jobs import our_ids
from qgm_observe.exporters.polling.question import UNSUPPORTED, Answer, Question
from qgm_observe.exporters.polling.readings import Readings
from qgm_observe.exporters.polling.retry_after import retry_after
from qgm_observe.providers.failures import class_of
from qgm_observe.providers.protocol import Calibration, Capability, Provider, ProviderJob
from qgm_observe.redaction import redacted

log = logging.getLogger(__name__)

_NEEDS = {
    "calibration": Capability.CALIBRATION,
    "usage": Capability.USAGE,
    "jobs": Capability.JOBS,
    "price": Capability.PRICE,
}

Pending = tuple[Sequence[ProviderJob], set[str] | None]
"""Jobs that wait or run, and the ids of ours whose run has ended, `None` where nobody knows."""


class Clocks(NamedTuple):
    """Seconds of any origin that never go back, and epoch seconds."""

    steady: Callable[[], float]
    wall: Callable[[], float]


class Asker:
    """Opens a provider when it is first asked, and turns whatever it does into an answer.

    Args:
        config: Of the account.
        open_: Opens the provider; called again when it failed.
        clocks: Tell the time.
        readings: The journal, if there is one.
    """

    def __init__(
        self,
        config: AccountConfig,
        open_: Callable[[AccountConfig], Provider],
        clocks: Clocks,
        readings: Readings | None = None,
    ) -> None:
        self._config, self._open, self._clocks = config, open_, clocks
        self._readings = readings
        self._provider: Provider | None = None

    def perform(self, question: Question) -> Answer:
        """Ask; whatever goes wrong is part of the answer."""
        began = self._clocks.steady()
        try:
            value = self._ask(question)
        except Exception as error:  # noqa: BLE001  a provider's library raises what it likes
            failure = self._class_of(error)
            if failure is ErrorClass.AUTH:
                self.close()  # opened anew it reads its token anew
            return Answer(
                question,
                failure=failure,
                error=_words(error),
                retry_after=retry_after(error, self._clocks.wall()),
                seconds=self._since(began),
            )
        return Answer(question, value, seconds=self._since(began))

    def close(self) -> None:
        """Let the provider go."""
        provider, self._provider = self._provider, None
        if provider is not None:
            try:
                provider.close()
            except Exception as error:  # noqa: BLE001  it is not needed any more
                log.warning("closing %s failed: %s", self._config.account, type(error).__name__)

    def _ask(self, question: Question) -> Any:
        if self._provider is None:
            self._provider = self._open(self._config)
        needed = _NEEDS.get(question.collector)
        if needed is not None and needed not in self._provider.capabilities:
            return UNSUPPORTED
        match question.collector:
            case "fleet":
                return self._provider.devices()
            case "calibration":
                return self._kept(self._provider.calibration(question.device))
            case "usage":
                return self._provider.usage()
            case "jobs":
                return self._with_ended(self._provider.jobs(pending=True))
            case _:
                return self._provider.price(question.device)

    def _kept(self, told: Calibration | None) -> Calibration | None:
        if told is not None and self._readings is not None:
            self._readings.keep(told)
        return told

    def _with_ended(self, pending: Sequence[ProviderJob]) -> Pending:
        if self._readings is None:
            return pending, None
        return pending, self._readings.ended({id_ for job in pending for id_ in our_ids(job)})

    def _class_of(self, error: Exception) -> ErrorClass:
        if self._provider is None:
            return class_of(error)
        try:
            return ErrorClass(self._provider.classify(error))
        except Exception:  # noqa: BLE001  a plug-in's own fault
            return ErrorClass.OTHER

    def _since(self, began: float) -> float:
        return max(0.0, self._clocks.steady() - began)


def _words(error: Exception) -> str:
    """Return what may be said of an error: its type, and words only if they are ours."""
    name = type(error).__name__
    return redacted(f"{name}: {error}") if isinstance(error, Error) else name
