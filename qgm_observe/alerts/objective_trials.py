"""What the alerts of objectives are tried on: good and bad events of the very series they count."""

from collections.abc import Iterator
from typing import Any

from qgm_observe.alerts import money_rules, rules
from qgm_observe.alerts.budget import ALL, PLACES
from qgm_observe.alerts.recorded_trials import Recorded
from qgm_observe.alerts.scenario import (
    BAD,
    BUSY,
    BY_DECOYS,
    COUNT,
    HEALTHY,
    IDLE,
    INSTANT,
    LEVEL,
    REBORN,
    Check,
    Line,
    Scenario,
    Trial,
)
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.catalog import Kind, Label
from qgm_observe.slo.burn import PAGE, TICKET
from qgm_observe.slo.indicator import (
    Comparison,
    Level,
    Matcher,
    Op,
    Ratio,
    Selection,
    Slices,
    Spend,
)
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.promql import selector
from qgm_observe.slo.window import DAY, HOUR

STEP = 1800.0
_HEALTHY, _BAD, _AFTER = 8, 24, 24
"""Steps; 12 hours are enough for nine clean events, and for the six hours of a burn rate."""

_SOME, _FEW = "some", 6
_NEAR = 1.0
"""Right side of a comparison of two levels."""


def trials(objective: Objective, selectors: Selectors) -> Iterator[Trial]:
    """Yield a trial an alert; none for what never alerts."""
    if isinstance(objective.indicator, Spend):
        yield _spending(objective, objective.indicator, selectors)
        return
    lines = lines_of(objective, selectors)
    for name, severity in _alerts(objective):
        yield Trial(
            alert=name,
            labels={"slo": objective.name, "severity": severity} | dict.fromkeys(PLACES, ALL),
            lines=lines,
            scenarios=tuple(_scenarios(objective, severity)),
            step=STEP,
            sums="(qgm:slo|slo:).*",
            recorded=_recorded(objective, lines, selectors),
        )


def _spending(objective: Objective, spend: Spend, selectors: Selectors) -> Trial:
    """Money is spent slowly, then so fast that the cap comes near; it is not given back."""
    spent = series_of(selectors.narrowed(spend.spent[0]))
    line = Line(spent, COUNT, spend.cap / 1000, spend.cap / 10)
    near = Scenario(
        "the cap is near at the present pace: fires before it is reached",
        [(HEALTHY, 4), (BAD, 7), (HEALTHY, 4)],
        (Check(8, False), Check(9, True), Check(14, False)),
    )
    reached = Scenario(
        "the cap is reached, and nothing more is spent: fires",
        [(HEALTHY, 4), (BAD, 11), (IDLE, 4)],
        (Check(3, False), Check(18, True)),
    )
    idle = Scenario("nothing is spent: silent", [(IDLE, 8)], (Check(7, False),))
    return Trial(
        alert=money_rules.alert_of(objective),
        labels={"slo": objective.name, "severity": objective.severity} | dict.fromkeys(PLACES, ALL),
        lines=(line,),
        scenarios=(near, reached, idle),
        step=STEP,
        sums="qgm:slo.*",
    )


def _recorded(
    objective: Objective, lines: tuple[Line, ...], selectors: Selectors
) -> tuple[dict[str, Any], ...]:
    """Return what is recorded at four steps of the first scenario."""
    if not isinstance(objective.indicator, Ratio):
        return ()
    good, total = lines_by_role(objective, lines, selectors)
    phases = [(HEALTHY, _HEALTHY), (BAD, _BAD)]
    found = Recorded(objective, good, total, phases, STEP)
    windows = rules.windows(objective)
    steps = (3, _HEALTHY - 1, _HEALTHY + 1, _HEALTHY + 5)
    return tuple(test for at in steps for test in found.tests(at, windows))


