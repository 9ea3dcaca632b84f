"""A course of events that a rule is tried on by `promtool test rules`, and what has to come of it.

Promtool's time begins at 0; one evaluation a step. A line is healthy, then bad, then healthy again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qgm_observe.slo.decimals import plain
from qgm_observe.slo.window import shorthand

LEVEL, COUNT, INSTANT = "level", "count", "instant"
"""A gauge; a counter, told by its steps; an instant, told by how long ago it is (s)."""

HEALTHY, BAD, IDLE, BUSY = "healthy", "bad", "idle", "busy"
"""Phases: in an idle one nothing counts, in a busy one (healthy) a hundredfold does."""

REBORN, ANEW = "reborn", "anew"
"""Phases that begin with counters at 0: one that is bad, one that is healthy."""

GONE, LEFT = "gone", "left"
"""Phases in which nothing is scraped, and in which nothing but what goes bad is."""

_EVENTS = dict.fromkeys((BAD, REBORN, LEFT), (0.0, 1.0))
_EVENTS |= {IDLE: (0.0, 0.0), BUSY: (100.0, 0.0)}
_MODEL, _SIBLINGS = 'model="some"', 5
_LAST = 4
_LABEL = re.compile(r'(\w+)="([^"]*)"')
Phase = str | tuple[float, float]
"""One of the above, or how many healthy and how many bad events each step brings."""

Phases = Sequence[tuple[Phase, int]]


@dataclass(frozen=True, slots=True)
class Line:
    """One series.

    Attributes:
        series: As promtool reads it, with all its labels.
        kind: `level`, `count` or `instant`.
        healthy: Its level, its step, or how long ago; `None` is no sample.
        bad: Likewise in an incident.
        decoys: Series that the rule has to overlook, each for one label.
        siblings: Series that count beside it, each for one label.
        idle: Its level while nothing counts, if it is another one than the healthy.
        replica: What another replica of the exporter tells all the time; a rule takes one.
    """

    series: str
    kind: str
    healthy: float | None
    bad: float | None
    decoys: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    idle: float | None = None
    replica: float | None = None

    def values(self, phases: Phases, step: float) -> list[float | None]:
        """Return its samples, one a step (s)."""
        found: list[float | None] = []
        total = 0.0
        for phase, steps in phases:
            if phase in {REBORN, ANEW}:
                total = 0.0
            good, bad = events(phase)
            told = self.bad if bad else self.healthy
            if phase == IDLE and self.idle is not None:
                told = self.idle
            for _ in range(steps):
                if told is None or phase == GONE or (phase == LEFT and not self.bad):
                    found.append(None)
                elif self.kind == LEVEL:
                    found.append(told)
                elif self.kind == INSTANT:
                    found.append(len(found) * step - told)
                else:
                    total += good * (self.healthy or 0) + bad * (self.bad or 0)
                    found.append(total)
        return found

    def sibling(self, label: str) -> str:
        """Return the sibling that has another value of a label."""
        return next(
            each
            for each in self.siblings
            if set(_LABEL.findall(each)) - set(_LABEL.findall(self.series)) <= _named(each, label)
        )


def _named(series: str, label: str) -> set[tuple[str, str]]:
    return {found for found in _LABEL.findall(series) if found[0] == label}


def events(phase: Phase) -> tuple[float, float]:
    """Return how many healthy and how many bad events a step of a phase brings."""
    return _EVENTS.get(phase, (1.0, 0.0)) if isinstance(phase, str) else phase


@dataclass(frozen=True, slots=True)
class Check:
    """What has to be at a step.

    Attributes:
        step: From 0.
        fires: Whether the alert fires.
    """

    step: int
    fires: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """Lines over phases, and checks.

    Attributes:
        name: What happens, as a sentence.
        phases: What happens, and for how many steps.
        checks: Of the alert.
        unborn: Whether counters are missing until they count; they begin at 0.
        absent: Whether there is no series at all.
        decoyed: `bad`: decoys alone are bad, and the lines idle; `healthy`: decoys are healthy
            while lines are bad.
        spread: Whether siblings count as well.
        further: Other series, with their values as promtool reads them.
        recorded: Further tests, as promtool reads them.
    """

    name: str
    phases: Phases
    checks: tuple[Check, ...]
    unborn: bool = False
    absent: bool = False
    decoyed: str = ""
    spread: bool = False
    further: tuple[tuple[str, str], ...] = ()
    recorded: tuple[dict[str, Any], ...] = ()

    @property
    def steps(self) -> int:
        """How many it has."""
        return sum(steps for _, steps in self.phases)


def by_decoys(phases: Phases) -> Scenario:
    """Return a course that others of the signal take, while the lines are idle."""
    steps = sum(steps for _, steps in phases)
    begun = sum(steps for phase, steps in phases[:1] if phase != BAD)
    looked = {*range(begun, min(begun + _LAST, steps)), *range(max(1, steps - _LAST), steps)}
    checks = tuple(Check(step, False) for step in sorted(looked - {0}))
    return Scenario("others of the signal go bad: silent", phases, checks, decoyed=BAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An alert with the scenarios it is tried on.

    Attributes:
        alert: Its name.
        labels: Labels that it has to carry when it fires.
        lines: What happens.
        scenarios: When.
        step: Seconds between two evaluations.
        sampled: Seconds between two samples, if that is not one an evaluation.
        told_apart: Labels that tell it from other rules of its name.
        sums: Recorded series by a pattern of their names, of which none may be NaN.
        recorded: Further tests of the first scenario, as promtool reads them.
    """

    alert: str
    labels: dict[str, str]
    lines: tuple[Line, ...]
    scenarios: tuple[Scenario, ...]
    step: float = 600.0
    sampled: float = 0.0
    told_apart: dict[str, str] = field(default_factory=dict)
    sums: str = ""
    recorded: tuple[dict[str, Any], ...] = ()

    def tests(self) -> list[dict[str, Any]]:
        """Return them as promtool reads them."""
        tests = [self._test(scenario) for scenario in self.scenarios]
        tests[0]["promql_expr_test"] += self.recorded
        return tests

    def _test(self, scenario: Scenario) -> dict[str, Any]:
        series = [] if scenario.absent else list(self._given(scenario))
        if scenario.decoyed:
            series += self._decoys(scenario)
        series += [{"series": name, "values": values} for name, values in scenario.further]
        asked = [self._expected(check) for check in scenario.checks]
        if self.sums and scenario.checks and not scenario.absent:
            asked.append(
                {
                    "expr": f'sum({{__name__=~"{self.sums}"}}) * 0',
                    "eval_time": self._time(scenario.checks[-1].step),
                    "exp_samples": [{"labels": "{}", "value": 0}],
                }
            )
        test: dict[str, Any] = {
            "name": scenario.name,
            "interval": shorthand(self.sampled or self.step),
        }
        if series:
            test["input_series"] = series
        return test | {"promql_expr_test": [*asked, *scenario.recorded]}

    def _decoys(self, scenario: Scenario) -> list[dict[str, str]]:
        """Decoys of what would hide an incident are healthy in it; of what would make one, bad."""
        own = {line.series for line in self.lines}
        found = []
        length = scenario.steps
        worse_first = sorted(self.lines, key=lambda line: (line.healthy or 0) - (line.bad or 0))
        for line in worse_first:
            phases = scenario.phases if scenario.decoyed == BAD else [(HEALTHY, length)]
            if scenario.decoyed == HEALTHY and not (line.healthy or 0) > (line.bad or 0):
                continue
            values = notation(line.values(phases, self.step))
            told = [each for each in line.decoys if each not in own]
            found += [{"series": each, "values": values} for each in told]
            own |= set(told)
            if scenario.decoyed == BAD and line.kind == COUNT:
                found += [{"series": each, "values": f"0+0x{length}"} for each in _idle(line)]
        return found

    def _given(self, scenario: Scenario) -> Iterator[dict[str, str]]:
        phases = scenario.phases
        if scenario.decoyed == BAD:
            phases = [(IDLE, scenario.steps)]
        for line in self.lines:
            values = line.values(phases, self.step)
            if scenario.unborn and line.kind == COUNT:
                values = _unborn(values)
            for series in (line.series, *(line.siblings if scenario.spread else ())):
                yield {"series": series, "values": notation(values)}
            if line.replica is not None:
                told = replace(line, healthy=line.replica, bad=line.replica, idle=None)
                values = told.values(phases, self.step)
                yield {"series": replica_of(line.series), "values": notation(values)}

    def _expected(self, check: Check) -> dict[str, Any]:
        chosen = {"alertname": self.alert, "alertstate": "firing"} | self.told_apart
        told = ",".join(f'{name}="{value}"' for name, value in chosen.items())
        alerts, when = f"ALERTS{{{told}}}", self._time(check.step)
        if not check.fires:
            return {"expr": f"count({alerts})", "eval_time": when}
        carried = {"alertname": self.alert} | self.labels
        text = ",".join(f'{name}="{value}"' for name, value in sorted(carried.items()))
        return {
            "expr": f"count by ({', '.join(sorted(carried))}) ({alerts})",
            "eval_time": when,
            "exp_samples": [{"labels": f"{{{text}}}", "value": 1}],
        }

    def _time(self, step: int) -> str:
        return shorthand(step * self.step) if step else "0m"


