"""Which device first: what can be used, then what is wanted most; what is not known comes last."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from qgm_observe.providers.cost import Cost
from qgm_observe.providers.layout import LayoutFaults
from qgm_observe.providers.protocol import DeviceInfo, DeviceState, DeviceStatus
from qgm_observe.records import Estimate

Aim = Literal["wait", "quality", "cost"]
LEAST_WAITS = 5
"""Waits without which no percentile is told of one's own."""
NEAR_HOURS = 1
"""Hours before and after an hour of the week that count as it."""
HOURS_OF_WEEK = 168


class ExpectedWait(NamedTuple):
    """Seconds that a job waits in the queue.

    Attributes:
        source: What it rests on, for a reader.
    """

    p50: float | None
    p95: float | None
    source: str


UNKNOWN_WAIT = ExpectedWait(None, None, "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A device and what is known of a circuit on it; unknown is `None`.

    Attributes:
        account: The account's alias.
        calibrated_at: When the calibration last changed, epoch seconds.
        is_laid_out: Whether the qubits are known that the circuit runs on.
        faults: Of these qubits, else of all; `None` where nothing is calibrated.
        quality: Expected probability that no gate and no readout fails.
        cost: At list price.
        reason: Why it cannot be used, `None` if it can.
    """

    info: DeviceInfo
    status: DeviceStatus
    account: str = "default"
    calibrated_at: float | None = None
    wait: ExpectedWait = UNKNOWN_WAIT
    is_laid_out: bool = False
    faults: LayoutFaults | None = None
    quality: Estimate | None = None
    cost: Cost | None = None
    reason: str | None = None


def ranked(candidates: Iterable[Candidate], aim: Aim) -> list[Candidate]:
    """Return devices, the one to take first in front.

    What can be used goes before what cannot, and a layout without disabled qubits or pairs before
    one with them or without calibration; then the aim decides, and the other two after it.
    Amounts in different currencies are not compared: they stand by currency.
    """
    return sorted(candidates, key=lambda each: _order(each, aim))


def why_unusable(
    info: DeviceInfo,
    status: DeviceStatus,
    num_qubits: int | None,
    shots: int | None,
    layout: Sequence[int] = (),
) -> str | None:
    """Return why a device takes no such work, `None` if it does or nobody knows."""
    if status.state not in {DeviceState.ONLINE, DeviceState.UNKNOWN}:
        return str(status.state)
    if not status.is_accepting:
        return "takes no jobs"
    if num_qubits is not None and info.num_qubits is not None and info.num_qubits < num_qubits:
        return f"{info.num_qubits} qubits"
    if layout and info.num_qubits is not None and max(layout) >= info.num_qubits:
        return f"no qubit {max(layout)}"
    if shots is not None and info.max_shots is not None and shots > info.max_shots:
        return f"at most {info.max_shots:,} shots"
    return None


def expected_wait(
    status: DeviceStatus, history: Sequence[tuple[float, float]], at: float
) -> ExpectedWait:
    """Return how long a job is going to wait.

    Own waits in this hour of the week go before all own waits, these before what the provider
    tells of everybody.

    Args:
        status: The device's.
        history: Of own jobs on the device, when they were submitted and the seconds they waited.
        at: When the job would be submitted, epoch seconds.
    """
    hour = hour_of_week(at)
    near = [seconds for when, seconds in history if _is_near(hour_of_week(when), hour)]
    if len(near) >= LEAST_WAITS:
        moment = datetime.fromtimestamp(at, UTC)
        named = f"{len(near)} own jobs around {moment:%a %H}:00 UTC"
        return ExpectedWait(percentile(near, 0.5), percentile(near, 0.95), named)
    if len(history) >= LEAST_WAITS:
        waits = [seconds for _, seconds in history]
        named = f"{len(waits)} own jobs at any hour"
        return ExpectedWait(percentile(waits, 0.5), percentile(waits, 0.95), named)
    told = status.wait
    middle = told.average if told.p50 is None else told.p50
    if middle is None and told.p95 is None:
        return UNKNOWN_WAIT
    return ExpectedWait(middle, told.p95, "the provider" if told.p50 is not None else "its average")


def hour_of_week(at: float) -> int:
    """Return the hour since Monday 0:00 UTC, 0 to 167."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.weekday() * 24 + moment.hour


def percentile(values: Iterable[float], share: float) -> float:
    """Return the nearest-rank percentile of at least one value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _is_near(one: int, other: int) -> bool:
    apart = abs(one - other)
    return min(apart, HOURS_OF_WEEK - apart) <= NEAR_HOURS


def _order(each: Candidate, aim: Aim) -> tuple[object, ...]:
    keys = {
        "wait": _last_if_unknown(each.wait.p50),
        "quality": _last_if_unknown(None if each.quality is None else each.quality.value, -1),
        "cost": (each.cost is None, each.cost and each.cost.currency, each.cost and each.cost[0]),
    }
    wanted = [keys.pop(aim), *keys.values()]
    faults = each.faults
    off = faults is None or bool(faults.disabled_qubits or faults.disabled_edges)
    return (
        each.reason is not None,
        each.is_laid_out and off,
        *_comparable(wanted),
        each.info.provider,
        each.info.name,
    )


def _last_if_unknown(value: float | None, sign: int = 1) -> tuple[bool, float]:
    return value is None, sign * (value or 0.0)


def _comparable(keys: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [key[:1] if key[0] else key for key in keys]
