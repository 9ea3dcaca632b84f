"""What is about to be submitted, as a line that people write: `ibm_fez, 200 jobs, 1024 shots`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import ExecutionMode
from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import Cost
from qgm_observe.providers.protocol import AER, FAKE
from qgm_observe.spend.foresight import DEFAULT_SHOTS

EXAMPLE = "ibm_fez, session, 200 jobs, 4 circuits, 1024 shots, 10 s between"
SESSION_SECONDS = 28_800.0
"""Longest life of a session unless told; source: IBM's OpenAPI of sessions, `max_ttl`."""

IDLE_SECONDS = 60.0
"""Idle time after which a session gives the device back. Assumed: the interface tells none."""

_WORDS: Mapping[str, Mapping[str, object]] = {
    "job": {"mode": ExecutionMode.JOB},
    "batch": {"mode": ExecutionMode.BATCH},
    "session": {"mode": ExecutionMode.SESSION},
    "at once": {"at_once": True},
}
_MONEY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Z]{3}|s)")
_COUNT = re.compile(r"([0-9][0-9_]*)\s*(jobs?|circuits?|shots?)")
_TIME = re.compile(r"([0-9.]+)(?:\s*-\s*([0-9.]+))?\s*s\s+(between|each)")
_DEVICE = re.compile(r"(?:([a-z]+)/)?([A-Za-z][A-Za-z0-9_.:/-]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Work that is to be done on a device; what is `None` is not asked for or not known.

    Attributes:
        jobs: Submissions, one after the other unless `at_once`.
        circuits: Of each job.
        shots: Of each circuit.
        qubits: That a circuit needs.
        layout: The device's qubits of the circuit's; empty for the compiler's choice.
        between: Least and most seconds from a job's result to the next submission.
        at_once: All are submitted without waiting for results.
        each: Least and most seconds of the device a job, where the caller knows better.
        throttled: Our own limit of submissions a minute.
        session_seconds: Longest life of the session or batch from its first job's start.
        idle_seconds: After which a session gives the device back.
        start_at: Epoch seconds of the first submission; at once if `None`.
        money: May be spent.
        device_seconds: May be spent.
        success: Least probability that no gate and no readout of a circuit fails.
        half_width: Of the objective's 95 % interval, from one circuit's shots.
        shot_sd: Standard deviation of one shot of the objective.
        gradient_variance: Mean squared component of the true gradient.
        gradient_snr: Least ratio of that to the variance of its shot noise.
    """

    device: str
    provider: str = "ibm"
    mode: ExecutionMode = ExecutionMode.JOB
    jobs: int = 1
    circuits: int = 1
    shots: int = DEFAULT_SHOTS
    qubits: int | None = None
    layout: tuple[int, ...] = ()
    between: tuple[float, float] = (0.0, 0.0)
    at_once: bool = False
    each: tuple[float, float] | None = None
    throttled: float | None = None
    session_seconds: float = SESSION_SECONDS
    idle_seconds: float = IDLE_SECONDS
    start_at: float | None = None
    money: Cost | None = None
    device_seconds: float | None = None
    success: float | None = None
    half_width: float | None = None
    shot_sd: float | None = None
    gradient_variance: float | None = None
    gradient_snr: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("jobs", "circuits", "shots"):
            if getattr(self, name) < 1:
                raise UsageError(f"plan: {name} {getattr(self, name)}: write a count of 1 or more")
        for name in ("between", "each"):
            told = getattr(self, name)
            if told is not None and not 0 <= told[0] <= told[1] < float("inf"):
                raise UsageError(f"plan: {name} {told[0]:g}-{told[1]:g} s: write least, then most")
        for name in ("half_width", "shot_sd", "gradient_variance", "success", "throttled"):
            told = getattr(self, name)
            if told is not None and not 0 < told < float("inf"):
                raise UsageError(f"plan: {name} {told:g}: write a finite number above 0")

    @property
    def executions(self) -> int:
        """Shots of all circuits of a job."""
        return self.circuits * self.shots

    @property
    def all_shots(self) -> int:
        """Shots of all jobs."""
        return self.jobs * self.executions


def plan(text: str) -> Plan:
    """Read a plan from a line.

    Args:
        text: Parts with commas between: a device (`ibm_fez`, or `braket/NAME`), `job`, `batch` or
            `session`, `200 jobs`, `4 circuits` a job, `1024 shots` a circuit, `10 s between` jobs
            (or `8-12 s between`), `2-3 s each` of device time, `at once`, and `20 USD` or
            `600 s` that may be spent.

    Raises:
        UsageError: a part cannot be read or stands twice, or there is no device.
    """
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        for name, value in _read(part).items():
            if name in found:
                raise UsageError(f"plan {part!r}: {name.replace('_', ' ')} stands twice")
            found[name] = value
    if "device" not in found:
        raise UsageError(f"plan {text!r}: name a device, for instance {EXAMPLE!r}")
    return Plan(**{"provider": provider_of(found["device"]), **found})


def provider_of(device: str) -> str:
    """Return whose a device is where nobody says it: a simulator is local, all else IBM's."""
    return "local" if device == AER or device.startswith(FAKE) else "ibm"


def _read(part: str) -> dict[str, Any]:
    if part in _WORDS:
        return dict(_WORDS[part])
    if count := _COUNT.fullmatch(part):
        return {f"{count[2].rstrip('s')}s": int(count[1])}
    if time := _TIME.fullmatch(part):
        return {time[3]: (_number(part, time[1]), _number(part, time[2] or time[1]))}
    if spent := _MONEY.fullmatch(part):
        amount = _number(part, spent[1])
        is_time = spent[2] == "s"
        return (
            {"device_seconds": amount} if is_time else {"money": Cost(Decimal(spent[1]), spent[2])}
        )
    if device := _DEVICE.fullmatch(part):
        return {"device": device[2]} | ({"provider": device[1]} if device[1] else {})
    raise UsageError(f"plan {part!r} cannot be read: write for instance {EXAMPLE!r}")


def _number(part: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"plan {part!r}: write a number such as 10 or 2.5") from None
