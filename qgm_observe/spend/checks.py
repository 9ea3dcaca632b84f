"""What speaks for and against planned work, check by check; pure.

Each check answers `go`, `no-go` or `cannot tell`; a number that is only known within an interval
answers no-go when the whole interval is beyond a limit and cannot tell when a part of it is. One
no-go decides, then one cannot tell.
"""

import enum
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from qgm_observe.catalog import ExecutionMode
from qgm_observe.errors import UsageError
from qgm_observe.providers.layout import LayoutFaults
from qgm_observe.providers.protocol import DeviceState
from qgm_observe.providers.ranking import why_unusable
from qgm_observe.quality.shots import shots_for_half_width
from qgm_observe.spend.forecast import Forecast, Span, forecast, wait_of
from qgm_observe.spend.limiter import MINUTE
from qgm_observe.spend.limits import SUBMISSIONS_A_MINUTE
from qgm_observe.spend.outlook import Laid, Outlook
from qgm_observe.spend.plan import Plan

WORST_RATIO_SD = 0.5
"""Largest deviation of one shot of a ratio; source: sqrt(v (1 - v)) at v = 0.5."""

_MOST_NAMED = 4


class Answer(enum.StrEnum):
    """What a check says; `note` is a go that a reader should know of."""

    GO = "go"
    NO_GO = "no-go"
    UNKNOWN = "cannot tell"
    NOTE = "note"


class Check(enum.StrEnum):
    """What is looked at."""

    DEVICE = "device"
    LAYOUT = "layout"
    QUALITY = "quality"
    OBJECTIVE = "objective"
    GRADIENT = "gradient"
    MOST_SHOTS = "shots"
    QUOTA = "quota"
    MONEY = "money"
    BUDGET = "budget"
    SESSION = "session"
    SUBMISSIONS = "submissions"
    MAINTENANCE = "maintenance"


class Finding(NamedTuple):
    """What one check says, and why in one line."""

    check: Check
    answer: Answer
    told: str


def answer_of(findings: Sequence[Finding]) -> Answer:
    """Return what findings come to."""
    said = {finding.answer for finding in findings}
    return next((each for each in (Answer.NO_GO, Answer.UNKNOWN) if each in said), Answer.GO)


def foreseen(plan: Plan, outlook: Outlook) -> Forecast:
    """Return what a plan will take by what is known."""
    wait = wait_of(outlook.status, outlook.waits, plan.start_at or outlook.at)
    return forecast(plan, outlook.history, wait, outlook.price)


def examine(plan: Plan, outlook: Outlook) -> Iterator[Finding]:
    """Yield what each check says that applies."""
    expected = foreseen(plan, outlook)
    yield _device(plan, outlook)
    yield from _layout(plan, outlook)
    yield from _quality(plan, outlook)
    yield from _objective(plan)
    yield from _gradient(plan)
    yield from _most_shots(plan, outlook)
    yield from _quota(outlook, expected)
    yield from _money(plan, expected)
    yield from _budget(plan, expected)
    yield from _session(plan, expected)
    yield from _submissions(plan, outlook, expected)
    yield from _maintenance(plan, outlook, expected)


def laid_of(plan: Plan, outlook: Outlook) -> Laid | None:
    """Return the circuit on the plan's qubits, `None` where that was not looked at."""
    return outlook.layouts.get(plan.layout)


def shots_needed(plan: Plan) -> int:
    """Return the least shots of a circuit that objective and gradient ask for, at least 1."""
    needed = [1]
    if plan.half_width is not None:
        needed.append(shots_for_half_width(plan.half_width, plan.shot_sd or WORST_RATIO_SD).shots)
    if plan.gradient_variance is not None:
        variance = (plan.shot_sd or 1.0) ** 2
        needed.append(math.ceil(plan.gradient_snr * variance / (2 * plan.gradient_variance) - 1e-9))
    return max(needed)


