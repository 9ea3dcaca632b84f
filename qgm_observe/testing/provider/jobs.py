"""A job, as the provider keeps it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qgm_observe.testing.provider.clock import to_text
from qgm_observe.testing.provider.devices import Device
from qgm_observe.testing.provider.sessions import Session
from qgm_observe.testing.provider.snapshots import Json

PENDING = ("Queued", "Running")
RAN_TOO_LONG = "Cancelled - Ran too long"
MAX_TAGS = 8
MAX_TAG_LENGTH = 86
TIMEOUT_CODE = 1305
"""The provider's reason code of a job that ran longer than allowed."""


@dataclass(slots=True, kw_only=True)
class Fate:
    """How a job ends other than by running through.

    Attributes:
        status: The final word, for instance `Failed` or an unusual one.
        state: What `state.status` says, which the client reads; as `status` unless given.
        reason_code: The provider's, 1000 to 9999.
        after: Seconds of running until then.
        count: How many jobs, `None` for all.
        when: Which jobs.
    """

    status: str = "Failed"
    state: str | None = None
    reason: str = ""
    reason_code: int | None = None
    reason_solution: str = ""
    after: float = 1.0
    count: int | None = 1
    when: "Callable[[Job], bool] | None" = None


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One job.

    Attributes:
        size: Bytes of the request that brought it.
        cost: Longest seconds that its owner lets it run.
        calibration_id: In force when it ran, or asked for.
        ready: When it has waited for the jobs of others.
        settled: When its billed time becomes final.
        result: As the client gets it.
    """

    id: str
    number: int
    program: str
    device: Device
    created: float
    params: Any = None
    size: int = 0
    session: Session | None = None
    tags: Sequence[str] = ()
    cost: int | None = None
    is_private: bool = False
    calibration_id: str | None = None
    status: str = "Queued"
    state: str = "Queued"
    reason: str = ""
    reason_code: int | None = None
    reason_solution: str = ""
    ready: float = 0.0
    started: float | None = None
    finished: float | None = None
    is_settled: bool = False
    result: str | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it waits or runs."""
        return self.state in PENDING

    def charged(self, now: float) -> float:
        """Return the seconds it has used the device for."""
        if self.started is None:
            return 0.0
        return (self.finished if self.finished is not None else now) - self.started

    def become(self, status: str, state: str | None = None) -> None:
        """Take another status; `state` is the word of the inner state where it differs."""
        self.status, self.state = status, state or status

    def told(self, *, with_params: bool) -> Json:
        """Return the reply of `GET /jobs/ID` (OpenAPI `JobResponseV3`)."""
        state: Json = {"status": self.state}
        for name in ("reason", "reason_code", "reason_solution"):
            if getattr(self, name):
                state[name] = getattr(self, name)
        content: Json = {
            "id": self.id,
            "backend": self.device.name,
            "program": {"id": self.program},
            "created": to_text(self.created),
            "status": self.status,
            "state": state,
            "tags": list(self.tags),
            "private": self.is_private,
            "estimated_running_time_seconds": self.device.run_seconds,
        }
        known = {
            "session_id": self.session.id if self.session else None,
            "cost": self.cost,
            "calibration_id": self.calibration_id,
            "ended": to_text(self.finished) if self.finished is not None else None,
        }
        content.update({name: value for name, value in known.items() if value is not None})
        if with_params and not self.is_private:
            content["params"] = self.params
        return content

    def metrics(self, now: float) -> Json:
        """Return the reply of `GET /jobs/ID/metrics` (OpenAPI `JobMetricsResponse`)."""
        times = {"created": self.created, "running": self.started, "finished": self.finished}
        return {
            "timestamps": {name: to_text(when) for name, when in times.items() if when is not None},
            "usage": {
                "qpu_charge_time_seconds": self.charged(now),
                "status": "complete" if self.is_settled else "pending",
            },
            "circuits_execution_time_ns": round(self.charged(now) * 1e9),
            "caller": "qiskit_ibm_runtime",
        }

    def log(self) -> str:
        """Return the reply of `GET /jobs/ID/logs`."""
        lines = [f"{to_text(self.created)} queued on {self.device.name}"]
        if self.started is not None:
            lines.append(f"{to_text(self.started)} running {self.program}")
        if self.finished is not None:
            lines.append(f"{to_text(self.finished)} {self.status} {self.reason}".rstrip())
        return "\n".join(lines) + "\n"
