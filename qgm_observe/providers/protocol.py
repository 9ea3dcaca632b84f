"""What a provider can be asked, and what it answers: one Protocol, whoever runs the device.

Unknown is `None`, never 0. Times are epoch seconds, durations seconds, frequencies Hz; gate and
readout quality are errors in [0, 1], whatever form the provider gives. What a provider has no
way to tell is missing from its `capabilities`, so that absence is stated.
"""

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, runtime_checkable

from qgm_observe.catalog import ErrorClass, ExecutionMode

AER = "aer_simulator"
"""The simulator of this machine."""

FAKE = "fake_"
"""What the names of snapshots of IBM's devices begin with."""


class Capability(enum.StrEnum):
    """What a provider can tell."""

    STATUS = "status"
    QUEUE = "queue"
    WAIT = "wait"
    CALIBRATION = "calibration"
    HISTORY = "history"
    JOBS = "jobs"
    SESSIONS = "sessions"
    USAGE = "usage"
    PRICE = "price"


class DeviceState(enum.StrEnum):
    """Whether a device takes work."""

    ONLINE = "online"
    PAUSED = "paused"
    OFFLINE = "offline"
    RETIRED = "retired"
    UNKNOWN = "unknown"


class JobState(enum.StrEnum):
    """Where a provider's job is, whatever its provider calls that."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RAN_TOO_LONG = "ran_too_long"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING, JobState.UNKNOWN)


class Quality(enum.StrEnum):
    """How far a calibrated value can be used.

    `disabled` is an error of 1 or more, which providers write for a gate that is switched off;
    `suspect` is a readout error of 0.5 or more, or a T2 above 2 T1 by more than 5 %.
    """

    OK = "ok"
    MISSING = "missing"
    DISABLED = "disabled"
    SUSPECT = "suspect"


class Wait(NamedTuple):
    """Seconds that jobs wait on a device, as its provider tells; each may be unknown."""

    average: float | None = None
    p50: float | None = None
    p95: float | None = None


UNTOLD = Wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """What a device is.

    Attributes:
        edges: Pairs of coupled qubits, each once, the lower first.
        two_qubit_error: The provider's own figure for the whole device, by name (`best`,
            `layered`, `median`), where it gives one.
    """

    provider: str
    name: str
    num_qubits: int | None = None
    edges: tuple[tuple[int, int], ...] = ()
    native_gates: tuple[str, ...] = ()
    max_shots: int | None = None
    processor: str | None = None
    version: str | None = None
    is_simulator: bool = False
    region: str = "unknown"
    clops: float | None = None
    two_qubit_error: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """Whether and when a device works.

    Attributes:
        is_processing: Whether accepted work is also processed, `None` if unknown.
        message: The provider's words, sanitized; never a label.
        queue_is_lower_bound: The provider counts no further (Braket says ">4000").
        updated_at: When the provider last changed the device's calibration, if it says so.
    """

    provider: str
    device: str
    state: DeviceState
    observed_at: float
    is_accepting: bool = True
    is_processing: bool | None = None
    message: str = ""
    queue_jobs: int | None = None
    queue_is_lower_bound: bool = False
    wait: Wait = UNTOLD
    next_available_at: float | None = None
    updated_at: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One calibrated number.

    Attributes:
        value: In base units, `None` where the provider gives none.
        taken_at: When it was measured, which differs from value to value.
        quality: Whether to use it.
        standard_error: In the same unit, where the provider gives it.
        method: How it was measured, where the provider says so.
    """

    value: float | None
    taken_at: float | None = None
    quality: Quality = Quality.OK
    standard_error: float | None = None
    method: str | None = None


MISSING = Measurement(None, quality=Quality.MISSING)


class GateCalibration(NamedTuple):
    """A gate on its qubits."""

    error: Measurement = MISSING
    duration: Measurement = MISSING