def _device(plan: Plan, outlook: Outlook) -> Finding:
    check, info, status = Check.DEVICE, outlook.info, outlook.status
    if info is None or status is None:
        untold = outlook.untold.get("device", "nobody was asked")
        return Finding(check, Answer.UNKNOWN, f"{plan.device}: {untold}")
    reason = why_unusable(info, status, plan.qubits, None, plan.layout)
    if reason is not None:
        return Finding(check, Answer.NO_GO, f"{plan.device}: {reason}")
    if status.is_processing is False:
        said = f" ({status.message})" if status.message else ""
        return Finding(check, Answer.NO_GO, f"{plan.device} takes jobs and runs none now{said}")
    if status.state is DeviceState.UNKNOWN:
        return Finding(check, Answer.UNKNOWN, f"whether {plan.device} works is not told")
    return Finding(check, Answer.GO, f"{plan.device} works")


def _layout(plan: Plan, outlook: Outlook) -> Iterator[Finding]:
    laid = laid_of(plan, outlook)
    if laid is None:
        if "calibration" in outlook.untold:
            yield Finding(Check.LAYOUT, Answer.UNKNOWN, outlook.untold["calibration"])
        return
    faults = laid.faults or LayoutFaults()
    off = named(faults.disabled_qubits, faults.disabled_edges)
    if laid.reason is not None:
        told = f"{off} of the layout disabled, and without" if off else "on the layout"
        yield Finding(Check.LAYOUT, Answer.NO_GO, f"{told} {laid.reason}")
        return
    old = named(faults.stale_qubits, faults.stale_edges)
    doubtful = named(
        (*faults.suspect_qubits, *faults.missing_qubits),
        (*faults.suspect_edges, *faults.missing_edges),
    )
    if off:
        yield Finding(Check.LAYOUT, Answer.NO_GO, f"the layout uses {off}, disabled")
        return
    if old:
        yield Finding(Check.LAYOUT, Answer.NOTE, f"calibrated long ago: {old}")
    if doubtful:
        yield Finding(Check.LAYOUT, Answer.NOTE, f"suspect or not calibrated: {doubtful}")
    if not old and not doubtful:
        yield Finding(Check.LAYOUT, Answer.GO, "no qubit or pair in use is disabled or stale")


