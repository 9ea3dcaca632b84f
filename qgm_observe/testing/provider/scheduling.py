"""What happens to jobs and sessions as time passes.

A device runs one job of the account at a time, in the order in which they have waited out the jobs
of others. A dedicated session keeps the device from its first job's start until it is given back.
"""

import functools
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from qgm_observe.testing.provider.account import Account
from qgm_observe.testing.provider.clock import VirtualClock
from qgm_observe.testing.provider.devices import Device
from qgm_observe.testing.provider.http import Refusal
from qgm_observe.testing.provider.jobs import RAN_TOO_LONG, TIMEOUT_CODE, Fate, Job
from qgm_observe.testing.provider.sessions import INTERACTIVE_SECONDS, UNUSED_SECONDS, Session

MAX_KEPT = 2_000
MAX_KEPT_BYTES = 256 * 2**20
BILLING_SECONDS = 30.0
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"

Kept = TypeVar("Kept", Job, Session)

Execute = Callable[[Job], str]
"""Runs a job's circuits, returns the result as the client gets it."""


class Scheduler:
    """The jobs and sessions of an account on its devices.

    Args:
        billing_seconds: From a job's end until its billed time is final.

    Attributes:
        jobs: By id, oldest first; beyond `MAX_KEPT` and `MAX_KEPT_BYTES` what is over goes.
        sessions: Likewise.
        fates: How jobs are to end.
    """

    def __init__(
        self,
        clock: VirtualClock,
        account: Account,
        devices: Iterable[Device],
        execute: Execute,
        *,
        seed: int,
        billing_seconds: float = BILLING_SECONDS,
    ) -> None:
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self.fates: list[Fate] = []
        self.billing_seconds = billing_seconds
        self._clock = clock
        self._account = account
        self._execute = execute
        self._random = random.Random(f"ids {seed}")  # noqa: S311  # nothing is secret here
        self._number = 0
        self._waiting: dict[Device, list[Job]] = {}
        self._running: dict[Device, Job] = {}
        self._holders: dict[Device, Session] = {}
        account.changed = self._account_changed
        for device in devices:
            device.changed = functools.partial(self.dispatch, device)

    # ------------------------------------------------------------------------------ jobs

    def waiting(self, device: Device) -> int:
        """Return how many jobs of the account wait on a device."""
        return len(self._waiting.get(device, ()))

    def submit(self, device: Device, session: Session | None, **fields: Any) -> Job:
        """Take a job.

        Raises:
            Refusal: With status 429 if too many wait.
        """
        now = self._clock.now
        if sum(map(len, self._waiting.values())) >= MAX_KEPT:
            raise Refusal(429, 429, f"{MAX_KEPT} jobs wait already.")
        self._number += 1
        job = Job(
            id=self._id(),
            number=self._number,
            device=device,
            session=session,
            created=now,
            **fields,
        )
        job.ready = now if session and session.is_active else now + device.wait_at(now)
        self.jobs[job.id] = job
        self._bound_jobs()
        self._waiting.setdefault(device, []).append(job)
        if session:
            session.touched += 1
        if job.ready > now:
            self._clock.at(job.ready, lambda: self.dispatch(device))
        self.dispatch(device)
        return job

    def _bound_jobs(self) -> None:
        size = sum(job.size for job in self.jobs.values())
        while size > MAX_KEPT_BYTES or len(self.jobs) > MAX_KEPT:
            gone = _forget_oldest(self.jobs, lambda old: not old.is_pending)
            if gone is None:
                return
            size -= gone.size

    def dispatch(self, device: Device) -> None:
        """Start the next job of a device, if it can."""
        with self._clock.lock:
            self._dispatch(device)

    def _dispatch(self, device: Device) -> None:
        if not device.is_processing or self._account.is_limit_reached or device in self._running:
            return
        now, holder = self._clock.now, self._holders.get(device)
        able = [
            job
            for job in self._waiting.get(device, ())
            if job.ready <= now and holder in (None, job.session)
        ]
        if able:
            self._start(min(able, key=lambda job: (job.ready, job.number)))

    def _start(self, job: Job) -> None:
        now, device = self._clock.now, job.device
        self._waiting[device].remove(job)
        self._running[device] = job
        job.become("Running")
        job.started = now
        calibration = device.calibration_at(now)
        job.calibration_id = job.calibration_id or (calibration.id if calibration else None)
        if job.session:
            self._activate(job.session)
        fate = self._fate(job)
        seconds = fate.after if fate else device.run_seconds
        if job.cost is not None and seconds > job.cost:
            seconds, fate = job.cost, _too_long(job.cost)
        self._clock.at(now + seconds, lambda: self._run_through(job, fate))

    def _fate(self, job: Job) -> Fate | None:
        for fate in self.fates:
            if fate.count != 0 and (fate.when is None or fate.when(job)):
                if fate.count is not None:
                    fate.count -= 1
                return fate
        return None

    def _run_through(self, job: Job, fate: Fate | None) -> None:
        if job.state != "Running":
            return
        if fate:
            job.become(fate.status, fate.state)
            job.reason, job.reason_code = fate.reason, fate.reason_code
            job.reason_solution, job.result = fate.reason_solution, fate.reason
        else:
            self._finish_executing(job)
        self._ended(job)

    def _finish_executing(self, job: Job) -> None:
        try:
            job.result = self._execute(job)
            job.become("Completed")
        except Exception as error:  # noqa: BLE001  # whatever the circuit does is the job's failure
            job.result = f"Traceback (most recent call last):\n{type(error).__name__}: {error}"
            job.reason = str(error)
            job.become("Failed")

    def cancel(self, job: Job) -> None:
        """Cancel a job that waits or runs.

        Raises:
            Refusal: With status 409 if it is over.
        """
        if not job.is_pending:
            raise Refusal(409, 409, f"Job is in non cancellable status {job.status}.")
        self._end_early(job, "Cancelled", "")

    def _end_early(self, job: Job, status: str, reason: str) -> None:
        if job.state == "Queued":
            self._waiting[job.device].remove(job)
        job.become(status)
        job.reason = job.result = reason
        self._ended(job)

    def _ended(self, job: Job) -> None:
        now, device = self._clock.now, job.device
        job.finished = now
        if self._running.get(device) is job:
            del self._running[device]
        self._clock.at(now + self.billing_seconds, lambda: self._settle(job))
        if job.session:
            self._job_over(job.session, job)
        self.dispatch(device)

    def _settle(self, job: Job) -> None:
        job.is_settled = True
        session = job.session
        if session is None or not session.is_dedicated:
            if session:
                session.usage_seconds += job.charged(self._clock.now)
            self._account.use(job.charged(self._clock.now))

    # -------------------------------------------------------------------------- sessions

    def open(self, device: Device, mode: str, max_seconds: int) -> Session:
        """Open a session or batch."""
        session = Session(
            id=self._id(),
            mode=mode,
            device=device,
            created=self._clock.now,
            max_seconds=max_seconds,
            interactive_seconds=INTERACTIVE_SECONDS[mode],
        )
        session.become("open", self._clock.now)
        self.sessions[session.id] = session
        if len(self.sessions) > MAX_KEPT:
            _forget_oldest(self.sessions, lambda old: old.state == "closed")
        self._clock.at(self._clock.now + UNUSED_SECONDS, lambda: self._close_unused(session))
        return session

    def _close_unused(self, session: Session) -> None:
        if not session.touched:
            self._close(session, "No job was submitted.")

    def _activate(self, session: Session) -> None:
        now = session.last_job_started = self._clock.now
        session.touched += 1
        if session.started is None:
            session.started = now
            self._clock.at(now + session.max_seconds, lambda: self._expire(session))
        if session.state in ("open", "inactive"):
            session.become("active", now)
            session.activated = now
            if session.is_dedicated:
                session.active_since = now
                self._holders[session.device] = session

    def _job_over(self, session: Session, job: Job) -> None:
        now = self._clock.now
        if job.started is not None:
            session.last_job_completed = now
        if self._pending(session):
            return
        if session.state == "closed":
            self._give_back(session)
        elif not session.is_accepting:
            self._close(session, "Closed by its owner.")
        elif session.is_active:
            session.touched += 1
            turn = session.touched
            self._clock.at(now + session.interactive_seconds, lambda: self._idle_out(session, turn))

    def _idle_out(self, session: Session, turn: int) -> None:
        if session.is_active and session.touched == turn:
            session.become("inactive", self._clock.now, "Interactive time to live exceeded.")
            self._give_back(session)

    def stop_accepting(self, session: Session) -> None:
        """Take no more jobs; what is there runs, then the session closes."""
        session.is_accepting = False
        if not self._pending(session):
            self._close(session, "Closed by its owner.")

    def close(self, session: Session) -> None:
        """Close a session: what waits is cancelled, what runs runs through."""
        self._terminate(session, "Cancelled", "Closed by its owner.")

    def _expire(self, session: Session) -> None:
        if session.state != "closed":
            self._terminate(session, "Failed", "Session exceeded its maximum time to live.")

    def _terminate(self, session: Session, status: str, reason: str) -> None:
        self._close(session, reason)
        for job in self._pending(session):
            if job.state == "Queued":
                self._end_early(job, status, reason)

    def _close(self, session: Session, reason: str) -> None:
        if session.state == "closed":
            return
        session.is_accepting = False
        session.closed = self._clock.now
        session.become("closed", self._clock.now, reason)
        if not any(job.state == "Running" for job in self._pending(session)):
            self._give_back(session)

    def _give_back(self, session: Session) -> None:
        if session.active_since is not None:
            seconds = self._clock.now - session.active_since
            session.usage_seconds += seconds
            session.active_since = None
            self._account.use(seconds)
        if self._holders.get(session.device) is session:
            del self._holders[session.device]
        self.dispatch(session.device)

    def _pending(self, session: Session) -> list[Job]:
        running = self._running.get(session.device)
        jobs = [*self._waiting.get(session.device, ()), *([running] if running else ())]
        return [job for job in jobs if job.session is session]

    # --------------------------------------------------------------------------- account

    def _account_changed(self) -> None:
        with self._clock.lock:
            if self._account.is_cost_limit and self._account.is_limit_reached:
                for session in list(self.sessions.values()):
                    self._terminate(session, "Cancelled", "The cost limit is reached.")
            for device in list(self._waiting):
                self._dispatch(device)

    def _id(self) -> str:
        return "d" + "".join(self._random.choices(_ALPHABET, k=19))


def _too_long(cost: int) -> Fate:
    return Fate(
        status=RAN_TOO_LONG,
        state="Cancelled",
        reason=f"Job ran longer than its maximum execution time of {cost} s.",
        reason_code=TIMEOUT_CODE,
    )


def _forget_oldest(kept: OrderedDict[str, Kept], is_over: Callable[[Kept], bool]) -> Kept | None:
    oldest = next((id_ for id_, entry in kept.items() if is_over(entry)), None)
    return None if oldest is None else kept.pop(oldest)
