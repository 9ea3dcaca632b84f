"""A provider with two devices over a month, polled by the real exporter on a clock of its own."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.catalog import ErrorClass, Outcome, provider_signals
from qgm_observe.exporters.config import load_config
from qgm_observe.exporters.polling.account import Account
from qgm_observe.exporters.polling.accounts import Polling
from qgm_observe.exporters.polling.asker import Asker, Clocks
from qgm_observe.exporters.polling.page import Page
from qgm_observe.exporters.polling.question import Question
from qgm_observe.providers.local import Local
from qgm_observe.providers.prices import prices
from qgm_observe.providers.protocol import (
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
    GateCalibration,
    JobState,
    Measurement,
    ProviderJob,
    Quality,
    Wait,
)
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.prometheus import CLASSIC

DEVICES = ("ibm_fez", "ibm_marrakesh")
BROKEN_PAIR = frozenset({26, 27})
"""Of a ring of twelve qubits, a cell of the lattice: which gates work on it in good days only."""

HOUR, DAY = 3600.0, 86400.0
CONFIG = """\
providers:
- provider: ibm
  account: team
  credentials: {{expires_at: {expires}}}
  devices:
  - {{name: ibm_fez, detail: used, qubits: [3, 4, 5, 6, 7, 16, 17, 23, 24, 25, 26, 27]}}
  - {{name: ibm_marrakesh, detail: used, qubits: [0, 1, 2, 3, 4, 5, 6, 7]}}
"""


FIGURES = {"best": 0.0015, "layered": 0.0042}
"""What the provider itself says of two-qubit gates."""


class OfflineError(Exception):
    """What the provider raises while it is away."""


@dataclass
class Cloud:
    """Answers like IBM's service would at the clock's time; from `broken_from` on it is in trouble.

    Calibrations are the installed snapshots with each day's own factor on every error.
    """

    now: Callable[[], float]
    broken_from: float
    name: str = "ibm"
    account: str = "team"

    def __post_init__(self) -> None:
        self.capabilities = set(Capability) - {Capability.HISTORY}

    @property
    def broken(self) -> bool:
        return self.now() >= self.broken_from

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        return [(self.device(name), self.status(name)) for name in DEVICES]

    def device(self, name: str) -> DeviceInfo:
        return DeviceInfo(
            provider="ibm", name=name, num_qubits=156, clops=195_000.0, two_qubit_error=FIGURES
        )

    def status(self, device: str) -> DeviceStatus:
        first = device == DEVICES[0]
        hour = int(self.now() // HOUR)
        return DeviceStatus(
            provider="ibm",
            device=device,
            state=(DeviceState.OFFLINE if first else DeviceState.PAUSED)
            if self.broken
            else DeviceState.ONLINE,
            observed_at=self.now(),
            is_processing=not self.broken,
            queue_jobs=480 if self.broken else 6 + (hour * 7 + first) % 11,
            wait=Wait(300.0, 240.0, 900.0),
            updated_at=self._calibrated_at(),
            queue_is_lower_bound=self.broken,
            next_available_at=self.now() + 2 * HOUR if self.broken else None,
        )

    def _calibrated_at(self) -> float:
        """Each day at six; in trouble the newest one is three days old."""
        at = self.now()
        day = (at - 6 * HOUR) // DAY * DAY + 6 * HOUR
        return day - 3 * DAY if self.broken else day

    def calibration(self, device: str, at: float | None = None) -> Calibration:
        told = _calibration(device, self._calibrated_at(), 2.5 if self.broken else 1.0)
        return replace(told, observed_at=self.now())

    def jobs(self, **_: Any) -> Sequence[ProviderJob]:
        waiting = 40 if self.broken else 2
        since = self.broken_from if self.broken else self.now() - 200
        return [
            ProviderJob(
                provider="ibm",
                id=f"pj{number}",
                state=JobState.QUEUED,
                device=DEVICES[number % 2],
                created_at=since,
                tags=(f"qgm-{number:016x}",),
            )
            for number in range(waiting)
        ]

    def usage(self) -> AccountUsage:
        used = 35_900.0 if self.broken else 9_000.0 + self.now() % (28 * DAY) / 250
        return AccountUsage(
            provider="ibm",
            account=self.account,
            observed_at=self.now(),
            used=used,
            limit=36_000.0,
            remaining=36_000.0 - used,
            is_limit_reached=False,
            period_starts_at=self.now() - 20 * DAY,
            period_ends_at=self.now() + 8 * DAY,
        )

    def price(self, device: str) -> Any:
        return prices().price("ibm", device, "pay-as-you-go")

    def classify(self, error: BaseException) -> ErrorClass:
        return ErrorClass.OFFLINE

    def close(self) -> None:
        """Nothing is open."""

    def keep(self, told: Calibration) -> None:
        """Stands in for the exporter's journal, which nobody reads here."""

    def ended(self, ids: set[str]) -> set[str]:
        """Of which jobs the runs have ended: in trouble of a few."""
        return set(sorted(ids)[:5]) if self.broken else set()


