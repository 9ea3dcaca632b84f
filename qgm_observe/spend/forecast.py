"""What planned work will take: wait, device time, money, life of a session; pure.

Of several jobs together the interval is that of one, so many times: it holds whether their times
go together or not. Before enough jobs ran to give an interval, times are decided upon as if they
were anything within `UNTRIED` times the estimate, and no interval is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from qgm_observe.catalog import ExecutionMode
from qgm_observe.providers.cost import cost
from qgm_observe.providers.protocol import DeviceStatus, Price
from qgm_observe.providers.ranking import HOURS_OF_WEEK, NEAR_HOURS, hour_of_week, percentile
from qgm_observe.records import Estimate
from qgm_observe.spend.foresight import LEVEL, History, next_between
from qgm_observe.spend.limiter import MINUTE
from qgm_observe.spend.plan import Plan

UNTRIED = 5.0
PROVIDER_LEVEL = 0.95
_WAIT = "queue_seconds"
_HELD = (ExecutionMode.BATCH, ExecutionMode.SESSION)


class Span(NamedTuple):
    """Seconds: between what they lie, and what is expected.

    Attributes:
        level: How likely they lie there, `None` where that is not known.
    """

    low: float
    value: float
    high: float
    level: float | None = None

    def times(self, number: float) -> "Span":
        """Return so many of it."""
        return Span(self.low * number, self.value * number, self.high * number, self.level)

    def plus(self, other: "Span") -> "Span":
        """Return both, one after the other; the lower level holds."""
        known = [each.level for each in (self, other) if each.level is not None]
        level = min(known) if len(known) == len((self, other)) else None
        return Span(self.low + other.low, self.value + other.value, self.high + other.high, level)


class Bill(NamedTuple):
    """Money: between what it lies, and what is expected."""

    low: Decimal
    value: Decimal
    high: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan will take; what cannot be told is `None`.

    Attributes:
        job: Device time of one job.
        usage: Device time that is charged, with the idle time of a session.
        life: From the first job's start to the last one's end.
        wait: In the queue, of one job.
        finish: From the first submission to the last result.
        spacing: From one submission to the next.
        bill: At list price.
    """

    mode: ExecutionMode
    job: Span
    usage: Span
    life: Span | None
    wait: Span | None
    finish: Span | None
    spacing: Span
    bill: Bill | None


def forecast(plan: Plan, history: History, wait: Estimate, price: Price | None) -> Forecast:
    """Return what a plan will take.

    Args:
        plan: The work.
        history: Device times of earlier jobs.
        wait: See `wait_of`.
        price: Of the device.
    """
    job = _job(plan, history)
    queued = _span(wait)
    busy, gaps = job.times(plan.jobs), _gaps(plan, job)
    queues = _queues(plan)
    waiting = None if queued is None else _between(queued, queues)
    life = busy.plus(gaps)
    if queues[1] > 1:
        again = (queues[0] - 1, queues[1] - 1)
        life_known = None if queued is None else life.plus(_between(queued, again))
    else:
        life_known = life
    usage = busy
    if plan.mode is ExecutionMode.SESSION:
        most = plan.idle_seconds * (plan.jobs - 1)
        idle = (min(gaps.low, most), min(gaps.value, most), min(gaps.high, most))
        usage = busy.plus(Span(*idle, 1.0))
    return Forecast(
        mode=plan.mode,
        job=job,
        usage=usage,
        life=life_known,
        wait=queued,
        finish=None if waiting is None else life.plus(waiting),
        spacing=_spacing(plan, job, queued),
        bill=_bill(plan, usage, price),
    )


def by_mode(
    plan: Plan, history: History, wait: Estimate, price: Price | None
) -> tuple[Forecast, ...]:
    """Return the same work in job, batch and session mode."""
    modes = (ExecutionMode.JOB, ExecutionMode.BATCH, ExecutionMode.SESSION)
    return tuple(forecast(replace(plan, mode=mode), history, wait, price) for mode in modes)


def wait_of(
    status: DeviceStatus | None, waits: Sequence[tuple[float, float]], at: float
) -> Estimate:
    """Return how long a job waits in the queue, with an interval for the next job.

    Own waits around this hour of the week go before what the provider tells of everybody, and
    that before own waits at any hour; own ones give an interval once there are 19.

    Args:
        status: The device's.
        waits: Of own jobs on the device: when they were submitted, and the seconds they waited.
        at: When the job would be submitted, epoch seconds.
    """
    hour = hour_of_week(at)
    near = [seconds for when, seconds in waits if _is_near(hour_of_week(when) - hour)]
    told = _own(near, "own jobs around this hour of the week") or _told(status)
    if told is None:
        told = _own([seconds for _, seconds in waits], "own jobs at any hour")
    return told or Estimate(
        name=_WAIT,
        level=LEVEL,
        reason=f"{len(waits)} own jobs have waited on the device, and its provider tells nothing",
    )


