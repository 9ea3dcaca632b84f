"""What has to be recorded in an incident, computed from its events and not from the rules."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from qgm_observe.alerts.scenario import Line, Phases
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import RECOVERED, TRAFFIC_WINDOW, WINDOWS, Score
from qgm_observe.slo.window import shorthand

Counts = dict[float, tuple[float, float]]
"""Bad and all events by window (s)."""

_FINE = 1000
"""Numbers are compared after rounding to this part of one."""


class Recorded:
    """Counts of events that follow phases.

    Args:
        objective: Whose windows are asked for.
        good: Lines that count what is good.
        total: Lines that count all.
        phases: What happens.
        step: Seconds.
    """

    def __init__(
        self,
        objective: Objective,
        good: Sequence[Line],
        total: Sequence[Line],
        phases: Phases,
        step: float,
    ) -> None:
        self.objective, self._step = objective, step
        self._good = [line.values(phases, step) for line in good]
        self._total = [line.values(phases, step) for line in total]

    def tests(self, at: int, windows: Sequence[float]) -> Iterator[dict[str, Any]]:
        """Yield tests of what is recorded at a step, for windows (s)."""
        counts = {window: self._counts(at, window) for window in windows}
        when = shorthand(at * self._step)
        slo = self.objective.name
        for name, place in (("errors", 0), ("events", 1)):
            told = {shorthand(window): found[place] for window, found in counts.items()}
            yield _test(f'1 * qgm:slo_{name}:count{{slo="{slo}"}}', when, slo, told)
        score = self.objective.score
        if score is not None:
            yield from self._scored(score, counts, when)

    def _counts(self, at: int, window: float) -> tuple[float, float]:
        good, total = (
            sum(_rise(each, at, window / self._step) for each in lines)
            for lines in (self._good, self._total)
        )
        return total - good, total

    def _scored(self, score: Score, counts: Counts, when: str) -> Iterator[dict[str, Any]]:
        slo = self.objective.name
        evidence = {each: score.page.of(*counts[each]) for each in WINDOWS}
        recovery = {each: score.recovery.of(*counts[each]) for each in WINDOWS[:-1]}
        for name, found in (("score", evidence), ("recovery", recovery)):
            told = {shorthand(each): float(round(_FINE * value)) for each, value in found.items()}
            yield _test(f'round({_FINE} * qgm:slo_{name}:llr{{slo="{slo}"}})', when, slo, told)
        believed = [
            evidence[each]
            for number, each in enumerate(WINDOWS)
            if all(recovery[shorter] >= RECOVERED for shorter in WINDOWS[:number])
        ]
        threshold = score.threshold(counts[TRAFFIC_WINDOW][1])
        for name, value in (("max", max(believed)), ("threshold", threshold)):
            expression = f'round({_FINE} * qgm:slo_score:{name}{{slo="{slo}"}})'
            yield _test(expression, when, slo, {"": float(round(_FINE * value))})


def _rise(values: Sequence[float | None], at: int, steps: float) -> float:
    """What a counter rose by in so many steps; all of it where it is younger."""
    before = math.floor(at - steps + 1e-9)
    return (values[at] or 0.0) - ((values[before] or 0.0) if before >= 0 else 0.0)


def _test(expression: str, when: str, slo: str, told: dict[str, float]) -> dict[str, Any]:
    samples = [
        {"labels": f'{{slo="{slo}"{f",window={chr(34)}{w}{chr(34)}" if w else ""}}}', "value": v}
        for w, v in told.items()
    ]
    return {"expr": expression, "eval_time": when, "exp_samples": samples}