@cache
def _snapshot(device: str) -> Calibration:
    told = Local().calibration(device.replace("ibm", "fake"))
    assert told is not None
    return told


@cache
def _calibration(device: str, day: float, worse: float) -> Calibration:
    """The installed snapshot with the day's own factor on every error."""
    snapshot = _snapshot(device)
    factor = worse * (1 + 0.05 * random.Random(f"{device}{day}").uniform(-1, 1))
    set_ = partial(_scaled, factor=factor, taken_at=day)
    return replace(
        snapshot,
        provider="ibm",
        device=device,
        taken_at=day,
        qubits={
            qubit: {name: set_(name, value) for name, value in told.items()}
            for qubit, told in snapshot.qubits.items()
        },
        gates={
            key: GateCalibration(
                _disabled(gate.error)
                if worse > 1 and set(key[1]) == BROKEN_PAIR
                else set_("error", gate.error),
                set_("duration", gate.duration),
            )
            for key, gate in snapshot.gates.items()
        },
        raw=f"{device} {day}".encode(),
    )


def _scaled(name: str, told: Measurement, factor: float, taken_at: float) -> Measurement:
    worse = told.value
    if worse is not None and name in {"error", "readout_error", "prob_meas0_prep1"} and worse < 0.4:
        worse = min(0.45, worse * factor)
    if worse is not None and name in {"t1", "t2"}:
        worse /= factor
    return replace(told, value=worse, taken_at=taken_at)


def _disabled(told: Measurement) -> Measurement:
    """As providers write a gate that is switched off."""
    return replace(told, value=1.0, quality=Quality.DISABLED)


class Exporter:
    """The provider's exporter; every question that is due is asked before each look at its page."""

    def __init__(self, folder: Path, cloud: Cloud, start: float, end: float) -> None:
        path = folder / "provider.yml"
        path.write_text(CONFIG.format(expires=end + 180 * DAY))
        config = load_config(path)
        self.cloud = cloud
        clocks = Clocks(lambda: cloud.now() - start, cloud.now)
        aggregates = Aggregates("provider", 15.0, clocks.steady)
        for outcome in (Outcome.SUCCESS, Outcome.FAILURE):
            aggregates.add(provider_signals.EXPORTER_RELOADS, (outcome.value,), 0)
        self.page = Page(aggregates, config.most_series)
        self.polling = Polling(self.page, clocks.steady)
        each = config.providers[0]
        self.account = Account(each, config, self.page, clocks, random.Random(7))
        self.asker = Asker(each, lambda _: cloud, clocks, cloud)  # type: ignore[arg-type,return-value]
        self.polling.replace({self.account: self._ask})

    def _ask(self, question: Question) -> None:
        self.polling.answered(self.account, self.asker.perform(question))

    def text(self) -> str:
        """Return the page after everything due was asked."""
        with pytest.MonkeyPatch.context() as patch:  # nobody looks between two answers
            patch.setattr(self.page, "render", lambda: None)
            while self.polling.tick() == 0:
                pass
        self.page.render()
        return self.page.snapshot[None, CLASSIC].text.decode()
