"""Selections and counts in PromQL; whoever renders rules or asks a Prometheus takes them here.

Counters that are folded from a journal survive restarts, so a window is an exact difference:
`x - x offset w`, not `increase()`, which extrapolates. `max by` drops what tells replicas of an
exporter apart before the difference is taken, so that a restarted pod counts nothing twice.

Where a window begins before its counters were seen, it counts from their first sample within it.
Of a new label set that is 0, as exporters publish it; of one that was away, nobody knows when what
it brings along happened, so that does not count. To read a whole window for one sample is dear:
rules record first samples as they come, and there are few of them.
"""

from collections.abc import Iterable

from qgm_observe.catalog import Kind
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Comparison, Level, Selection, Slices
from qgm_observe.slo.window import shorthand

SOURCE = 'source="journal"'
NEWEST, GAP, FRESH = "1h", "6h", "5m"
"""How old a sample may be that counts as the newest; as the one at the window's begin; as first."""

FIRST = "qgm:slo_first"
"""Begin of the names of what rules record of first samples; the counter's own name follows."""

_SIDECARS = ("account", "device", "edge", "exporter", "price", "provider", "qubit")
"""What only sidecars tell; they carry no source."""


def selector(selection: Selection) -> str:
    """Return a selection as an instant vector selector; of a histogram its bucket or count."""
    signal = selection.signal
    name = signal.prometheus
    conditions = [] if signal.name.split(".")[1] in _SIDECARS else [SOURCE]
    for matcher in selection.matchers:
        several = len(matcher.values) > 1
        operator = {(0, 0): "=", (1, 0): "=~", (0, 1): "!=", (1, 1): "!~"}[several, matcher.negated]
        text = "|".join(_escaped(value, several) for value in matcher.values)
        conditions.append(f'{matcher.label}{operator}"{text}"')
    if signal.kind is Kind.HISTOGRAM:
        name += "_count" if selection.at_most is None else "_bucket"
        if selection.at_most is not None:
            conditions.append(f'le="{selection.at_most}"')
    return f"{name}{{{','.join(conditions)}}}" if conditions else name


def count(
    selections: Iterable[Selection], window: float, by: Iterable[str] = (), slo: str = ""
) -> str:
    """Return how much selections counted in a window (s), exactly; 0 where nothing was.

    Args:
        selections: Counters or histograms, added up.
        window: Seconds, whole minutes.
        by: Labels to keep.
        slo: The objective whose rules record first samples, if there is one.
    """
    kept = f" by ({', '.join(by)})" if by else ""
    parts = [f"sum{kept} ({_rise(each, window, slo)})" for each in selections]
    return " + ".join(parts)


def _rise(selection: Selection, window: float, slo: str) -> str:
    apart = f"by ({', '.join(selection.signal.label_names)})"
    first = recorded(_first_name(selection), slo) if slo else ""
    rise = difference(selector(selection), apart, shorthand(window), first)
    return rise if selection.factor == 1 else f"{plain(selection.factor)} * {rise}"


def difference(chosen: str, grouping: str, window: str, first: str = "") -> str:
    """Return what counters rose by in a window, exactly, each label set by itself.

    Args:
        chosen: An instant vector selector of counters.
        grouping: `by (...)` or `without (...)`, which leaves replicas of an exporter one.
        window: As PromQL writes a duration; a macro of Grafana's will do.
        first: An instant vector selector of their recorded first samples.
    """
    newest = f"max {grouping} (last_over_time({chosen}[{NEWEST}]))"
    before = f"max {grouping} (last_over_time({chosen}[{GAP}] offset {window}))"
    if first:
        before += f" or min {grouping} (min_over_time({first}[{window}]))"
    return f"clamp_min({newest} - ({before} or {newest} * 0), 0)"


def firsts(selections: Iterable[Selection]) -> dict[str, str]:
    """Return what has to be recorded each evaluation, by name: first samples of counters.

    A sample is a first one when the hour before told none. One more than needed does no harm: in
    a window the least one counts.
    """
    found: dict[str, list[str]] = {}
    for each in selections:
        chosen = selector(each)
        before = f"present_over_time({chosen}[{NEWEST}] offset {FRESH})"
        text = f"min_over_time({chosen}[{FRESH}]) unless {before}"
        found.setdefault(_first_name(each), []).append(text)
    return {name: " or ".join(dict.fromkeys(texts)) for name, texts in found.items()}


def _first_name(selection: Selection) -> str:
    return f"{FIRST}:{selector(selection).partition('{')[0]}"


