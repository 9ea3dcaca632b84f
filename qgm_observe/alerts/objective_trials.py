"""What the alerts of objectives are tried on: good and bad events of the very series they count."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from qgm_observe.alerts import (
    minute_trials,
    money_rules,
    money_trials,
    neighbor,
    objective_courses,
    quantile_trials,
    rules,
)
from qgm_observe.alerts.budget import ALL, ERRORS, EVENTS, PLACES, standing
from qgm_observe.alerts.burn_rules import sloth_labels
from qgm_observe.alerts.count_trials import all_good, late
from qgm_observe.alerts.objective_lines import lines_by_role, lines_of
from qgm_observe.alerts.recorded_trials import (
    FINE_STEP,
    Recorded,
    Tests,
    first_of_another,
    first_samples,
    recorded_minutes,
    seen_first,
)
from qgm_observe.alerts.scenario import (
    BAD,
    BUSY,
    GONE,
    HEALTHY,
    IDLE,
    LEFT,
    REBORN,
    Check,
    Line,
    Phase,
    Phases,
    Scenario,
    Trial,
    by_decoys,
    replica_of,
)
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.slo import promql
from qgm_observe.slo.burn import PAGE, TICKET
from qgm_observe.slo.indicator import Ratio, Slices, Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import DAY, HOUR, MINUTE, shorthand

STEP, QUARTER, LONG_STEP, SHIFT = 30 * MINUTE, 15 * MINUTE, 2 * HOUR, 6 * HOUR
"""Of counts, of minutes, of counts over a day, and of counts over days."""

_HEALTHY, _BAD, _AFTER = 8, 12, 16
"""Steps of counts; eight hours are enough for nine clean events, and for six of a burn rate."""

_BAD_MINUTES, _AFTER_MINUTES, _AFTER_BUSY = 12, 26, 4


class ObjectiveTrials:
    """Makes the trials of an objective.

    Args:
        objective: Whose alerts are tried.
        selectors: Of the configuration.
        recorded: The rules of the objective that record something.
    """

    def __init__(
        self, objective: Objective, selectors: Selectors, recorded: Iterable[dict[str, Any]]
    ) -> None:
        self.objective, self._selectors = objective, selectors
        self._lines = lines_of(objective, selectors)
        self._others = [(each["record"], each["labels"]) for each in recorded if "record" in each]
        self._step = QUARTER if isinstance(objective.indicator, Slices) else STEP
        self._failures = objective_courses.failures(objective.score)
        self._bad: Phase = (0.0, float(self._failures)) if self._failures > 1 else BAD

    def all(self) -> Iterator[Trial]:
        """Yield a trial an alert and step; of what never alerts, one of what is recorded."""
        if isinstance(self.objective.indicator, Spend):
            yield from self._spending()
            return
        alerts = _alerts(self.objective)
        if not alerts:
            yield self._records((*self._scenarios(TICKET), self._left()), STEP)
        for name, severity in alerts:
            told = tuple(self._scenarios(severity))
            yield self._trial(name, severity, self._lines, told)
            far = tuple(self._of_days(severity))
            if far:
                step = SHIFT if self.objective.score is not None else LONG_STEP
                yield replace(self._trial(name, severity, self._lines, far), step=step)
            for step, window in self._of_window(severity):
                trial = self._trial(name, severity, self._lines, window)
                yield replace(trial, step=step, sampled=DAY)
            for alone, course in minute_trials.uncompared(
                self.objective, self._selectors, self._lines
            ):
                yield self._trial(name, severity, alone, (course,))
            for lines, course in minute_trials.excused(self.objective, self._selectors):
                yield self._trial(name, severity, (*self._lines, *lines), (course,))
            quantiles = tuple(quantile_trials.trials(self.objective, self._selectors))
            if quantiles:
                days = self._trial(name, severity, (), quantiles)
                yield replace(days, step=DAY, sampled=quantile_trials.SAMPLED)
        if isinstance(self.objective.indicator, Ratio):
            records = [name for name, _ in self._others if name.startswith(promql.FIRST)]
            first = first_samples(self.objective.name, records, self._lines)
            yield self._records((first,), FINE_STEP)
            yield replace(
                self._records((late(self.objective, self._lines, self._selectors),), DAY),
                sampled=STEP,
            )

    def _records(self, scenarios: Iterable[Scenario], step: float) -> Trial:
        """Return a trial of what is recorded, without an alert."""
        told = tuple(replace(each, checks=()) for each in scenarios if each.recorded)
        return Trial(alert="", labels={}, lines=self._lines, scenarios=told, step=step)

    def _spending(self) -> Iterator[Trial]:
        name, severity = money_rules.alert_of(self.objective), self.objective.severity
        beside = self._beside_another(HEALTHY, BAD)
        for line, scenarios in money_trials.trials(self.objective, self._selectors):
            yield self._trial(name, severity, (line,), (*scenarios, *beside))

    def _trial(
        self,
        name: str,
        severity: str,
        lines: tuple[Line, ...],
        scenarios: tuple[Scenario, ...],
    ) -> Trial:
        objective = self.objective
        labels = {"slo": objective.name, "service": objective.service}
        labels |= standing(BY_NAME[name]) | {"severity": severity} | dict.fromkeys(PLACES, ALL)
        if objective.burns:
            labels |= sloth_labels(objective) | {"sloth_severity": severity}
        return Trial(
            alert=name,
            labels=labels,
            lines=lines,
            scenarios=scenarios,
            step=self._step,
            sums="(qgm:slo|slo:).*",
        )

    # ---------------------------------------------------------------------------------- common

    def _scenarios(self, severity: str) -> Iterator[Scenario]:
        is_minutes, is_degraded = self._step == QUARTER, self.objective.is_degraded
        bad = _BAD_MINUTES if is_minutes else _BAD
        begun, ended = _HEALTHY, _HEALTHY + bad
        is_busy = self.objective.score is not None and severity == TICKET
        clean = _AFTER_MINUTES if is_minutes else self._clean_steps(is_busy=is_busy)
        checks = Check(begun - 1, False), Check(ended - 1, True), Check(ended + clean - 1, False)
        recovery = BUSY if is_busy else HEALTHY
        normal: Phases = [(HEALTHY, _HEALTHY), (self._bad, bad), (recovery, clean)]
        incident = Scenario("an incident: silent before, fires in it, recovers", normal, checks)
        if isinstance(self.objective.indicator, Slices):
            recorded = tuple(recorded_minutes(self.objective, self._step, begun - 1, ended - 1))
        else:
            recorded = self._all_recorded(normal, severity, begun - 1, begun + 5)
        beside = "" if is_minutes else HEALTHY
        further = self._another(0, incident.steps)
        yield replace(incident, decoyed=beside, further=further, recorded=recorded)
        if is_degraded:
            single: Phases = [(HEALTHY, 4), (BAD, 1), (HEALTHY, 3), (BAD, 1)]
            fires = (False, True, True, False, False, True)
            told = tuple(Check(3 + after, each) for after, each in enumerate(fires))
            yield Scenario("a failure fires for an hour, a later one anew", single, told)
        nothing: Phases = [(IDLE, begun + 2)]
        yield Scenario(
            "nothing counts: silent",
            nothing,
            (Check(begun, False),),
            further=self._another(1, begun + 2),
            recorded=self._none(begun),
        )
        yield Scenario("no series at all: silent", [(IDLE, 4)], (Check(3, False),), absent=True)
        others = (*self._none(7), *self._seen_first(0))
        if not _alerts(self.objective):
            others += self._recorded([(IDLE, 8)], (7,))
        yield replace(by_decoys([(IDLE, 2), (BAD, 6)]), recorded=others)
        if isinstance(self.objective.indicator, Ratio):
            yield from self._counted(checks[0])
            yield from self._decided(severity)
        else:
            yield from self._beside_another(BAD)
            yield from minute_trials.looked_at(
                self.objective, self._selectors, self._lines, self._another
            )

    def _clean_steps(self, *, is_busy: bool) -> int:
        """Return steps that clear an alert; busy ones until all that was bad becomes planned."""
        score = self.objective.score
        if is_busy:
            failed = self._failures * _BAD
            return max(_AFTER_BUSY, math.ceil(failed / 100 / float(self.objective.budget)))
        return math.ceil(_AFTER * (1 if score is None else score.design_effect))

    def _none(self, at: int) -> Tests:
        """Return tests that minutes which do not count are recorded as none."""
        indicator = self.objective.indicator
        if not isinstance(indicator, Slices) or indicator.counted is None:
            return ()
        names = (promql.recorded(each, self.objective.name) for each in minute_trials.OF_MINUTES)
        return tuple({"expr": each, "eval_time": shorthand(at * self._step)} for each in names)

    def _beside_another(self, *wanted: str) -> Iterator[Scenario]:
        for name, phase, place in (
            ("another objective burns: silent", HEALTHY, 0),
            ("another objective is well: fires", BAD, 1),
        ):
            if phase not in wanted:
                continue
            phases: Phases = [(HEALTHY, 4), (phase, 8)] if place else [(phase, 4)]
            last = 11 if place else 3
            further = self._another(place, last + 1)
            yield Scenario(name, phases, (Check(last, phase == BAD),), further=further)

    def _another(
        self, place: int, steps: int, records: tuple[str, ...] = ("",)
    ) -> tuple[tuple[str, str], ...]:
        return neighbor.series(self._others, place, steps, records)

    # ----------------------------------------------------------------------------------- counts

    def _counted(self, before: Check) -> Iterator[Scenario]:
        begun = _HEALTHY
        failing: Phases = [(HEALTHY, begun), (self._bad, 6)]
        yield Scenario(
            "the first failure of a new label set counts",
            failing,
            (before, Check(begun + 5, True)),
            unborn=True,
            recorded=self._recorded(failing, (begun, begun + 5)),
        )
        never: Phases = [(self._bad, 6)]
        yield Scenario(
            "nothing has ever been good: it fires",
            never,
            (Check(5, True),),
            unborn=True,
            recorded=self._recorded(never, (5,)),
        )
        yield from all_good(self.objective, self._lines, self._selectors)
        left: Phases = [(HEALTHY, 4), (LEFT, 5)]
        yield Scenario(
            "what was good is told no more: it counts no more",
            left,
            (),
            recorded=self._recorded(left, (8,)),
        )
        again: Phases = [(HEALTHY, begun), (self._bad, 6), (REBORN, 1), (self._bad, 5)]
        yield Scenario(
            "counters begin anew in the incident, beside another objective that is well: fires",
            again,
            (before, Check(begun + 11, True)),
            further=self._another(1, begun + 12),
            recorded=self._recorded(again, (begun + 7,)),
        )
        apart: Phases = [(GONE, 1), (HEALTHY, 4), (BAD, 4)]
        series = (each for line in self._lines for each in (line.series, *line.siblings))
        yield Scenario(
            "what differs in one label counts apart, and a replica that lags behind does not",
            apart,
            (),
            spread=True,
            further=tuple((replica_of(each), "0+0x8") for each in series),
            recorded=(
                *self._recorded([(IDLE, 1), *apart[1:]], (8,), spread=True),
                *self._seen_first(0, spread=True),
            ),
        )
        both: Phase = (1.0, 1.0)
        gone: Phases = [(HEALTHY, 2), (BAD, 4), (GONE, 15), (both, 2), (GONE, 4), (BAD, 1)]
        yield Scenario(
            "nothing is scraped for longer than six hours: what is then told at first is no news",
            gone,
            (),
            further=tuple((first_of_another(line), "0+0x27") for line in self._lines),
            recorded=(
                *self._recorded(gone, (22, 23, 26)),
                *self._seen_first(21, 27),
                *self._seen_first(22, is_none=True),
            ),
        )

    def _seen_first(self, *steps: int, is_none: bool = False, spread: bool = False) -> Tests:
        """Return tests of the first samples at steps: of all series, or of none."""
        records = [name for name, _ in self._others if name.startswith(promql.FIRST)]
        lines = () if is_none else self._lines
        return tuple(
            test
            for at in steps
            for test in seen_first(
                self.objective.name, records, lines, at * self._step, spread=spread
            )
        )

    def _recorded(self, phases: Phases, steps: Iterable[int], *, spread: bool = False) -> Tests:
        """Return what is counted at steps of phases."""
        found = self._judged(phases, self._step, spread=spread)
        windows = rules.windows(self.objective)
        return tuple(test for at in steps for test in found.counts(at, windows))

    def _all_recorded(self, phases: Phases, severity: str, *steps: int) -> Tests:
        """Return all that is recorded at steps of phases, once."""
        if (severity, self.objective.severity) == (TICKET, PAGE) and self.objective.score:
            return ()
        found, windows = self._judged(phases, self._step), rules.windows(self.objective)
        return tuple(test for at in steps for test in found.tests(at, windows))

    def _judged(self, phases: Phases, step: float, *, spread: bool = False) -> Recorded:
        good, total = lines_by_role(self.objective, self._lines, self._selectors)
        return Recorded(self.objective, good, total, phases, step, spread=spread)

    def _left(self) -> Scenario:
        phases: Phases = [(HEALTHY, 3), (IDLE, 50), (BAD, 1)]
        recorded = self._recorded(phases, (3, 53))
        return Scenario("what is counted leaves a window of a day", phases, (), recorded=recorded)

    def _decided(self, severity: str) -> Iterator[Scenario]:
        if self.objective.score is not None:
            courses = objective_courses.of_hours(self.objective.score, STEP)
        else:
            courses = objective_courses.of_pairs(self.objective, severity, PAGE)
        yield from self._on_courses(courses, severity, STEP)

    def _of_days(self, severity: str) -> Iterator[Scenario]:
        if not isinstance(self.objective.indicator, Ratio):
            return
        if self.objective.score is not None:
            courses = objective_courses.of_days(self.objective.score, SHIFT)
            yield from self._on_courses(courses, severity, SHIFT)
        else:
            courses = objective_courses.of_pairs(self.objective, severity, TICKET)
            yield from self._on_courses(courses, severity, LONG_STEP)

    def _of_window(self, severity: str) -> Iterator[tuple[float, tuple[Scenario, ...]]]:
        """Yield courses of days: those that are looked at on days, and those at the end alone."""
        score, period = self.objective.score, self.objective.window.seconds
        if score is None:
            return
        daily: list[objective_courses.Course] = []
        at_end: list[objective_courses.Course] = []
        for course in objective_courses.of_window(score, period):
            is_at_end = [at * DAY for at in course[2]] == [period]
            (at_end if is_at_end else daily).append(course)
        if daily:
            yield DAY, tuple(self._on_courses(daily, severity, DAY))
        if at_end:
            found = self._on_courses(at_end, severity, DAY, is_once=True)
            ended = (replace(each, checks=(replace(each.checks[0], step=1),)) for each in found)
            yield period, tuple(ended)

    def _on_courses(
        self,
        courses: Iterable[objective_courses.Course],
        severity: str,
        step: float,
        *,
        is_once: bool = False,
    ) -> Iterator[Scenario]:
        is_scored = self.objective.score is not None and step < DAY
        for name, phases, steps in courses:
            found = self._judged(phases, step)
            fires = found.fires_at if is_once else found.fires
            checks = tuple(Check(at, fires(at, severity)) for at in steps)
            recorded = tuple(found.highest(at) for at in steps) if is_scored else ()
            course = Scenario(name, phases, checks, recorded=recorded)
            decisive = (*neighbor.DECISIVE, *((ERRORS, EVENTS) if step == DAY else ()))
            yield replace(course, further=self._another(0, course.steps, decisive))


def trials(
    objective: Objective, selectors: Selectors, recorded: Iterable[dict[str, Any]]
) -> Iterator[Trial]:
    """Yield the trials of an objective, for the rules that are rendered of it."""
    yield from ObjectiveTrials(objective, selectors, recorded).all()


def _alerts(objective: Objective) -> list[tuple[str, str]]:
    page, ticket = ("QgmSloBurnPage", PAGE), ("QgmSloBurnTicket", TICKET)
    if objective.score is not None:
        return [page, ticket] if objective.severity == PAGE else [ticket]
    found = {burn.severity for burn in objective.burns}
    if found:
        return [each for each in (page, ticket) if each[1] in found]
    return [ticket] if objective.is_degraded else []
