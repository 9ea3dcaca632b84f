"""What the alert on an account's device time is tried on, where a plan tells what is needed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qgm_observe.alerts.cause import NO_OBJECTIVE
from qgm_observe.alerts.courses import Trials, course
from qgm_observe.alerts.quota import BILLED, FREE_AT, NEEDED
from qgm_observe.alerts.scenario import BAD, HEALTHY, IDLE, Check, Line, Scenario, Trial
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.window import DAY, HOUR, shorthand

_STEP = 2 * HOUR
_A_DAY = round(DAY / _STEP)
_LEFT, _ROOM = 100, 28 * DAY


def quota(made: Trials) -> Iterator[Trial]:
    """Yield the trials of what open work needs, and of when time is free again."""
    left = made.level(provider_signals.ACCOUNT_REMAINING, _LEFT, _LEFT)
    enough, many = _LEFT - 10, _LEFT + 1
    needed = made.level(signals.DEVICE_TIME_NEEDED, enough / 2, many / 2)
    twin = replace(needed, series=needed.series.replace('device="some"', 'device="twin"'))
    lines = (left, needed, twin)
    yield made.trial("QgmQuotaLow", ("provider",), *lines, scenarios=(course(3),))
    other = replace(left, series=left.series.replace('account="some"', 'account="other"'))
    untold = Scenario(
        "which of two accounts the work is of is not known: silent",
        [(HEALTHY, 4), (BAD, 6)],
        (Check(3, False), Check(9, False)),
    )
    whole = made.trial("QgmQuotaLow", ("provider",), *lines, other, scenarios=())
    yield replace(whole, scenarios=(untold,))
    yield from _rolling(made, left, (needed, twin), many - _LEFT)


def _rolling(made: Trials, left: Line, needed: tuple[Line, ...], lacking: float) -> Iterator[Trial]:
    """Use of days 1, 10 and 20: what is free again on day 30, and what it has to be for."""
    use = lacking * 0.6
    billed = made.count(signals.COST_DEVICE_TIME, 0, use, basis="billed")
    guessed = made.count(signals.COST_DEVICE_TIME, 0, use, basis="estimated")
    enough = replace(needed[0], bad=needed[0].healthy)
    money, month, far = (billed, guessed), (_ROOM, 0.0), (_ROOM - 2 * HOUR, -2 * HOUR)
    told = {NEEDED: _LEFT + lacking, BILLED: 4 * use, FREE_AT: 20 * DAY + _ROOM}
    for name, days, lines, period, found in (
        ("a window that rolls on gives back what is lacking", 30, needed, month, told),
        (
            "nothing lacks: the next of our use to leave it",
            30,
            (),
            month,
            {FREE_AT: 10 * DAY + _ROOM},
        ),
        ("enough is left: likewise", 30, (enough,), month, {FREE_AT: 10 * DAY + _ROOM}),
        (
            "a young journal counts all that it knows",
            20,
            needed,
            month,
            {FREE_AT: 10 * DAY + _ROOM},
        ),
        ("a period that ends gives nothing back before", 30, needed, far, {FREE_AT: None}),
        ("how a longer window rolls is not known", 30, needed, (2 * _ROOM, 0.0), {FREE_AT: None}),
    ):
        rolls = [
            made.ago(signal, ago, ago)
            for signal, ago in zip(
                (provider_signals.ACCOUNT_PERIOD_START, provider_signals.ACCOUNT_PERIOD_END),
                period,
                strict=True,
            )
        ]
        course_of, last = _used(name, days)
        trial = made.trial(
            "QgmQuotaLow",
            ("provider",),
            *(left, *lines, *money, *rolls),
            scenarios=(course_of,),
            step=_STEP,
        )
        when = shorthand(last * _STEP)
        yield replace(
            trial,
            scenarios=(course_of,),
            recorded=tuple(_is(series, value, when) for series, value in found.items()),
        )


def _used(name: str, days: int) -> tuple[Scenario, int]:
    """Return a course with use on day 1 and each tenth, and its last step."""
    phases: list[tuple[str, int]] = [(IDLE, _A_DAY), (BAD, 1), (IDLE, 9 * _A_DAY - 1), (BAD, 1)]
    for _ in range(days // 10 - 1):
        phases += [(IDLE, 10 * _A_DAY - 1), (BAD, 1)]
    last = sum(steps for _, steps in phases) - 1
    return Scenario(name, phases, (Check(last, False),)), last


def _is(series: str, value: float | None, when: str) -> dict[str, Any]:
    labels = f'{{provider="some",slo="{NO_OBJECTIVE}"}}'
    told: dict[str, Any] = {"expr": f"1 * {series}", "eval_time": when}
    if value is not None:
        told["exp_samples"] = [{"labels": labels, "value": float(plain(value))}]
    return told