COUNTED, GOOD = "qgm:slo_slice:counted", "qgm:slo_slice:good"
"""Series of 1 and 0 that rules record each minute for an objective of minutes."""


def recorded(record: str, slo: str) -> str:
    """Return the selector of what is recorded for an objective."""
    return f'{record}{{slo="{slo}"}}'


def minutes(slices: Slices, window: float, *, good: bool) -> str:
    """Return how many minutes of a window (s) counted, or of those were good."""
    return f"sum_over_time(({minute(slices, good=good)})[{shorthand(window)}:1m])"


def minute(slices: Slices, *, good: bool, counted: str = "") -> str:
    """Return 1 at an instant that counts, or where it is good; 0 where it counts and is bad.

    Args:
        slices: What is judged.
        good: Whether to tell what is good.
        counted: What is recorded where it counts, to be asked for in its place.
    """
    return _good(slices, counted or _counted(slices)) if good else _counted(slices)


def bad_minutes(slices: Slices, window: float, by: Iterable[str]) -> str:
    """Return in how many minutes of a window (s) what has each label was bad, all label sets added.

    Args:
        slices: What is judged.
        window: Seconds.
        by: Labels of what is judged.
    """
    good = slices.good
    apart = good.on or good.left.selection.signal.label_names
    bad = f"group by ({', '.join(apart)}) ({violated(good)})"
    if slices.excused is not None:
        bad = f"{bad} unless on () max({compared(slices.excused)})"
    if slices.counted is not None:
        bad = f"{bad} and on () {_counted(slices)}"
    return f"sum_over_time((count by ({', '.join(by)}) ({bad}))[{shorthand(window)}:1m])"


def _counted(slices: Slices) -> str:
    """1 in a minute that counts, else nothing."""
    left = slices.good.left
    if slices.counted is None and left.over is not None:
        return f"group(rate({selector(left.selection)}[{shorthand(left.over)}]) > 0)"
    if slices.counted is None:
        return f"group({selector(left.selection)})"
    told = compared(slices.counted)
    if slices.against is not None:
        level, labels = slices.against
        told = f"{told} and on ({', '.join(labels)}) {_level(level)}"
    return f"group({told})"


def _good(slices: Slices, counted: str) -> str:
    """1 in a good minute that counts, 0 in a bad one."""
    bad = violated(slices.good)
    if slices.excused is not None:
        bad = f"{bad} unless on () ({compared(slices.excused)})"
    return f"({counted} unless on () ({bad})) or {counted} * 0"


def compared(comparison: Comparison) -> str:
    """Return the levels for which a comparison holds."""
    return _compared(comparison, comparison.op.symbol)


def violated(comparison: Comparison) -> str:
    """Return the levels for which a comparison does not hold."""
    opposite = {"<=": ">", "<": ">=", ">=": "<", ">": "<="}[comparison.op.symbol]
    return _compared(comparison, opposite)


def _compared(comparison: Comparison, operator: str) -> str:
    left, right = comparison.left, comparison.right
    if isinstance(right, float | int):
        return f"{_level(left)} {operator} {plain(right)}"
    if not comparison.on:
        return f"{_level(left)} {operator} {_level(right)}"
    labels = ", ".join(comparison.on)
    return (
        f"max by ({labels}) ({_level(left)}) {operator} on ({labels}) "
        f"max by ({labels}) ({_level(right)})"
    )


def _level(level: Level) -> str:
    if level.quantile is not None and level.over is not None:
        text = _quantile(level.selection, level.quantile, level.over)
    else:
        text = selector(level.selection)
    if level.age:
        text = f"(time() - {text})"
    return text if level.factor == 1 else f"({plain(level.factor)} * {text})"


def _quantile(selection: Selection, share: float, over: float) -> str:
    kept = [name for name in selection.signal.label_names if name not in TOGETHER]
    chosen = selector(selection).replace("_count{", "_bucket{", 1)
    labels = ", ".join(["le", *kept])
    rate = f"sum by ({labels}) (rate({chosen}[{shorthand(over)}]))"
    return f"(histogram_quantile({plain(share)}, {rate}) >= -Inf)"


TOGETHER = {"shot_class", "region", "execution_mode", "model_version"}
"""Labels over which a quantile is taken together: apart they would hold too few."""


def _escaped(value: str, is_pattern: bool) -> str:
    if is_pattern:
        for special in r"\.+*?()[]{}|^$":
            value = value.replace(special, f"\\{special}")
    return value.replace("\\", "\\\\").replace('"', '\\"')
