"""What has to be recorded and to fire, computed from events and minutes, not from the rules."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from qgm_observe.alerts.budget import ERRORS, EVENTS, one
from qgm_observe.alerts.burn_rules import sloth_labels, used
from qgm_observe.alerts.counted import Counted
from qgm_observe.alerts.objective_lines import INFINITE
from qgm_observe.alerts.scenario import BAD, GONE, Line, Phases, Scenario
from qgm_observe.slo.burn import PAGE
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.promql import COUNTED, FIRST, GOOD
from qgm_observe.slo.score import (
    BURNING,
    BURNING_HELD,
    FEWEST_ERRORS,
    HELD,
    LAST_DAYS,
    RECOVERED,
    SPENT,
    TICKET_THRESHOLD,
    TICKET_WINDOWS,
    TRAFFIC_WINDOW,
    WINDOWS,
    Score,
    Weights,
)
from qgm_observe.slo.window import HOUR, MINUTE, shorthand

Tests = tuple[dict[str, Any], ...]
"""As promtool reads them."""

Counts = dict[float, tuple[float, float]]
"""Bad and all events by window (s)."""

_FINE = 1000
"""Numbers are compared after rounding to this part of one."""

FINE_STEP = 2 * MINUTE
"""Of first samples."""

_WEIGHED = (*WINDOWS, TRAFFIC_WINDOW)


class Recorded:
    """Counts of events that follow phases.

    Args:
        objective: Whose windows are asked for.
        good: Lines that count what is good.
        total: Lines that count all.
        phases: What happens.
        step: Seconds.
        spread: Whether siblings of the lines count as well.
    """

    def __init__(
        self,
        objective: Objective,
        good: Sequence[Line],
        total: Sequence[Line],
        phases: Phases,
        step: float,
        *,
        spread: bool = False,
    ) -> None:
        self.objective, self._step = objective, step
        self._known: dict[tuple[int, float], tuple[float, float]] = {}
        self._score = None if objective.score is None else _rendered(objective.score)
        indicator = objective.indicator
        assert isinstance(indicator, Ratio)  # noqa: S101  told to the type checker
        self._good, self._total = (
            [
                Counted([None if v is None else selection.factor * v for v in values], step)
                for line in lines
                for values in [line.values(phases, step)] * (1 + len(line.siblings) * spread)
            ]
            for lines, selection in ((good, indicator.good[0]), (total, indicator.total[0]))
        )

    # --------------------------------------------------------------------------------- recorded

    def tests(self, at: int, windows: Sequence[float]) -> Iterator[dict[str, Any]]:
        """Yield tests of all that is recorded at a step, for windows (s)."""
        yield from self.counts(at, windows)
        counts = {window: self._counts(at, window) for window in windows}
        score = self._score
        if score is not None:
            yield from self._scored(score, counts, self._when(at))
        elif self.objective.burns:
            yield self._ratios(counts, self._when(at))

    def counts(self, at: int, windows: Sequence[float]) -> Iterator[dict[str, Any]]:
        """Yield tests of what is counted at a step, for windows (s)."""
        counts = {window: self._counts(at, window) for window in windows}
        when, slo = self._when(at), self.objective.name
        indicator = self.objective.indicator
        is_one = isinstance(indicator, Ratio) and len(indicator.total) == 1
        if is_one and all(each.newest(at) is None for each in self._total):
            yield {"expr": f'qgm:slo_events:count{{slo="{slo}"}}', "eval_time": when}
            return
        for name, place in (("errors", 0), ("events", 1)):
            told = {shorthand(window): found[place] for window, found in counts.items()}
            yield _test(f'1 * qgm:slo_{name}:count{{slo="{slo}"}}', when, slo, told)

    def highest(self, at: int) -> dict[str, Any]:
        """Return a test of the highest score at a step."""
        score = self._score
        assert score is not None  # noqa: S101  told to the type checker
        value = _highest(score, {each: self._counts(at, each) for each in _WEIGHED})
        return self._one("max", value, self._when(at))

    def _scored(self, score: Score, counts: Counts, when: str) -> Iterator[dict[str, Any]]:
        slo = self.objective.name
        evidence = {each: score.page.of(*counts[each]) for each in WINDOWS}
        recovery = {each: score.recovery.of(*counts[each]) for each in WINDOWS[:-1]}
        for name, found in (("score", evidence), ("recovery", recovery)):
            told = {shorthand(each): _rounded(value) for each, value in found.items()}
            yield _test(f'round({_FINE} * qgm:slo_{name}:llr{{slo="{slo}"}})', when, slo, told)
        yield self._one("max", _highest(score, counts), when)
        yield self._one("threshold", score.threshold(counts[TRAFFIC_WINDOW][1]), when)

    def _ratios(self, counts: Counts, when: str) -> dict[str, Any]:
        shared = sloth_labels(self.objective)
        samples = []
        for window in used(self.objective):
            bad, all_ = counts[window]
            labels = shared | {"sloth_window": shorthand(window)}
            told = ",".join(f'{name}="{value}"' for name, value in labels.items())
            if all_ > 0:
                samples.append({"labels": f"{{{told}}}", "value": _rounded(bad / all_)})
        name = f'{{__name__=~"slo:sli_error:ratio_rate.*",slo="{self.objective.name}"}}'
        found: dict[str, Any] = {"expr": f"round({_FINE} * {name})", "eval_time": when}
        return found | ({"exp_samples": samples} if samples else {})

    def _one(self, name: str, value: float, when: str) -> dict[str, Any]:
        slo = self.objective.name
        expression = f'round({_FINE} * qgm:slo_score:{name}{{slo="{slo}"}})'
        return _test(expression, when, slo, {"": _rounded(value)})

    def _when(self, at: int) -> str:
        return shorthand(at * self._step)

    # ------------------------------------------------------------------------------------ firing

    def fires(self, at: int, severity: str) -> bool:
        """Return whether an alert fires at a step."""
        score = self._score
        if score is None:
            return burns(self.objective, severity, self._share, at, self._step)
        if severity != PAGE:
            return self.fires_at(at, severity)
        first = max(0, at - math.ceil(HELD / self._step))
        if any(self.fires_at(each, severity) for each in range(first, at + 1)):
            return True
        first = max(0, first - int(BURNING_HELD / self._step))
        return any(self._is_threatened(score, each) for each in range(first, at + 1))

    def fires_at(self, at: int, severity: str) -> bool:
        """Return whether a score fires that is looked at in no other step."""
        score = self._score
        assert score is not None  # noqa: S101  told to the type checker
        if severity == PAGE:
            counts = {each: self._counts(at, each) for each in _WEIGHED}
            is_evident = _highest(score, counts) > score.threshold(counts[TRAFFIC_WINDOW][1])
            return is_evident or self._is_threatened(score, at)
        counts_of_ticket = (self._counts(at, each) for each in TICKET_WINDOWS)
        is_evident = max(score.ticket.of(*each) for each in counts_of_ticket) > TICKET_THRESHOLD
        return is_evident or self._is_spent(score, at)

    def _is_spent(self, score: Score, at: int) -> bool:
        bad, all_ = self._counts(at, self.objective.window.seconds)
        return bad >= FEWEST_ERRORS and bad > score.allowed(all_, SPENT)

    def _is_threatened(self, score: Score, at: int) -> bool:
        late = [self._counts(at, each) for each in LAST_DAYS]
        whole = self._counts(at, self.objective.window.seconds)
        bad, all_ = (of_all - of_late for of_all, of_late in zip(whole, late[-1], strict=True))
        burns_on = all(each[0] > score.allowed(each[1], BURNING) for each in late)
        return self._is_spent(score, at) and burns_on and bad > score.budget * all_

    def _share(self, at: int, window: float) -> float:
        bad, all_ = self._counts(at, window)
        return bad / all_ if all_ > 0 else 0.0

    # ------------------------------------------------------------------------------------ counts

    def _counts(self, at: int, window: float) -> tuple[float, float]:
        found = self._known.get((at, window))
        if found is None:
            good, total = (
                sum(each.rise(at, window) for each in lines) for lines in (self._good, self._total)
            )
            found = self._known[at, window] = max(total - good, 0.0), total
        return found


def burns(
    objective: Objective,
    severity: str,
    share: Callable[[int, float], float],
    at: int,
    step: float,
) -> bool:
    """Return whether an alert on burn rates fires, for the share of bad events at a step (s)."""
    pairs = [each for each in objective.burns if each.severity == severity]
    limits = [float(plain(each.factor * objective.budget)) for each in pairs]
    held = math.ceil(max((each.after for each in pairs), default=0.0) / step)
    return at >= held and all(
        any(
            share(then, burn.long) > limit and share(then, burn.short) > limit
            for burn, limit in zip(pairs, limits, strict=True)
        )
        for then in range(at - held, at + 1)
    )


def _rendered(score: Score) -> Score:
    """Return the constants with as many digits as rules have."""
    page, recovery, ticket = (
        Weights(float(plain(each.error)), float(plain(each.event)))
        for each in (score.page, score.recovery, score.ticket)
    )
    return replace(score, page=page, recovery=recovery, ticket=ticket)


def _highest(score: Score, counts: Counts) -> float:
    """Return the most evidence of the windows in none of whose shorter ones it has recovered."""
    recovery = {each: score.recovery.of(*counts[each]) for each in WINDOWS}
    return max(
        score.page.of(*counts[each])
        for number, each in enumerate(WINDOWS)
        if all(recovery[shorter] >= RECOVERED for shorter in WINDOWS[:number])
    )


def seen_first(
    slo: str, records: Sequence[str], lines: Sequence[Line], at: float, *, spread: bool
) -> Iterator[dict[str, Any]]:
    """Yield tests of how many series are told for the first time, or again after an hour.

    Args:
        slo: Name of the objective.
        records: Names of what is recorded of first samples.
        lines: Those that are new.
        at: When, seconds.
        spread: Whether their siblings are new as well.
    """
    for name in records:
        own = name.removeprefix(f"{FIRST}:")
        new = [each for each in lines if each.series.startswith(f"{own}{{")]
        many = sum(1 + len(e.siblings) * spread for e in new if INFINITE not in e.series)
        test: dict[str, Any] = {
            "expr": f'count({name}{{slo="{slo}",model!~"idle.*"}})',
            "eval_time": shorthand(at) if at else "0m",
        }
        yield test | ({"exp_samples": [{"labels": "{}", "value": many}]} if many else {})


def first_samples(slo: str, records: Sequence[str], lines: Sequence[Line]) -> Scenario:
    """Return a course of first samples, which are recorded for five minutes."""
    phases: Phases = [(GONE, 1), ((1.0, 1.0), 4)]
    tests: list[dict[str, Any]] = []
    for name in records:
        own = f"{name.removeprefix(f'{FIRST}:')}{{"
        new = [e for e in lines if e.series.startswith(own) and INFINITE not in e.series]
        first = sum(each.values(phases, FINE_STEP)[1] or 0.0 for each in new)
        query = f'sum({name}{{slo="{slo}"}})'
        samples = [{"labels": "{}", "value": first}]
        tests.append({"expr": query, "eval_time": "4m", "exp_samples": samples})
        tests.append({"expr": query, "eval_time": "8m"})
    return Scenario("first samples are told for five minutes", phases, (), recorded=tuple(tests))


def first_of_another(line: Line) -> str:
    """Return what is recorded of the first sample of a line for another objective."""
    return f"{FIRST}:{line.series}".replace("{", '{slo="another",', 1)


def _rounded(value: float) -> float:
    return float(math.floor(_FINE * value + 0.5))


def _test(expression: str, when: str, slo: str, told: dict[str, float]) -> dict[str, Any]:
    samples = [
        {"labels": f'{{slo="{slo}"{f",window={chr(34)}{w}{chr(34)}" if w else ""}}}', "value": v}
        for w, v in told.items()
    ]
    return {"expr": expression, "eval_time": when, "exp_samples": samples}


class Minutes:
    """Good and bad minutes that follow phases, one look a step.

    Whether a window holds the sample at its very begin depends on the Prometheus: until 2.x it
    does, from 3 on it does not. What both agree on is what has to be.

    Args:
        objective: Whose windows are asked for.
        phases: What happens.
        step: Seconds.
    """

    def __init__(self, objective: Objective, phases: Phases, step: float) -> None:
        self._objective, self._step = objective, step
        self._phases = [phase for phase, steps in phases for _ in range(steps)]

    def fires(self, at: int, severity: str) -> bool | None:
        """Return whether an alert fires at a step, `None` where it depends."""
        told = {
            burns(self._objective, severity, share, at, self._step)
            for share in (self._share, self._share_and_begin)
        }
        return told.pop() if len(told) == 1 else None

    def _share(self, at: int, window: float, further: int = 0) -> float:
        begin = max(0, at - math.ceil(window / self._step) + 1 - further)
        seen = [each for each in self._phases[begin : at + 1] if each != GONE]
        return seen.count(BAD) / len(seen) if seen else 0.0

    def _share_and_begin(self, at: int, window: float) -> float:
        return self._share(at, window, 0 if window % self._step else 1)


def recorded_minutes(
    objective: Objective, step: float, good: int, bad: int
) -> Iterator[dict[str, Any]]:
    """Yield what is recorded of a good minute, and of a bad one after hours of bad ones."""
    slo = objective.name
    for at, value in ((good, 1.0), (bad, 0.0)):
        for name, found in ((COUNTED, 1.0), (GOOD, value)):
            yield {
                "expr": f'1 * {name}{{slo="{slo}"}}',
                "eval_time": shorthand(at * step),
                "exp_samples": [{"labels": f'{{slo="{slo}"}}', "value": found}],
            }
    for name in (EVENTS, ERRORS):
        yield {
            "expr": f"round({one(name, slo, '2h')} / {2 * HOUR / step:g})",
            "eval_time": shorthand(bad * step),
            "exp_samples": [{"labels": f'{{slo="{slo}",window="2h"}}', "value": 1.0}],
        }
    if objective.burns:
        shortest = [each for each in used(objective) if each < (bad - good) * step]
        yield {
            "expr": f'count({{__name__=~"slo:sli_error:ratio_rate.*",slo="{slo}",window=""}} == 1)',
            "eval_time": shorthand(bad * step),
            "exp_samples": [{"labels": "{}", "value": float(len(shortest))}],
        }