def named(qubits: Sequence[int], edges: Sequence[tuple[int, int]]) -> str:
    """Return qubits and pairs for a reader, the first of many."""
    told = [f"q{qubit}" for qubit in dict.fromkeys(qubits)] + [f"{a}-{b}" for a, b in edges]
    more = len(told) - _MOST_NAMED
    return " ".join(told[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _quality(plan: Plan, outlook: Outlook) -> Iterator[Finding]:
    laid = laid_of(plan, outlook)
    quality = None if laid is None else laid.quality
    wanted = plan.success
    if wanted is None:
        return
    if quality is None or quality.value is None:
        reason = "without a circuit it is not known" if quality is None else str(quality.reason)
        yield Finding(Check.QUALITY, Answer.UNKNOWN, f"expected success: {reason}")
        return
    low, high = quality.low or 0.0, quality.high if quality.high is not None else 1.0
    told = f"expected success {quality.value:.3f} ({low:.3f} to {high:.3f}) of {wanted:g} wanted"
    faults = None if laid is None else laid.faults
    stale = faults is not None and bool(faults.stale_qubits or faults.stale_edges)
    if stale and low >= wanted:
        yield Finding(Check.QUALITY, Answer.UNKNOWN, f"{told}, by a calibration of long ago")
    else:
        yield Finding(Check.QUALITY, _least(low, high, wanted), told)


def _objective(plan: Plan) -> Iterator[Finding]:
    if plan.half_width is None:
        return
    sd = plan.shot_sd or WORST_RATIO_SD
    needed = shots_for_half_width(plan.half_width, sd).shots
    told = f"{plan.shots:,} of {needed:,} shots for +- {plan.half_width:g}"
    if plan.shots >= needed:
        yield Finding(Check.OBJECTIVE, Answer.GO, told)
    elif plan.shot_sd is None:
        yield Finding(Check.OBJECTIVE, Answer.UNKNOWN, f"{told} of a ratio of 0.5: tell its own sd")
    else:
        yield Finding(Check.OBJECTIVE, Answer.NO_GO, told)


def _gradient(plan: Plan) -> Iterator[Finding]:
    """Parameter shift: the variance of a component is (s+^2 + s-^2) / 4N, at most 1 / 2N."""
    variance = plan.gradient_variance
    if variance is None:
        return
    snr = variance * 2 * plan.shots / (plan.shot_sd or 1.0) ** 2
    told = f"gradient's signal to noise {snr:.2g} of {plan.gradient_snr:g} at {plan.shots:,} shots"
    if snr >= plan.gradient_snr:
        yield Finding(Check.GRADIENT, Answer.GO, told)
    elif plan.shot_sd is None:
        yield Finding(Check.GRADIENT, Answer.UNKNOWN, f"{told} or better: tell one shot's sd")
    else:
        yield Finding(Check.GRADIENT, Answer.NO_GO, told)


def _most_shots(plan: Plan, outlook: Outlook) -> Iterator[Finding]:
    most = None if outlook.info is None else outlook.info.max_shots
    if most is not None and plan.shots > most:
        told = f"{plan.shots:,} shots, {plan.device} takes at most {most:,}"
        yield Finding(Check.MOST_SHOTS, Answer.NO_GO, told)


def _quota(outlook: Outlook, expected: Forecast) -> Iterator[Finding]:
    usage = outlook.usage
    if "usage" in outlook.untold:
        yield Finding(Check.QUOTA, Answer.UNKNOWN, outlook.untold["usage"])
    elif usage is not None and usage.is_limit_reached:
        yield Finding(Check.QUOTA, Answer.NO_GO, "the account's quota is used up: jobs would wait")
    elif usage is not None and usage.remaining is not None and usage.unit == "s":
        left = max(usage.remaining - outlook.pending_seconds, 0.0)
        told = f"{seconds(expected.usage)} of {left:,.0f} s of the quota left"
        yield Finding(Check.QUOTA, _most(expected.usage, left), told)


def _money(plan: Plan, expected: Forecast) -> Iterator[Finding]:
    limit, bill = plan.money, expected.bill
    if limit is None:
        return
    if bill is None:
        yield Finding(Check.MONEY, Answer.UNKNOWN, f"what {plan.device} costs is not known")
    elif bill.currency != limit.currency:
        told = f"{plan.device} is billed in {bill.currency}: write the limit in that currency"
        yield Finding(Check.MONEY, Answer.UNKNOWN, told)
    else:
        span = Span(float(bill.low), float(bill.value), float(bill.high))
        told = f"{bill.value:,.2f} ({bill.low:,.2f} to {bill.high:,.2f}) of {limit.amount:,.2f}"
        answer = _most(span, float(limit.amount))
        yield Finding(Check.MONEY, answer, f"{told} {limit.currency}")


def _budget(plan: Plan, expected: Forecast) -> Iterator[Finding]:
    if plan.device_seconds is not None:
        told = f"{seconds(expected.usage)} of {plan.device_seconds:,.0f} s allowed"
        yield Finding(Check.BUDGET, _most(expected.usage, plan.device_seconds), told)


def _session(plan: Plan, expected: Forecast) -> Iterator[Finding]:
    if plan.mode is ExecutionMode.JOB:
        return
    most = plan.session_seconds
    if expected.life is None:
        told = (
            f"it gives the device back between jobs, and the wait for it is not known: {most:g} s"
        )
        yield Finding(Check.SESSION, Answer.UNKNOWN, f"life of the {plan.mode}: {told}")
    else:
        told = f"the {plan.mode} lives {seconds(expected.life)} of {most:,.0f} s"
        yield Finding(Check.SESSION, _most(expected.life, most), told)


def _submissions(plan: Plan, outlook: Outlook, expected: Forecast) -> Iterator[Finding]:
    limit = SUBMISSIONS_A_MINUTE.get(plan.provider)
    if limit is None:
        return
    if "jobs" in outlook.untold:
        yield Finding(Check.SUBMISSIONS, Answer.UNKNOWN, outlook.untold["jobs"])
        return
    start = plan.start_at or outlook.at
    recent = [start - at for at in outlook.submitted]
    slow, fast = expected.spacing.high, expected.spacing.low
    if plan.throttled is not None and plan.throttled <= limit and not recent:
        yield Finding(Check.SUBMISSIONS, Answer.GO, f"held to {plan.throttled:g} a minute")
        return
    most = most_in_a_minute(recent, fast, plan, limit)
    least = most_in_a_minute(recent, slow, plan, limit)
    told = f"up to {most} a minute, {limit:g} submissions are allowed"
    yield Finding(Check.SUBMISSIONS, _most(Span(least, most, most), limit), told)


def most_in_a_minute(ages: Sequence[float], spacing: float, plan: Plan, limit: float) -> int:
    """Return the most submissions of any minute, as far as that matters for the limit.

    Args:
        ages: Seconds since what was submitted before.
        spacing: Seconds from one submission of the plan to the next.
        plan: The work; its own limit spreads what it submits.
        limit: The provider's.
    """
    number = min(plan.jobs, int(limit) + len(ages) + 1)
    own: list[float] = []
    for index in range(number):
        at = own[-1] + spacing if own else 0.0
        room = int(plan.throttled) if plan.throttled is not None else number
        if 0 < room <= index:
            at = max(at, own[index - room] + MINUTE)
        own.append(at)
    before = [-age for age in ages]
    return max(sum(at - MINUTE < each <= at for each in (*before, *own)) for at in own)


def _maintenance(plan: Plan, outlook: Outlook, expected: Forecast) -> Iterator[Finding]:
    start = plan.start_at or outlook.at
    for begin, end in sorted(outlook.maintenance):
        if end <= start:
            continue
        when = f"maintenance {clock(begin)} to {clock(end)}"
        if begin <= start:
            yield Finding(Check.MAINTENANCE, Answer.NO_GO, f"{when} is on")
        elif expected.finish is None:
            yield Finding(Check.MAINTENANCE, Answer.UNKNOWN, f"{when}, and the wait is not known")
        else:
            told = f"{when}, and the work takes {seconds(expected.finish)}"
            yield Finding(Check.MAINTENANCE, _most(expected.finish, begin - start), told)


def seconds(span: Span) -> str:
    """Return a span for a reader; one whose level is not known has no interval."""
    if span.level is None:
        return f"about {span.value:,.0f} s"
    if span.low == span.high:
        return f"{span.value:,.0f} s"
    return f"{span.value:,.0f} s ({span.low:,.0f} to {span.high:,.0f})"


def clock(at: float) -> str:
    """Return an instant for a reader."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _most(span: Span, limit: float) -> Answer:
    if span.high <= limit:
        return Answer.GO
    return Answer.NO_GO if span.low > limit else Answer.UNKNOWN


def _least(low: float, high: float, wanted: float) -> Answer:
    if low >= wanted:
        return Answer.GO
    return Answer.NO_GO if high < wanted else Answer.UNKNOWN


def checked_window(begin: float, end: float) -> tuple[float, float]:
    """Return a window of maintenance.

    Raises:
        UsageError: it ends before it begins.
    """
    if not begin < end:
        raise UsageError(
            f"maintenance from {clock(begin)} to {clock(end)}: write the earlier first"
        )
    return begin, end
