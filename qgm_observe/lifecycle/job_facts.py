"""What is known of a job: what was asked for, of which device, and in which attempts."""

from typing import Any, ClassVar

from qgm_observe.catalog import ExecutionMode, Outcome
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.capture import keep_counts
from qgm_observe.lifecycle.devices import Device
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.results import size_of
from qgm_observe.records import Failure, Work
from qgm_observe.spend.guards import Booking, BudgetGuard

Slot = tuple[int | None, int]
"""Index of the step, `None` outside one, and the order of the job in it, from 0."""

_LOCAL = ExecutionMode.LOCAL
_UNSAID = {None, Work().project, Work().pipeline}


class AttemptHandle:
    """One provider job id; a retry is a further attempt."""

    def __init__(self, job: "JobFacts", number: int) -> None:
        self.job = job
        self.number = number
        self.outcome: Outcome | None = None
        self.failure: Failure | None = None
        self.provider: Any = None
        self.provider_job_id: str | None = None
        self.queue_seconds: float | None = None
        self.execute_seconds: float | None = None
        self.throttle_seconds: float | None = None
        self.foreseen_seconds: float | None = None
        self.asked = self.submitted = self.begun = 0
        self.idle_seconds = 0.0
        self.booked: list[tuple[BudgetGuard, Booking]] = []


class JobFacts(Handle):
    """One piece of quantum work that was asked for, however it is submitted."""

    noun: ClassVar[str] = "job"
    inside = frozenset({"run", "step", "session"})

    attempts: list[AttemptHandle] | None = None
    program: Any = None
    settings: dict[str, Any] | None = None
    waiting = 0
    slots = 0
    slot: Slot | None = None
    rests_on: tuple[float, dict[str, Any]] | None = None

    def __init__(  # noqa: PLR0917  by name a call costs as much again
        self,
        recorder: Any,
        parent: Handle | None,
        given: dict[str, Any] | None = None,
        backend: Any = None,
        shots: int | None = None,
        circuits: int | None = None,
        session: Any = None,
    ) -> None:
        Handle.__init__(self, recorder, parent, given)
        self.backend = backend
        self.shots = shots if type(shots) is int and shots >= 1 else _count("shots", shots)
        self.circuits = None if circuits is None else _count("circuits", circuits)
        self.session = session

    @property
    def device(self) -> Device:
        """What the backend object stands for."""
        return self.recorder.device(self.backend)

    @property
    def remote(self) -> bool:
        """Whether a provider elsewhere does the work."""
        return self.device.mode is not _LOCAL

    @property
    def needed_seconds(self) -> float | None:
        """Device time (s) foreseen for a submission that has not ended, `None` without one."""
        newest = self.attempts[-1] if self.attempts else None
        return newest.foreseen_seconds if newest is not None and newest.outcome is None else None

    def asked_for(self, sampler: Any, pubs: Any, shots: Any = None) -> None:
        """Take note of what a sampler is asked for: references, and values as they are now."""
        recorder = self.recorder
        if recorder.keeps_provenance:
            second = recorder.now() // 1_000_000_000
            told = recorder.programs.asked(sampler, pubs, shots, second, all_of_it=self.remote)
            self.program = told or self.program

    def sized(self, result: Any) -> None:
        """Take circuits and shots from a result, which knows best what was really run."""
        if self.recorder.settings.capture == "all":
            keep_counts(self, result)
        circuits, shots = size_of(result)
        self.circuits = circuits or self.circuits
        self.shots = shots or self.shots


def tags_of(job: JobFacts) -> list[str]:
    """Return the tags that a submission carries: whose job it is, for finding and for billing."""
    run: Handle | None = job
    while run is not None and run.noun != "run":
        run = run.parent
    told = {
        "run": None if run is None else run.id,
        "project": job.work.project,
        "pipeline": job.work.pipeline,
    }
    named = [f"qgm:{name}:{value}" for name, value in told.items() if value not in _UNSAID]
    return [f"qgm-{job.id}", *named]


def _count(name: str, value: Any) -> int | None:
    """A count that was given, as a plain integer."""
    if value is None:
        return None
    try:
        count = int(value)
        if count == value and count >= 1:
            return count
    except Exception:  # noqa: BLE001  what is no number may raise anything
        raise UsageError(f"{name} <{type(value).__name__}>: write a count of 1 or more") from None
    raise UsageError(f"{name} {value}: write a count of 1 or more")
