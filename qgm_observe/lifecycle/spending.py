"""Money on the way of a submission: guards before it, its estimate, what is left waiting."""

import contextlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from threading import Lock, Thread
from typing import Any

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome
from qgm_observe.errors import BudgetExceeded, JournalError, UsageError
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.job_facts import AttemptHandle, JobFacts
from qgm_observe.lifecycle.need import Need
from qgm_observe.lifecycle.recording import Recording
from qgm_observe.spend import retrying
from qgm_observe.spend.guards import Ask, BudgetGuard
from qgm_observe.spend.limiter import Limiter
from qgm_observe.spend.limits import SUBMISSIONS_A_MINUTE, Limits, limits
from qgm_observe.spend.plan import IDLE_SECONDS
from qgm_observe.spend.turns import Turns

_lock = Lock()


def limited(recorder: Recording, text: str | Limits | None) -> Limits | None:
    """Return the limits that a caller wrote, once it is certain that they can be kept.

    Raises:
        UsageError: they cannot be read, or the prices cannot.
        MissingExtra: what they need is not installed.
    """
    if text is None:
        return None
    wanted = limits(text) if isinstance(text, str) else text
    if wanted.money is not None:
        recorder.tariff()
    if wanted.retries:
        retrying.check()
    return wanted


# --------------------------------------------------------------------------------------- guards


def guards_of(job: JobFacts) -> list[BudgetGuard]:
    """Return every guard that a job is under: its own, its run's, the process's."""
    found: list[BudgetGuard] = []
    handle: Handle | None = job
    while handle is not None:
        if handle.limits is not None:
            found.append(_guard_of(handle))
        handle = handle.parent
    if job.recorder.settings.guard is not None:
        found.append(_of_process(job.recorder))
    return found


def _guard_of(handle: Handle) -> BudgetGuard:
    with _lock:
        if handle.budget is None and handle.limits is not None:
            handle.budget = _made(handle.recorder, handle.limits)
            _recall(handle)
        if handle.budget is None:
            raise BudgetExceeded("guard: it cannot be made; nothing was submitted")
        return handle.budget


def _of_process(recorder: Recording) -> BudgetGuard:
    with _lock:
        if recorder.budget is None:
            try:
                wanted = limits(recorder.settings.guard or "")
                limited(recorder, wanted)
            except UsageError as error:
                raise BudgetExceeded(f"{error}; nothing was submitted") from error
            recorder.budget = _made(recorder, wanted)
        return recorder.budget


def _made(recorder: Recording, wanted: Limits) -> BudgetGuard:
    return BudgetGuard(wanted, recorder.price, recorder.history, lambda: recorder.now() / 1e9)


def _recall(handle: Handle) -> None:
    """A run that goes on has spent what the journal tells of its earlier processes."""
    recorder, budget = handle.recorder, handle.budget
    if getattr(handle, "resumed_from", None) is None or budget is None:
        return
    from qgm_observe.spend.statement import Statement

    with (
        contextlib.suppress(JournalError),  # nothing was recorded yet
        open_journal(recorder.settings.journal_path, read_only=True) as journal,
    ):
        spent = Statement.of(journal, recorder.price, runs=[handle.id])
        amounts = [each for line in spent.lines if (each := line.known or line.estimated)]
        limit = budget.limits.money
        own = [each.amount for each in amounts if limit and each.currency == limit.currency]
        seconds = sum(line.seconds or line.estimated_seconds or 0.0 for line in spent.lines)
        shots = sum(line.shots or 0 for line in spent.lines)
        budget.begin_with(sum(own, Decimal(0)), seconds, shots)


def admit(attempt: AttemptHandle) -> float:
    """Have every guard let an attempt through; return the seconds to wait for its turn.

    Raises:
        BudgetExceeded: one did not; no guard has it booked then.
    """
    job = attempt.job
    found = guards_of(job)
    if not found:
        return 0.0
    ask = ask_of(job, attempt.number)
    try:
        for guard in found:
            attempt.booked.append((guard, guard.admit(ask)))
    except BudgetExceeded as error:
        release(attempt)
        attempt.outcome = Outcome.GUARDED
        _tell(attempt, "guarded", ask, reason=str(error))
        raise
    with job.recorder.guard("throttle"):
        return _turn(job, [guard.limits for guard in found])
    return 0.0


def ask_of(job: JobFacts, number: int = 1) -> Ask:
    """Return what a job asks for."""
    device, session = job.device, job.session
    dedicated = session is not None and session.mode is ExecutionMode.SESSION
    return Ask(
        provider=device.provider,
        device=device.name,
        is_remote=job.remote,
        shots=job.shots,
        session=session if dedicated else None,
        number=number,
    )


def affordable(job: JobFacts, wanted: int, jobs: int) -> int:
    """Return how many of the wanted shots each of so many such jobs may have."""
    ask = ask_of(job)._replace(shots=wanted)
    return min([wanted, *(guard.affordable(ask, jobs) for guard in guards_of(job))])


def settle(attempt: AttemptHandle) -> None:
    """Take note that an attempt has ended, and how long the device worked where that is told."""
    job, seconds = attempt.job, attempt.execute_seconds
    if not attempt.booked and not job.remote:
        return
    job.recorder.waiting.discard(attempt)
    if job.remote and job.shots and seconds is not None:
        job.recorder.history.add(job.device.provider, job.device.name, job.shots, seconds)
    for guard, booking in attempt.booked:
        guard.settle(booking, seconds)
    session = job.session
    if session is not None:
        session.running = max(session.running - 1, 0)
        session.last_ended = job.now()


def release(attempt: AttemptHandle) -> None:
    """Take note that an attempt was not submitted."""
    for guard, booking in attempt.booked:
        guard.release(booking)
    attempt.booked.clear()


