"""The cheapest change that makes planned work go; pure.

Cheapest is what gives up the fewest shots, then what costs least, then what takes the fewest steps,
then what ends first. Up to three steps are put together, each an answer to a check that says no. A
change counts when nothing says no any more, and nothing that could be told before it is open after.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from qgm_observe.catalog import ExecutionMode
from qgm_observe.spend.checks import (
    Answer,
    Check,
    Finding,
    clock,
    examine,
    foreseen,
    shots_needed,
)
from qgm_observe.spend.limits import SUBMISSIONS_A_MINUTE
from qgm_observe.spend.outlook import Outlook
from qgm_observe.spend.plan import SESSION_SECONDS, Plan

MOST_STEPS = 3
_MODES = (ExecutionMode.JOB, ExecutionMode.BATCH, ExecutionMode.SESSION)
_TAKING = {Check.QUOTA, Check.MONEY, Check.BUDGET, Check.SESSION, Check.MAINTENANCE}
"""What less work answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A plan that would go.

    Attributes:
        steps: What to change, each in one line.
        gives_up: Part of the shots of all jobs that are not taken, in [0, 1].
        bill: The changed plan's forecast at its expected value, where a price is known.
    """

    plan: Plan
    steps: tuple[str, ...]
    gives_up: float
    bill: Decimal | None
    currency: str | None


class _Step(NamedTuple):
    plan: Plan
    told: str


def cheapest(plan: Plan, outlook: Outlook, findings: Sequence[Finding]) -> Change | None:
    """Return the cheapest change that makes a plan go, `None` where none of ours does.

    Args:
        plan: The work.
        outlook: What is known.
        findings: What the checks say of the plan.
    """
    allowed = {each.check for each in findings if each.answer is Answer.UNKNOWN}
    found: list[Change] = []
    seen = {plan}
    waiting: list[tuple[Plan, tuple[str, ...], Collection[Check]]] = [(plan, (), _no(findings))]
    while waiting:
        current, steps, refused = waiting.pop(0)
        for step in _steps(current, outlook, refused, allowed):
            if step.plan in seen:
                continue
            seen.add(step.plan)
            told = tuple(examine(step.plan, outlook))
            if goes(told, allowed):
                found.append(_change(plan, step.plan, outlook, (*steps, step.told)))
            elif len(steps) + 1 < MOST_STEPS and _no(told):
                waiting.append((step.plan, (*steps, step.told), _no(told)))
    return min(found, key=lambda each: _price(each, outlook), default=None)


def goes(findings: Sequence[Finding], allowed: Collection[Check]) -> bool:
    """Return whether nothing says no, and nothing but what is allowed cannot be told."""
    unknown = {each.check for each in findings if each.answer is Answer.UNKNOWN}
    return not _no(findings) and unknown <= set(allowed)


def _no(findings: Sequence[Finding]) -> set[Check]:
    return {each.check for each in findings if each.answer is Answer.NO_GO}


def _change(old: Plan, new: Plan, outlook: Outlook, steps: tuple[str, ...]) -> Change:
    bill = foreseen(new, outlook).bill
    return Change(
        plan=new,
        steps=steps,
        gives_up=max(1 - new.all_shots / old.all_shots, 0.0),
        bill=None if bill is None else bill.value,
        currency=None if bill is None else bill.currency,
    )


def _price(change: Change, outlook: Outlook) -> tuple[float, Decimal, float, int, float]:
    expected = foreseen(change.plan, outlook)
    late = (change.plan.start_at or outlook.at) - outlook.at
    finish = expected.finish.value if expected.finish is not None else expected.usage.value
    return (
        change.gives_up,
        change.bill or Decimal(0),
        expected.usage.value,
        len(change.steps),
        late + finish,
    )


def _steps(
    plan: Plan, outlook: Outlook, refused: Collection[Check], allowed: Collection[Check]
) -> Iterator[_Step]:
    if Check.LAYOUT in refused or Check.QUALITY in refused:
        yield from _elsewhere(plan, outlook)
    if {Check.OBJECTIVE, Check.GRADIENT} & set(refused):
        needed = shots_needed(plan)
        yield _Step(replace(plan, shots=needed), f"{needed:,} shots")
    if Check.MOST_SHOTS in refused:
        yield from _split(plan, outlook)
    if Check.SUBMISSIONS in refused:
        limit = SUBMISSIONS_A_MINUTE.get(plan.provider, 1.0)
        limit = max(limit - len(outlook.submitted), 1.0)
        yield _Step(replace(plan, throttled=limit), f"guard {f'{limit:g}/min'!r}")
    if Check.MAINTENANCE in refused:
        end = max(end for _, end in outlook.maintenance)
        yield _Step(replace(plan, start_at=end), f"start at {clock(end)}")
    if _TAKING & set(refused):
        yield from _other_modes(plan)
        yield from _less(plan, outlook, allowed)
    if Check.SESSION in refused and plan.session_seconds < SESSION_SECONDS:
        longer = replace(plan, session_seconds=SESSION_SECONDS)
        yield _Step(longer, f"a session of {SESSION_SECONDS:,.0f} s")


def _elsewhere(plan: Plan, outlook: Outlook) -> Iterator[_Step]:
    for layout, laid in outlook.layouts.items():
        if layout != plan.layout and laid.reason is None:
            qubits = ",".join(map(str, laid.qubits))
            yield _Step(replace(plan, layout=layout), f"the layout of qubits {qubits}")


def _split(plan: Plan, outlook: Outlook) -> Iterator[_Step]:
    most = None if outlook.info is None else outlook.info.max_shots
    if most:
        parts = -(-plan.shots // most)
        shots = -(-plan.shots // parts)
        split = replace(plan, shots=shots, circuits=plan.circuits * parts)
        yield _Step(split, f"each circuit {parts} times with {shots:,} shots")


def _other_modes(plan: Plan) -> Iterator[_Step]:
    for mode in _MODES:
        if mode is not plan.mode:
            yield _Step(replace(plan, mode=mode), f"mode {mode}")


def _less(plan: Plan, outlook: Outlook, allowed: Collection[Check]) -> Iterator[_Step]:
    """Fewer jobs, or fewer shots where objective and gradient leave room for that."""

    def fits(changed: Plan) -> bool:
        told = tuple(each for each in examine(changed, outlook) if each.check in _TAKING)
        return goes(told, allowed)

    jobs = _largest(lambda count: fits(replace(plan, jobs=count)), 1, plan.jobs - 1)
    if jobs is not None:
        yield _Step(replace(plan, jobs=jobs), f"{jobs:,} jobs")
    shots = _largest(
        lambda count: fits(replace(plan, shots=count)), shots_needed(plan), plan.shots - 1
    )
    if shots is not None:
        yield _Step(replace(plan, shots=shots), f"{shots:,} shots")


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the largest count that fits, of those from `low` to `high`; the smaller the easier."""
    if low > high or not fits(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