def lines_by_role(
    objective: Objective, lines: tuple[Line, ...], selectors: Selectors
) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return which lines count what is good, and which count all."""
    indicator = objective.indicator
    assert isinstance(indicator, Ratio)  # noqa: S101  told to the type checker
    wanted = series_of(selectors.narrowed(indicator.good[0]))
    good = tuple(line for line in lines if line.series == wanted)
    is_part = indicator.good[0].signal.kind is Kind.COUNTER
    is_part = is_part and indicator.good[0].signal is indicator.total[0].signal
    others = tuple(line for line in lines if line not in good)
    return good, (lines if is_part else others)


def _alerts(objective: Objective) -> list[tuple[str, str]]:
    page, ticket = ("QgmSloBurnPage", PAGE), ("QgmSloBurnTicket", TICKET)
    if objective.score is not None:
        return [page, ticket] if objective.severity == PAGE else [ticket]
    found = {burn.severity for burn in objective.burns}
    if found:
        return [each for each in (page, ticket) if each[1] in found]
    return [ticket] if objective.is_degraded else []


def _scenarios(objective: Objective, severity: str) -> Iterator[Scenario]:
    begun, ended = _HEALTHY, _HEALTHY + _BAD
    clean = int((DAY + HOUR) // STEP) if objective.is_degraded else _AFTER
    checks = Check(begun - 1, False), Check(ended - 1, True), Check(ended + clean - 1, False)
    recovery = BUSY if objective.score is not None and severity == TICKET else HEALTHY
    normal = [(HEALTHY, _HEALTHY), (BAD, _BAD), (recovery, clean)]
    yield Scenario("an incident: silent before, fires in it, recovers", normal, checks)
    if objective.is_degraded:
        return
    yield Scenario("nothing counts: silent", [(IDLE, _HEALTHY + 2)], (Check(_HEALTHY, False),))
    yield Scenario("no series at all: silent", [(IDLE, 4)], (Check(3, False),), absent=True)
    yield BY_DECOYS
    if not isinstance(objective.indicator, Ratio):
        return
    yield Scenario(
        "others of the signal are well: it still fires",
        [(HEALTHY, _HEALTHY), (BAD, 8)],
        (Check(begun + 7, True),),
        decoyed=HEALTHY,
    )
    yield Scenario(
        "the first failure of a new label set counts",
        [(HEALTHY, _HEALTHY), (BAD, 6)],
        (checks[0], Check(begun + 5, True)),
        unborn=True,
    )
    yield Scenario(
        "counters begin anew in the incident: it still fires",
        [(HEALTHY, _HEALTHY), (BAD, 6), (REBORN, 12)],
        (checks[0], Check(begun + 17, True)),
    )


# ---------------------------------------------------------------------------------------- series


def lines_of(objective: Objective, selectors: Selectors) -> tuple[Line, ...]:
    """Return series in which an event, or a minute, goes bad."""
    indicator = objective.indicator
    if isinstance(indicator, Ratio):
        good = [selectors.narrowed(each) for each in indicator.good]
        total = [selectors.narrowed(each) for each in indicator.total]
        return tuple(_ratio(good[0], total[0]))
    if isinstance(indicator, Slices):
        return tuple(_slices(indicator, selectors))
    return ()


def _ratio(good: Selection, total: Selection) -> Iterator[Line]:
    if good.signal is total.signal and good.signal.kind is Kind.COUNTER:
        yield Line(series_of(good), COUNT, 1, 0, decoys_of(good))
        yield Line(series_of(total, unlike=good), COUNT, 0, 1, decoys_of(total))
    elif good.signal is total.signal:
        yield Line(series_of(total, unlike=good), COUNT, 1, 1, decoys_of(total))
        yield Line(series_of(good), COUNT, 1, 0, decoys_of(good))
    else:
        yield Line(series_of(total), COUNT, 100, 100, decoys_of(total))
        yield Line(series_of(good), COUNT, 100, 0, decoys_of(good))


def _slices(slices: Slices, selectors: Selectors) -> Iterator[Line]:
    yield from _compared(slices.good, selectors)
    if slices.counted is not None:
        level, edge = slices.counted.left, slices.counted.right
        value = (edge if isinstance(edge, float | int) else _NEAR) + _above(slices.counted.op)
        yield Line(series_of(selectors.narrowed(level.selection)), LEVEL, value, value)


def _compared(comparison: Comparison, selectors: Selectors) -> Iterator[Line]:
    left, right = comparison.left, comparison.right
    if left.quantile is not None:
        yield from _observed(selectors.narrowed(left.selection))
        return
    edge = right if isinstance(right, float | int) else _NEAR * right.factor
    away = max(abs(edge) / 2, 1.0)
    good, bad = edge + away * _above(comparison.op), edge - away * _above(comparison.op)
    series = series_of(selectors.narrowed(left.selection))
    if left.age:
        decoys = decoys_of(selectors.narrowed(left.selection))
        yield Line(series, INSTANT, max(good, 0.0), bad, decoys)
        return
    decoys = decoys_of(selectors.narrowed(left.selection))
    yield Line(series, LEVEL, good / left.factor, bad / left.factor, decoys)
    if isinstance(right, Level):
        yield Line(series_of(selectors.narrowed(right.selection)), LEVEL, _NEAR, _NEAR)


def _above(op: Op) -> float:
    return 1.0 if op in {Op.GT, Op.GTE} else -1.0


def _observed(selection: Selection) -> Iterator[Line]:
    """Observations of a histogram: low ones while it is healthy, the highest in an incident."""
    bounds = selection.bounds
    series = series_of(selection).replace("_count{", "_bucket{")
    low, high = bounds[len(bounds) // 4], bounds[-1]
    for bound, healthy, bad in ((low, 100, 0), (high, 100, 1), ("+Inf", 100, 1)):
        text = bound if isinstance(bound, str) else str(bound)
        yield Line(series.replace("{", f'{{le="{text}",', 1), COUNT, healthy, bad)


def decoys_of(selection: Selection) -> tuple[str, ...]:
    """Return series that a selection has to overlook: for each of its labels one, and idle ones."""
    found = []
    for number, matcher in enumerate(selection.matchers):
        others = selection.matchers[:number] + selection.matchers[number + 1 :]
        turned = Matcher(matcher.label, matcher.values, not matcher.negated)
        label = next(each for each in selection.signal.labels if each.name == matcher.label)
        values = [each for each in label.values if turned.admits(each)]
        told = [turned] if len(values) > _FEW else [Matcher(label.name, (v,)) for v in values]
        for each in told or [turned]:
            other = Selection(selection.signal, (*others, each), selection.at_most)
            found.append(series_of(other))
    source = 'source="journal"'
    own = series_of(selection)
    if source in own:
        found.append(own.replace(source, 'source="process"'))
    return tuple(found)


def series_of(selection: Selection, unlike: Selection | None = None) -> str:
    """Return a series that a selection takes, and another one does not."""
    labels = {label.name: _value(label, selection, unlike) for label in selection.signal.labels}
    bare = selector(Selection(selection.signal, (), selection.at_most))
    name, _, rest = bare.partition("{")
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    parts = [part for part in (rest.rstrip("}"), told) if part]
    return f"{name}{{{','.join(parts)}}}"


def _value(label: Label, selection: Selection, unlike: Selection | None) -> str:
    matchers = [each for each in selection.matchers if each.label == label.name]
    given = [value for each in matchers if not each.negated for value in each.values]
    candidates = [*given, *label.values, _SOME]
    taken = [each for each in candidates if all(m.admits(each) for m in matchers)]
    refused = [] if unlike is None else [m for m in unlike.matchers if m.label == label.name]
    apart = [each for each in taken if refused and not all(m.admits(each) for m in refused)]
    return (apart or taken)[0]
