"""What was done: run, step, job, attempt, session. Times are epoch seconds, durations seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import STAGES, ErrorClass, ExecutionMode, Outcome, Purpose
from qgm_observe.errors import UsageError

LOCAL, PROVIDER = "local", "provider"


def _refuse(condition: bool, message: str) -> None:
    if condition:
        raise UsageError(message)


@dataclass(frozen=True, slots=True)
class Work:
    """Whose work it is and what for; every run, step and job carries it."""

    project: str = "default"
    pipeline: str = "default"
    model: str = "unknown"
    model_version: str = "unknown"
    kind: Purpose = Purpose.TRAINING

    def __post_init__(self) -> None:
        """Refuse a purpose that is none."""
        _refuse(self.kind not in set(Purpose), f"kind {self.kind!r}: write training or inference")


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage as it happened.

    Attributes:
        stage: Its name in the catalog.
        start: Seconds after the record's own start; the clocks may differ.
        duration: Seconds within one clock, never negative.
        clock: `local`, or `provider` where the provider told the time.
    """

    stage: str
    start: float
    duration: float
    clock: str = LOCAL

    def __post_init__(self) -> None:
        """Refuse an unknown stage, clock, or a negative duration."""
        _refuse(self.stage not in STAGES, f"stage {self.stage!r}: write one of {', '.join(STAGES)}")
        _refuse(self.clock not in (LOCAL, PROVIDER), f"clock {self.clock!r}: local or provider")
        _refuse(self.duration < 0, f"stage {self.stage}: a duration cannot be negative")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it failed.

    Attributes:
        error_class: The bounded class.
        type: The exception's qualified name.
        stage: The stage it happened in, or `None`.
    """

    error_class: ErrorClass
    type: str
    stage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What run, step and job have in common.

    Attributes:
        id: 32 hexadecimal digits for a run, 16 for a step or job.
        started_at: Epoch seconds by the local wall clock, once a record.
        duration: Seconds, `None` while it is open.
        outcome: `None` while it is open.
        stages: In the order they began.
        attributes: What the user added; never a label.
        log: The redacted log lines around a failure, where they are kept.
    """

    id: str
    work: Work
    started_at: float
    duration: float | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    stages: tuple[StageTime, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a negative duration."""
        _refuse(
            self.duration is not None and self.duration < 0,
            f"record {self.id}: a duration cannot be negative",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Record):
    """One training or sampling run.

    Attributes:
        resumed_from: The step a resumed run went on from, else `None`.
        restart_seconds: From the start of a resumed run to its first completed step.
        steps: Steps completed, in all attempts of this run.
        resources: What its process spent meanwhile, seconds, bytes and ratios by name (see
            `qgm_observe.journal.event`); what nobody could tell is missing.
    """

    resumed_from: int | None = None
    restart_seconds: float | None = None
    steps: int = 0
    resources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Record):
    """One iteration of a run.

    Attributes:
        index: Counted from 0.
        loss: `None` where it was not told.
    """

    run: str
    index: int
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One provider job id.

    Attributes:
        number: From 1; a retry is a further attempt.
        provider_job_id: `None` until the provider told it.
        queue_seconds: As the provider told it, or `None`.
        execute_seconds: As the provider told it, or `None`.
        device_seconds: Time on the device that was billed, `None` until that is settled.
        cost: In `currency`, `None` until that is settled or where time is billed.
    """

    number: int
    outcome: Outcome | None = None
    provider_job_id: str | None = None
    failure: Failure | None = None
    queue_seconds: float | None = None
    execute_seconds: float | None = None
    device_seconds: float | None = None
    cost: Decimal | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        """Refuse a number below 1."""
        _refuse(self.number < 1, "attempts are counted from 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Record):
    """One piece of quantum work that was asked for.

    Attributes:
        shots: In all circuits together, `None` where unknown.
        circuits: Circuits submitted together, `None` where unknown.
        session: The provider session's id, if any.
    """

    run: str | None = None
    step: str | None = None
    provider: str = "unknown"
    device: str = "unknown"
    region: str = "unknown"
    execution_mode: ExecutionMode = ExecutionMode.LOCAL
    shots: int | None = None
    circuits: int | None = None
    session: str | None = None
    attempts: tuple[Attempt, ...] = ()

    def __post_init__(self) -> None:
        """Refuse negative counts."""
        Record.__post_init__(self)
        _refuse((self.shots or 0) < 0, f"shots {self.shots}: write a count of 1 or more")
        _refuse((self.circuits or 0) < 0, f"circuits {self.circuits}: write a count of 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A provider's session or batch.

    Attributes:
        usage_seconds: Device time used, `None` while unknown.
    """

    id: str
    work: Work
    mode: ExecutionMode
    provider: str = "unknown"
    device: str = "unknown"
    region: str = "unknown"
    opened_at: float
    closed_at: float | None = None
    outcome: Outcome | None = None
    usage_seconds: float | None = None