def _idle(line: Line) -> list[str]:
    """Return label sets that never count anything: many nothings are nothing."""
    return [
        line.series.replace(_MODEL, f'model="idle{number}"')
        for number in range(_SIBLINGS)
        if _MODEL in line.series
    ]


def _unborn(values: Sequence[float | None]) -> list[float | None]:
    """Return samples without those before a counter's first, which is 0 as exporters publish it."""
    first = next((place for place, value in enumerate(values) if value), len(values))
    return [value if place >= first - 1 else None for place, value in enumerate(values)]


def replica_of(series: str) -> str:
    """Return a series as another replica of its exporter tells it."""
    return series.replace("{", '{replica="other",', 1)


def notation(values: Sequence[float | None]) -> str:
    """Return samples in promtool's notation: `a+bxn` is n further ones, each b higher."""
    parts: list[str] = []
    place = 0
    while place < len(values):
        first, length = values[place], 1
        if first is None:
            while place + length < len(values) and values[place + length] is None:
                length += 1
            parts.append(f"_x{length}")
        else:
            step = _step(values, place)
            while place + length < len(values) and _follows(values, place + length, step):
                length += 1
            sign = "" if step < 0 else "+"
            parts.append(
                f"{plain(first)}{sign}{plain(step)}x{length - 1}" if length > 1 else plain(first)
            )
        place += length
    return " ".join(parts)


def _step(values: Sequence[float | None], place: int) -> float:
    first, second = values[place], values[place + 1] if place + 1 < len(values) else None
    return 0.0 if first is None or second is None else second - first


def _follows(values: Sequence[float | None], place: int, step: float) -> bool:
    here, before = values[place], values[place - 1]
    return here is not None and before is not None and abs(here - before - step) < 1e-9  # noqa: PLR2004  float noise