# ----------------------------------------------------------------------- our own limit, retries


def _turn(job: JobFacts, wanted: Sequence[Limits]) -> float:
    """Book one place for a job, however many guards hold it to a rate."""
    provider = job.device.provider
    documented = SUBMISSIONS_A_MINUTE.get(provider)
    told = [each.submissions or documented for each in wanted if each.submissions is not None]
    limit = min((each for each in told if each is not None), default=None)
    if limit is None or not job.remote:
        return 0.0
    with _lock:
        limiter = job.recorder.limiters.get(provider)
        if limiter is None:
            turns = Turns.beside(job.recorder.settings.journal_path, provider)
            limiter = job.recorder.limiters[provider] = Limiter(limit, turns)
        limiter.most = max(limiter.most, limit)
    return limiter.book(job.now() / 1e9, limit)


def refused(attempt: AttemptHandle) -> None:
    """Take note that the provider did not take an attempt; its refusals teach our own limit."""
    release(attempt)
    if _is_refusal(attempt):
        limiter = attempt.job.recorder.limiters.get(attempt.job.device.provider)
        if limiter is not None:
            limiter.refused(attempt.job.now() / 1e9)


def retries_of(job: JobFacts) -> int:
    """Return how often a submission that was certainly not taken may be made again."""
    if not job.remote:
        return 0
    ceilings = [guard.limits.retries for guard in guards_of(job)]
    return min((each for each in ceilings if each is not None), default=0)


def may_repeat(job: JobFacts, _: BaseException) -> bool:
    """Return whether the newest attempt was refused for its rate alone.

    What may have arrived, as after a broken connection, is never sent again.
    """
    return job.attempts is not None and _is_refusal(job.attempts[-1])


def _is_refusal(attempt: AttemptHandle) -> bool:
    failure = attempt.failure
    return failure is not None and failure.error_class is ErrorClass.RATE_LIMIT


# ------------------------------------------------------------------------------------ estimates


def submitted(attempt: AttemptHandle) -> None:
    """Take note that a submission was accepted, and how long its session was idle before it."""
    session = attempt.job.session
    if session is not None:
        if session.last_ended and not session.running:
            idle = (attempt.submitted - session.last_ended) / 1e9
            attempt.idle_seconds = min(idle, IDLE_SECONDS)
        session.running += 1
    if attempt.job.remote:
        _foresee(attempt)
    if attempt.job.remote and ttl_of(attempt.job) is not None:
        attempt.job.recorder.waiting.add(attempt)


def _foresee(attempt: AttemptHandle) -> None:
    """Foresee the device time of an accepted attempt, for its run as well."""
    job = attempt.job
    device = job.device
    told = job.recorder.history.predict(device.provider, device.name, job.shots)
    attempt.foreseen_seconds = (told.value or 0.0) + attempt.idle_seconds
    for handle in _around(job):
        need: Need | None = getattr(handle, "need", None)
        if need is not None:
            need.take((device.provider, device.name), attempt.foreseen_seconds)
            break


def estimate(attempt: AttemptHandle) -> None:
    """Record what a submission is expected to cost, with the idle time of its session before it."""
    _tell(attempt, "estimated", ask_of(attempt.job, attempt.number), idle=attempt.idle_seconds)


def _tell(attempt: AttemptHandle, verb: str, ask: Ask, idle: float = 0.0, **told: Any) -> None:
    recorder = attempt.job.recorder
    if not ask.is_remote and verb == "estimated":
        return
    # foreseen here, before the job itself adds to what is known
    foreseen = recorder.history.predict(ask.provider, ask.device, ask.shots).value or 0.0
    seconds = foreseen + (idle if ask.session is not None else 0.0)
    recorder.expect(attempt, verb, ask, seconds, told)


# --------------------------------------------------------------------------------- what waits


def ttl_of(handle: Handle) -> float | None:
    """Return how long a job in a handle may live from its submission by its guards, seconds."""
    found = [each.limits for each in _around(handle) if each.limits is not None]
    if handle.recorder.budget is not None:
        found.append(handle.recorder.budget.limits)
    return min((each.job_seconds for each in found if each.job_seconds is not None), default=None)


def expire(recorder: Recording) -> None:
    """Cancel what was submitted longer ago than its guards let it live."""
    now = recorder.now()
    for attempt in list(recorder.waiting):
        allowed = ttl_of(attempt.job)
        if allowed is not None and (now - attempt.submitted) / 1e9 > allowed:
            cancel(attempt, f"older than {allowed:g} s")


def abandon(run: Handle, timeout: float) -> None:
    """Cancel what a run that ends leaves waiting, if its guard says so; bounded, in seconds."""
    waiting = [each for each in run.recorder.waiting if run in _around(each.job)]
    cancelling = [cancel(attempt, "its run has ended") for attempt in waiting]
    for thread in cancelling:
        thread.join(timeout / len(cancelling))


def cancel(attempt: AttemptHandle, reason: str) -> Thread:
    """Have a provider's job cancelled, on a thread of its own, and record that once it is."""
    attempt.job.recorder.waiting.discard(attempt)
    thread = Thread(target=_cancel, args=(attempt, reason), name="qgm-observe-cancel", daemon=True)
    thread.start()
    return thread


def _cancel(attempt: AttemptHandle, reason: str) -> None:
    with contextlib.suppress(Exception):  # it may have ended meanwhile, and is paid for then
        attempt.provider.cancel()
        ask = ask_of(attempt.job, attempt.number)
        _tell(attempt, "guarded", ask, reason=f"cancelled: {reason}")


def _around(handle: Handle | None) -> Iterator[Handle]:
    while handle is not None:
        yield handle
        handle = handle.parent