GateKey = tuple[str, tuple[int, ...]]
"""A gate's name and its qubits; of a gate that is the same both ways, the lower qubit first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A device's calibration at one instant.

    Attributes:
        taken_at: When the provider says it last changed.
        calibration_id: The provider's, `None` where it has none.
        qubits: By qubit, then by parameter: `t1`, `t2` and `readout_duration` in s, `frequency`
            and `anharmonicity` in Hz, `readout_error`, `prob_meas0_prep1`, `prob_meas1_prep0`.
        gates: By gate and qubits.
        whole: Of providers that tell only of the device: by parameter, as in `qubits`, and
            `error_1q`, `error_2q`, `duration_1q`, `duration_2q`.
        raw: What the provider said, as canonical JSON without the instant of asking, so that equal
            calibrations are equal bytes.
    """

    provider: str
    device: str
    observed_at: float
    taken_at: float | None = None
    calibration_id: str | None = None
    qubits: Mapping[int, Mapping[str, Measurement]] = field(default_factory=dict)
    gates: Mapping[GateKey, GateCalibration] = field(default_factory=dict)
    whole: Mapping[str, Measurement] = field(default_factory=dict)
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderJob:
    """A job as its provider knows it.

    Attributes:
        device_seconds: Billed time on the device, `None` while the provider has not settled it.
        error_code: The provider's own code of a failure.
        tags: As submitted; ours begin with `qgm-`.
    """

    provider: str
    id: str
    state: JobState
    device: str | None = None
    session: str | None = None
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    estimated_seconds: float | None = None
    device_seconds: float | None = None
    cost: Decimal | None = None
    currency: str | None = None
    shots: int | None = None
    error_class: ErrorClass | None = None
    error_code: str | None = None
    calibration_id: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSession:
    """A session or batch as its provider knows it.

    Attributes:
        interactive_seconds: Idle time after which it gives the device back.
        max_seconds: Longest life from its activation.
        usage_seconds: Time on the device so far, `None` where unknown.
    """

    provider: str
    id: str
    mode: ExecutionMode
    device: str | None = None
    is_open: bool
    is_accepting: bool
    state: str = "unknown"
    created_at: float | None = None
    activated_at: float | None = None
    closed_at: float | None = None
    interactive_seconds: float | None = None
    max_seconds: float | None = None
    usage_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUsage:
    """What an account has used of what it may.

    Attributes:
        account: An alias, never the account's own number.
        unit: `s` of device time, `USD`, or the provider's own unit.
        period_starts_at: Since when use counts, where the provider says so.
        period_ends_at: When the period ends; of one that rolls on, when it was told.
    """

    provider: str
    account: str
    observed_at: float
    used: float | None = None
    limit: float | None = None
    remaining: float | None = None
    is_limit_reached: bool | None = None
    unit: str = "s"
    period_starts_at: float | None = None
    period_ends_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What work on a device costs; parts that are `None` are not charged or not known.

    Attributes:
        minimum: Least charge of a task.
        source: Where the price was read.
        as_of: ISO date of the reading.
    """

    provider: str
    device: str
    currency: str
    per_task: Decimal | None = None
    per_shot: Decimal | None = None
    per_second: Decimal | None = None
    per_gate_1q: Decimal | None = None
    per_gate_2q: Decimal | None = None
    minimum: Decimal | None = None
    plan: str | None = None
    source: str
    as_of: str


@runtime_checkable
class Provider(Protocol):
    """One account at one provider.

    Every method asks the provider, within the deadline the provider was made with. What it raises
    shows no secret (see `failures.ProviderError`); `classify` names the class of that, and of what
    the provider's library raises elsewhere. A method whose capability is missing returns `None` or
    nothing and asks nobody.

    Attributes:
        name: The label `provider`, for instance `ibm`.
        account: The label `account`: an alias.
        capabilities: What it can tell.
    """

    name: str
    account: str
    capabilities: Collection[Capability]

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        """Return every device of the account with its status, in as few calls as can be."""

    def device(self, name: str) -> DeviceInfo:
        """Return one device with what costs a call of its own: edges, gates, most shots."""

    def status(self, device: str) -> DeviceStatus:
        """Return one device's status."""

    def calibration(self, device: str, at: float | None = None) -> Calibration | None:
        """Return the calibration in force now, or at an instant (capability `history`)."""

    def job(self, id_: str) -> ProviderJob:
        """Return a job's state, times and billed time."""

    def jobs(
        self, *, pending: bool | None = None, tag: str | None = None, limit: int = 200
    ) -> Sequence[ProviderJob]:
        """Return the newest jobs, only those that wait or run, only those with a tag."""

    def session(self, id_: str) -> ProviderSession | None:
        """Return a session."""

    def usage(self) -> AccountUsage | None:
        """Return what the account has used."""

    def price(self, device: str) -> Price | None:
        """Return what work on a device costs."""

    def classify(self, error: BaseException) -> ErrorClass:
        """Return the class of an exception of this provider's library."""

    def close(self) -> None:
        """Let connections go."""


@runtime_checkable
class Canceler(Protocol):
    """What a provider has besides that can end what was submitted; none has to.

    Each method asks the provider and raises as those of `Provider` do, also where there is nothing
    to end any more.
    """

    def cancel(self, id_: str) -> None:
        """Cancel a job that waits or runs."""

    def close_session(self, id_: str) -> None:
        """Close a session: what waits in it is cancelled, what runs may run through."""


Options = Mapping[str, Any]
"""What a configuration file says of a provider, already without secrets' values resolved."""
