"""The provider exporter: accounts are polled, and scrapes are handed what is ready."""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from qgm_observe.catalog import Outcome, provider_signals
from qgm_observe.errors import UsageError
from qgm_observe.exporters.config import (
    ALL,
    AccountConfig,
    DeviceConfig,
    ProviderConfig,
    load_config,
)
from qgm_observe.exporters.exporter import Reply
from qgm_observe.exporters.polling.account import Account
from qgm_observe.exporters.polling.accounts import Polling, Submit, Worker
from qgm_observe.exporters.polling.asker import Asker, Clocks
from qgm_observe.exporters.polling.page import Page
from qgm_observe.exporters.polling.question import Answer
from qgm_observe.exporters.polling.readings import Readings
from qgm_observe.providers.protocol import Provider
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.prometheus import Exposition, Form

log = logging.getLogger(__name__)

MOST_STRAYS = 8
"""Workers of former configurations that may still hang in a call."""

SERIES_A_DEVICE = 110
"""Of a Heron device with aggregates; older ones with fewer gates have some 90."""

Opener = Callable[[AccountConfig], Provider]


def open_exporter(config_path: Path, *, needs_tokens: bool = True) -> "ProviderExporter":
    """Return an exporter that is configured by a YAML file; it polls once it is started.

    Args:
        config_path: The file.
        needs_tokens: Whether tokens have to be there; a plan names what is missing instead.

    Raises:
        UsageError: the file cannot be used, with file and line.
    """
    return ProviderExporter(config_path, needs_tokens=needs_tokens)


def open_provider(config: AccountConfig) -> Provider:
    """Return the provider of an account; nothing is asked of it yet.

    Raises:
        UsageError: there is no such provider, it lacks packages, or it takes no such options.
    """
    from qgm_observe.providers import registry

    options = {**config.options, **config.credentials.options()}
    return registry.open_provider(
        config.provider, account=config.account, deadline=config.deadline_seconds, **options
    )


class _Polled(NamedTuple):
    """An account with who asks for it."""

    account: Account
    worker: Worker