def _own(seconds: Sequence[float], method: str) -> Estimate | None:
    ordered = sorted(seconds)
    held = next_between(ordered)
    if held is None or held[2] < LEVEL - 1e-9:
        return None
    return Estimate(
        name=_WAIT,
        value=percentile(ordered, 0.5),
        low=held[0],
        high=held[1],
        level=held[2],
        method=method,
        n=len(ordered),
    )


def _told(status: DeviceStatus | None) -> Estimate | None:
    wait = None if status is None else status.wait
    if wait is None or wait.p95 is None:
        return None
    value = wait.p50 if wait.p50 is not None else wait.average
    return Estimate(
        name=_WAIT,
        value=min(wait.p95 if value is None else value, wait.p95),
        low=0.0,
        high=wait.p95,
        level=PROVIDER_LEVEL,
        method="the provider's percentiles",
    )


def _job(plan: Plan, history: History) -> Span:
    if plan.each is not None:
        low, high = plan.each
        return Span(low, (low + high) / 2, high, 1.0)
    told = history.predict(plan.provider, plan.device, plan.executions)
    value = told.value or 0.0
    if told.low is None or told.high is None or told.level < LEVEL - 1e-9:
        return Span(value / UNTRIED, value, value * UNTRIED)
    return Span(told.low, value, told.high, told.level)


def _span(wait: Estimate) -> Span | None:
    if wait.value is None or wait.low is None or wait.high is None:
        return None
    return Span(wait.low, wait.value, wait.high, wait.level)


def _gaps(plan: Plan, job: Span) -> Span:
    """Time between all jobs; the less they take, the more our own limit holds them back."""
    number = plan.jobs - 1
    low, high = (0.0, 0.0) if plan.at_once else plan.between
    pauses, busy = (low, (low + high) / 2, high), (job.low, job.value, job.high)
    gaps = [pause * number for pause in pauses]
    if plan.throttled is not None:
        minutes, rest = divmod(number, int(max(plan.throttled, 1.0)))
        for end, (pause, each) in enumerate(zip(pauses, busy, strict=True)):
            last = rest * pause + (rest + 1) * each
            gaps[end] = max(gaps[end], minutes * MINUTE + last - each * plan.jobs)
    return Span(gaps[0], gaps[1], gaps[2], 1.0)


def _queues(plan: Plan) -> tuple[int, int]:
    """How often at least and at most a job of the plan waits for the device."""
    if plan.at_once:
        return 1, 1
    if plan.mode not in _HELD:
        return plan.jobs, plan.jobs
    keeps = plan.idle_seconds if plan.mode is ExecutionMode.SESSION else 0.0
    low, high = plan.between
    return (plan.jobs if low > keeps else 1), (plan.jobs if high > keeps else 1)


def _between(span: Span, number: tuple[int, int]) -> Span:
    low, high = number
    return Span(span.low * low, span.value * (low + high) / 2, span.high * high, span.level)


def _spacing(plan: Plan, job: Span, queued: Span | None) -> Span:
    if plan.at_once:
        return Span(0.0, 0.0, 0.0, 1.0)
    low, high = plan.between
    spacing = job.plus(Span(low, (low + high) / 2, high, 1.0))
    if plan.mode in _HELD and _queues(plan)[1] == 1:
        return spacing
    return spacing.plus(queued or Span(0.0, 0.0, float("inf")))


def _bill(plan: Plan, usage: Span, price: Price | None) -> Bill | None:
    told = [
        cost(price, tasks=plan.jobs * plan.circuits, shots=plan.all_shots, seconds=each)
        for each in (usage.low, usage.value, usage.high)
    ]
    low, value, high = (None if each is None else each.amount for each in told)
    if price is None or low is None or value is None or high is None:
        return None
    return Bill(low, value, high, price.currency)


def _is_near(hours_apart: int) -> bool:
    return min(hours_apart % HOURS_OF_WEEK, -hours_apart % HOURS_OF_WEEK) <= NEAR_HOURS
