"""A session or batch, as the provider keeps it."""

from dataclasses import dataclass, field

from qgm_observe.testing.provider.clock import to_text
from qgm_observe.testing.provider.devices import Device
from qgm_observe.testing.provider.snapshots import Json

MAX_SECONDS = 28_800
"""Longest life unless asked for (OpenAPI: `max_ttl`, default)."""

INTERACTIVE_SECONDS = {"dedicated": 60, "batch": 1}
"""Idle time after which the device is given back. Assumed; the interface tells no default."""

UNUSED_SECONDS = 1_800
"""Time after which a session without a job closes (guide "Run jobs in a session")."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One session (`mode` dedicated) or batch.

    Attributes:
        state: `open`, `active`, `inactive` or `closed`.
        usage_seconds: Settled so far. Of a session: the device's time from the first job's start
            to its giving back, idle time included. Of a batch: its jobs' time.
        active_since: When the running span began, `None` outside one.
        touched: Counts what resets the idle timer.
    """

    id: str
    mode: str
    device: Device
    created: float
    max_seconds: int = MAX_SECONDS
    interactive_seconds: int = 60
    state: str = "open"
    reason: str = ""
    is_accepting: bool = True
    started: float | None = None
    activated: float | None = None
    closed: float | None = None
    last_job_started: float | None = None
    last_job_completed: float | None = None
    usage_seconds: float = 0.0
    active_since: float | None = None
    touched: int = 0
    history: list[tuple[str, float]] = field(default_factory=list)

    @property
    def is_dedicated(self) -> bool:
        """Whether it keeps the device to itself."""
        return self.mode == "dedicated"

    @property
    def is_active(self) -> bool:
        """Whether its jobs run without waiting for those of others."""
        return self.state == "active"

    def become(self, state: str, now: float, reason: str = "") -> None:
        """Take another state."""
        self.state, self.reason = state, reason
        self.history.append((state, now))

    def told(self) -> Json:
        """Return the reply of `GET /sessions/ID` (OpenAPI `JobSession`)."""
        times = {
            "created_at": self.created,
            "started_at": self.started,
            "activated_at": self.activated,
            "closed_at": self.closed,
            "last_job_started": self.last_job_started,
            "last_job_completed": self.last_job_completed,
        }
        is_ongoing = self.active_since is not None
        return {
            "id": self.id,
            "backend_name": self.device.name,
            "mode": self.mode,
            "state": self.state,
            "state_reason": self.reason,
            "accepting_jobs": self.is_accepting,
            "max_ttl": self.max_seconds,
            "interactive_ttl": self.interactive_seconds,
            "active_ttl": self.max_seconds,
            "elapsed_time": None if is_ongoing else self.usage_seconds,
            "timestamps": [
                {"status": state, "timestamp": to_text(when)} for state, when in self.history
            ],
            **{name: to_text(when) for name, when in times.items() if when is not None},
        }