class ProviderExporter:
    """Polls on threads of its own and hands out bytes that are ready; see `Exporter`.

    Args:
        config_path: The YAML file; read now, and again at each reload.
        open_: Opens a provider.
        clocks: Tell the time.
        seed: Of the jitter; by default it differs from exporter to exporter.
        needs_tokens: Whether tokens have to be there now; at each reload they have to.
    """

    def __init__(
        self,
        config_path: Path,
        open_: Opener = open_provider,
        clocks: Clocks = Clocks(time.monotonic, time.time),  # noqa: B008  immutable
        seed: int | None = None,
        *,
        needs_tokens: bool = True,
    ) -> None:
        self._path, self._open, self._clocks = config_path, open_, clocks
        self._chance = random.Random(seed)  # noqa: S311  jitter is no secret
        self.config = load_config(config_path, self._try_to_open, needs_tokens=needs_tokens)
        interval = self.config.scrape_interval_seconds
        aggregates = Aggregates("provider", interval, clocks.steady)
        self.page = Page(aggregates, self.config.most_series, self.config.targets)
        self._polling = Polling(self.page, clocks.steady)
        self._polled: list[_Polled] = []
        self._strays: list[Worker] = []
        self._lock = threading.Lock()
        self._next: ProviderConfig | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="qgm-observe polls", daemon=True)
        for outcome in (Outcome.SUCCESS, Outcome.FAILURE):
            aggregates.add(provider_signals.EXPORTER_RELOADS, (outcome.value,), 0)

    def plan(self) -> Sequence[str]:
        """Return, line by line, the calls an hour and the series that the configuration means."""
        lines = [line for each in self.config.providers for line in _planned(each, self.config)]
        return [*lines, f"at most {self.config.most_series} series of providers in all"]

    def start(self) -> None:
        """Begin to poll, once."""
        self._next = self.config
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End within so many seconds; a call that hangs is left behind on its daemon thread."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        for each in self._polled:
            each.worker.end()
        for each in self._polled:
            each.worker.join(max(0.0, deadline - time.monotonic()))

    def exposition(self, form: Form, target: str | None = None) -> Exposition | None:
        """Return the newest page, of one target or of all; `None` for a target it does not have."""
        return self.page.snapshot.get((target, form))

    def readiness(self) -> str | None:
        """Return which accounts' devices were not asked for yet, `None` when all were."""
        if not self._polled:
            return "not started"
        unasked = self._polling.unasked()
        return f"not polled yet: {', '.join(unasked)}" if unasked else None

    def reload(self) -> None:
        """Take the configuration file anew; one that cannot be used changes nothing.

        Raises:
            UsageError: why it cannot be used, with file and line.
        """
        with self._lock:
            outcome = Outcome.FAILURE
            try:
                config = load_config(self._path, self._try_to_open)
                self._refuse_strays()
                self._next, outcome = config, Outcome.SUCCESS
            finally:
                labels = (outcome.value,)
                self.page.aggregates.add(provider_signals.EXPORTER_RELOADS, labels, 1)
                self._wake.set()

    def ask(self, path: str, query: Mapping[str, str]) -> Reply | None:  # noqa: ARG002  it has none
        """Answer nothing below `/api/v1/`."""
        return None

    def take(self, path: str, body: bytes) -> Reply | None:  # noqa: ARG002  it takes nothing
        """Take nothing that is posted."""
        return None

    # ------------------------------------------------------------------------------- scheduler

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                rest = self._tick()
            except Exception as error:  # noqa: BLE001  one bad answer never ends the polling
                log.warning("a tick failed: %s", type(error).__name__)
                rest = 1.0
            self._wake.wait(rest)
            self._wake.clear()

    def _tick(self) -> float:
        with self._lock:
            config, self._next = self._next, None
        if config is not None:
            self._take(config)
        return self._polling.tick()

    def _take(self, config: ProviderConfig) -> None:
        """Poll what a configuration names; accounts that it leaves as they were go on as before."""
        readings = None if config.journal is None else Readings(config.journal)
        before = {each.account.config.account: each for each in self._polled}
        same = _same_times(self.config, config)
        kept: list[_Polled] = []
        for each in config.providers:
            old = before.get(each.account)
            if old is not None and same and old.account.config == each:
                kept.append(before.pop(each.account))
            else:
                kept.append(self._polled_anew(each, config, readings))
        for gone in before.values():
            gone.account.leave()
            gone.worker.end()
            self._strays.append(gone.worker)
        self.config, self._polled = config, kept
        self.page.most_series = config.most_series
        self.page.set_targets(config.targets)
        submits: dict[Account, Submit] = {each.account: each.worker.submit for each in kept}
        self._polling.replace(submits)

    def _polled_anew(
        self, config: AccountConfig, whole: ProviderConfig, readings: Readings | None
    ) -> _Polled:
        account = Account(config, whole, self.page, self._clocks, self._chance)
        asker = Asker(config, self._open, self._clocks, readings)

        def answered(answer: Answer) -> None:
            self._polling.answered(account, answer)
            self._wake.set()

        return _Polled(account, Worker(asker, answered))

    def _try_to_open(self, config: AccountConfig) -> None:
        """Refuse an account whose provider is not there; opening asks it nothing."""
        try:
            self._open(config).close()
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  a plug-in raises what it likes
            name = type(error).__name__
            raise UsageError(
                f"{config.provider} cannot be opened ({name}); see its options"
            ) from None

    def _refuse_strays(self) -> None:
        self._strays = [each for each in self._strays if each.is_alive]
        if len(self._strays) >= MOST_STRAYS:
            raise UsageError(
                f"{self._path}: {MOST_STRAYS} calls of former configurations still hang; "
                "reload later, or start anew"
            )


def _same_times(one: ProviderConfig, other: ProviderConfig) -> bool:
    return (one.interval_seconds, one.max_stale_seconds, one.journal) == (
        other.interval_seconds,
        other.max_stale_seconds,
        other.journal,
    )


def _planned(account: AccountConfig, config: ProviderConfig) -> list[str]:
    """Return what an account costs the provider and Prometheus."""
    every = config.interval_seconds
    fixed = sum(3600 / each for each in (every.fleet, every.usage, every.jobs))
    per_device = 3600 / every.calibration + 3600 / every.price
    named = [each for each in account.devices if each.name != ALL]
    most = min(account.calls_per_hour, fixed + per_device * len(named))
    watched = ", ".join(f"{each.name} ({each.detail})" for each in account.devices)
    missing = account.credentials.missing()
    rest = "" if len(named) == len(account.devices) else f", {per_device:.0f} for each other device"
    return [
        f"{account.provider}/{account.account}: {watched}",
        f"  calls: at most {most:.0f} an hour{rest}; never more than {account.calls_per_hour}",
        f"  series: {'; '.join(_series_of(each) for each in account.devices)}",
        *([f"  before it starts: {missing}"] if missing else []),
    ]


def _series_of(device: DeviceConfig) -> str:
    """Return how many series a device gives, as far as its size does not matter."""
    told = f"{device.name} about {SERIES_A_DEVICE}"
    if device.detail == "curated":
        return f"{told} and 7 a qubit and 1 an edge"
    return f"{told} and {7 * len(device.qubits)} of its qubits" if device.qubits else told
