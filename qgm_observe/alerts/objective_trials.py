"""What the alerts of objectives are tried on: good and bad events of the very series they count."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from qgm_observe.alerts import (
    money_rules,
    neighbor,
    objective_courses,
    quantile_trials,
    rules,
)
from qgm_observe.alerts.budget import ALL, PLACES, standing
from qgm_observe.alerts.burn_rules import sloth_labels
from qgm_observe.alerts.objective_lines import counted, excuses, lines_by_role, lines_of
from qgm_observe.alerts.recorded_trials import (
    Minutes,
    Recorded,
    Tests,
    first_of_another,
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
    LEVEL,
    REBORN,
    Check,
    Line,
    Phases,
    Scenario,
    Trial,
    by_decoys,
)
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.slo import promql
from qgm_observe.slo.burn import PAGE, TICKET
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Level, Ratio, Slices, Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import DAY, HOUR, MINUTE, shorthand

STEP, QUARTER, LONG_STEP = 30 * MINUTE, 15 * MINUTE, 2 * HOUR
"""Of counts, of minutes, and of counts over days."""

_HEALTHY, _BAD, _AFTER = 8, 12, 16
"""Steps of counts; eight hours are enough for nine clean events, and for six of a burn rate."""

_BAD_MINUTES, _AFTER_MINUTES, _AFTER_BUSY = 12, 26, 4

_OF_MINUTES = (promql.COUNTED, promql.GOOD)


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

    def all(self) -> Iterator[Trial]:
        """Yield a trial an alert and step; none for what never alerts."""
        if isinstance(self.objective.indicator, Spend):
            yield self._spending(self.objective.indicator)
            return
        for name, severity in _alerts(self.objective):
            told = tuple(self._scenarios(severity))
            yield self._trial(name, severity, self._lines, told)
            far = tuple(self._of_days(severity))
            if far:
                yield replace(self._trial(name, severity, self._lines, far), step=LONG_STEP)
            yield from self._excused(name, severity)
            quantiles = tuple(quantile_trials.trials(self.objective, self._selectors))
            if quantiles:
                days = self._trial(name, severity, (), quantiles)
                yield replace(days, step=DAY, sampled=quantile_trials.SAMPLED)

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
        clean = _AFTER_BUSY if is_busy else _AFTER_MINUTES if is_minutes else _AFTER
        clean = int((DAY + HOUR) // self._step) if is_degraded else clean
        checks = Check(begun - 1, False), Check(ended - 1, True), Check(ended + clean - 1, False)
        recovery = BUSY if is_busy else HEALTHY
        normal: Phases = [(HEALTHY, _HEALTHY), (BAD, bad), (recovery, clean)]
        incident = Scenario("an incident: silent before, fires in it, recovers", normal, checks)
        if isinstance(self.objective.indicator, Slices):
            recorded = tuple(recorded_minutes(self.objective, self._step, begun - 1, ended - 1))
        else:
            last = (ended + clean * 3 // 4,) if is_degraded else ()
            recorded = self._all_recorded(normal, severity, begun - 1, begun + 5, *last)
        yield replace(incident, further=self._another(0, incident.steps), recorded=recorded)
        if is_degraded:
            single: Phases = [(HEALTHY, 4), (BAD, 1), (HEALTHY, 2)]
            told = Check(3, False), Check(4, True), Check(6, True)
            yield Scenario("a single failure: fires", single, told)
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
        yield replace(by_decoys([(IDLE, 2), (BAD, 6)]), recorded=others)
        yield from self._beside_another()
        if isinstance(self.objective.indicator, Ratio):
            yield from self._counted(checks[0])
            yield from self._decided(severity)
        else:
            yield from self._looked_at()

    def _none(self, at: int) -> Tests:
        """Return tests that minutes which do not count are recorded as none."""
        indicator = self.objective.indicator
        if not isinstance(indicator, Slices) or indicator.counted is None:
            return ()
        names = (promql.recorded(each, self.objective.name) for each in _OF_MINUTES)
        return tuple({"expr": each, "eval_time": shorthand(at * self._step)} for each in names)

    def _beside_another(self) -> Iterator[Scenario]:
        for name, phase, place in (
            ("another objective burns: silent", HEALTHY, 0),
            ("another objective is well: fires", BAD, 1),
        ):
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
        yield Scenario(
            "others of the signal are well: it still fires",
            [(HEALTHY, begun), (BAD, 8)],
            (Check(begun + 7, True),),
            decoyed=HEALTHY,
        )
        failing: Phases = [(HEALTHY, begun), (BAD, 6)]
        yield Scenario(
            "the first failure of a new label set counts",
            failing,
            (before, Check(begun + 5, True)),
            unborn=True,
            recorded=self._recorded(failing, (begun, begun + 5)),
        )
        never: Phases = [(BAD, 6)]
        yield Scenario(
            "nothing has ever been good: it fires",
            never,
            (Check(5, True),),
            unborn=True,
            recorded=self._recorded(never, (5,)),
        )
        left: Phases = [(HEALTHY, 4), (LEFT, 5)]
        yield Scenario(
            "what was good is told no more: it counts no more",
            left,
            (),
            recorded=self._recorded(left, (8,)),
        )
        again: Phases = [(HEALTHY, begun), (BAD, 6), (REBORN, 12)]
        yield Scenario(
            "counters begin anew in the incident: it still fires",
            again,
            (before, Check(begun + 17, True)),
            recorded=self._recorded(again, (begun + 7,)),
        )
        apart: Phases = [(HEALTHY, 4), (BAD, 4)]
        yield Scenario(
            "what differs in one label counts apart",
            apart,
            (),
            spread=True,
            recorded=(
                *self._recorded(apart, (7,), spread=True),
                *self._seen_first(0, spread=True),
            ),
        )
        gone: Phases = [(HEALTHY, 2), (BAD, 4), (GONE, 15), (BAD, 2), (GONE, 4), (BAD, 1)]
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

    def _decided(self, severity: str) -> Iterator[Scenario]:
        if self.objective.score is not None:
            courses = objective_courses.of_hours(STEP)
        else:
            courses = objective_courses.of_pairs(self.objective, severity, PAGE)
        yield from self._on_courses(courses, severity, STEP)

    def _of_days(self, severity: str) -> Iterator[Scenario]:
        if not isinstance(self.objective.indicator, Ratio):
            return
        if self.objective.score is not None:
            courses = objective_courses.of_days(LONG_STEP)
        else:
            courses = objective_courses.of_pairs(self.objective, severity, TICKET)
        yield from self._on_courses(courses, severity, LONG_STEP)

    def _on_courses(
        self, courses: Iterable[objective_courses.Course], severity: str, step: float
    ) -> Iterator[Scenario]:
        is_scored = self.objective.score is not None
        for name, phases, steps in courses:
            found = self._judged(phases, step)
            checks = tuple(Check(at, found.fires(at, severity)) for at in steps)
            recorded = tuple(found.highest(at) for at in steps) if is_scored else ()
            course = Scenario(name, phases, checks, recorded=recorded)
            yield replace(course, further=self._another(0, course.steps, neighbor.DECISIVE))

    # ---------------------------------------------------------------------------------- minutes

    def _looked_at(self) -> Iterator[Scenario]:
        """Minutes of levels; a quantile changes for as long as it is taken over."""
        indicator = self.objective.indicator
        assert isinstance(indicator, Slices)  # noqa: S101  told to the type checker
        if not self.objective.burns:
            return
        yield from self._in_windows()
        if indicator.good.left.quantile is not None:
            return
        left = self._lines[0]
        against = self._lines[1:2] if isinstance(indicator.good.right, Level) else ()
        if indicator.counted is not None and left.kind == LEVEL:
            told = tuple(
                (each, f"{line.bad:g}+0x7") for line in (left, *against) for each in line.decoys
            )
            name = "others of the signal are bad, and this is not: silent"
            yield Scenario(name, [(HEALTHY, 8)], (Check(7, False),), further=told)
        if indicator.counted is None:
            told = tuple((each, "1+0x7") for each in left.decoys)
            none = (Check(7, False),)
            names = (promql.recorded(each, self.objective.name) for each in _OF_MINUTES)
            when = shorthand(7 * self._step)
            yield Scenario(
                "others of the signal are told, and this is not: nothing counts",
                [(HEALTHY, 8)],
                none,
                absent=True,
                further=(*told, *self._another(1, 8)),
                recorded=tuple({"expr": each, "eval_time": when} for each in names),
            )
        for sibling in left.siblings:
            bad = ((sibling, f"{left.bad:g}+0x7"),)
            name = "another value of those that are looked at is bad: fires"
            yield Scenario(name, [(HEALTHY, 8)], (Check(7, True),), further=bad)

    def _in_windows(self) -> Iterator[Scenario]:
        """Courses of minutes, after an hour and a half as usual where a quantile needs a past."""
        buckets = quantile_trials.buckets_of(self.objective, self._selectors)
        past: Phases = [] if buckets is None else [(GONE, 1), (HEALTHY, 6)]
        begun = sum(steps for _, steps in past)
        for name, then, looked in objective_courses.of_minutes():
            phases = [*past, *then] if buckets is None else [*past, *_without_gaps(then)]
            found = Minutes(self.objective, phases, self._step)
            fired = ((begun + at, found.fires(begun + at, TICKET)) for at in looked)
            checks = tuple(Check(at, fires) for at, fires in fired if fires is not None)
            course = Scenario(name, phases, checks, absent=buckets is not None)
            further = self._another(0, course.steps, neighbor.DECISIVE)
            if buckets is not None:
                further += quantile_trials.of_minutes(buckets, phases[1:])
            yield replace(course, further=further)

    def _excused(self, name: str, severity: str) -> Iterator[Trial]:
        indicator = self.objective.indicator
        if not isinstance(indicator, Slices) or indicator.excused is None:
            return
        if not isinstance(indicator.excused.right, Level):
            return
        phases: Phases = [(HEALTHY, 4), (BAD, 8)]
        for holds, lines in excuses(indicator.excused, self._selectors):
            told = "excused: silent" if holds else "others are excused: fires"
            course = Scenario(told, phases, (Check(11, not holds),))
            yield self._trial(name, severity, (*self._lines, *lines), (course,))

    # ------------------------------------------------------------------------------------ money

    def _spending(self, spend: Spend) -> Trial:
        """Money is spent slowly, then so fast that the cap comes near; it is not given back."""
        spent = self._selectors.narrowed(spend.spent[0])
        slow, fast = spend.cap / 1000, spend.cap / 10
        line = counted(spent, slow, fast)
        near = Scenario(
            "the cap is near at the present pace: fires before it is reached",
            [(HEALTHY, 4), (BAD, 7), (HEALTHY, 4)],
            (Check(8, False), Check(9, True), Check(14, False)),
            recorded=self._spent(9, 2 * fast, 3 * slow + 6 * fast),
        )
        never = Scenario(
            "nothing was ever spent: that is 0",
            [(IDLE, 4)],
            (Check(3, False),),
            absent=True,
            recorded=self._spent(3, 0.0, 0.0),
        )
        reached = Scenario(
            "the cap is reached, and nothing more is spent: fires",
            [(HEALTHY, 4), (BAD, 11), (IDLE, 4)],
            (Check(3, False), Check(18, True)),
        )
        idle = Scenario("nothing is spent: silent", [(IDLE, 8)], (Check(7, False),))
        others = by_decoys([(IDLE, 2), (BAD, 12)])
        alert = money_rules.alert_of(self.objective)
        scenarios = (near, reached, idle, never, others, *self._beside_another())
        return self._trial(alert, self.objective.severity, (line,), scenarios)

    def _spent(self, at: int, hour: float, period: float) -> Tests:
        slo, window = self.objective.name, shorthand(self.objective.window.seconds)
        samples = [
            {"labels": f'{{slo="{slo}",window="{text}"}}', "value": float(plain(value))}
            for text, value in (("1h", hour), (window, period))
        ]
        query = f'round(1 * {money_rules.SPENT}{{slo="{slo}"}}, 0.000001)'
        when = shorthand(at * self._step)
        return ({"expr": query, "eval_time": when, "exp_samples": samples},)


def _without_gaps(phases: Phases) -> Phases:
    return [(HEALTHY if phase == GONE else phase, steps) for phase, steps in phases]


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
