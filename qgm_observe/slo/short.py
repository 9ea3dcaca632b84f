"""The short form of objectives: an indicator is a catalog signal with good and total.

```yaml
objectives:
  - name: training-success
    service: training
    brief: Training runs reach their planned end.
    unit: run
    good:  {signal: qgm.roots, match: {kind: training, outcome: success}}
    total: {signal: qgm.roots, match: {kind: training, outcome: [success, failure, timeout, lost]}}
    target: 95 %
    window: 28d
    events_per_day: 10
```

`!value` in `match` means any other. `at_most` takes a histogram's observations up to a bucket
bound, `factor` each count so many times. Instead of good and total: `bad` and total; `good_when`
(with `counted_when`, `excused_when`) for minutes; `spent` and `cap` for money.
"""

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from qgm_observe.documents import Document, Model
from qgm_observe.errors import UsageError
from qgm_observe.slo.indicator import (
    Comparison,
    Indicator,
    Level,
    Matcher,
    Op,
    Ratio,
    Selection,
    Slices,
    Spend,
    Unit,
    signal_named,
)
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import Window, calendar_start, seconds_of


class Selected(Model):
    """Some label sets of a signal, as written."""

    signal: str
    match: dict[str, str | tuple[str, ...]] | None = None
    at_most: float | None = None
    factor: float = 1.0


class Levelled(Selected):
    """A level, as written."""

    quantile: float | None = None
    over: str | None = None
    age: bool = False


class Compared(Model):
    """A comparison, as written."""

    value: Levelled
    op: Op
    than: float | Levelled
    on: tuple[str, ...] = ()


class Calendar(Model):
    """When windows of the calendar begin, as written."""

    start_time: str
    time_zone: str = "UTC"


class Short(Model):
    """An objective, as written."""

    name: str
    service: str
    brief: str
    metrics: tuple[str, ...] = ()
    unit: Unit
    good: Selected | tuple[Selected, ...] | None = None
    bad: Selected | tuple[Selected, ...] | None = None
    total: Selected | tuple[Selected, ...] | None = None
    good_when: Compared | None = None
    counted_when: Compared | None = None
    excused_when: Compared | None = None
    spent: Selected | tuple[Selected, ...] | None = None
    cap: float | None = None
    target: str | float | None = None
    window: str = "28d"
    calendar: Calendar | None = None
    method: str = "score"
    severity: str = "page"
    events_per_day: float | None = None
    design_effect: float = 1.0


class ShortFile(Model):
    """A file of objectives, as written."""

    objectives: list[Short]


def objectives_of(document: Document) -> list[Objective]:
    """Return the objectives of a document in the short form.

    Raises:
        UsageError: what is wrong in it, with file and line.
    """
    written = document.validated(ShortFile)
    made = []
    for number, each in enumerate(written.objectives):
        with document.at("objectives", number, "name"):
            made.append(_objective(document, ("objectives", number), each))
    return made


def _objective(document: Document, place: tuple[str | int, ...], short: Short) -> Objective:
    with document.at(*place, "target"):
        target = None if short.target is None else share_of(short.target)
    with document.at(*place, "window"):
        told = short.calendar
        starts = None if told is None else calendar_start(told.start_time, told.time_zone)
        window = Window(short.window, starts)
    return Objective(
        name=checked_name(short.name),
        service=short.service,
        brief=short.brief,
        metrics=short.metrics,
        indicator=_indicator(document, place, short),
        target=target,
        window=window,
        method=short.method,
        severity=short.severity,
        events_per_day=short.events_per_day,
        design_effect=short.design_effect,
    )


def checked_name(name: str) -> str:
    """Return a name that is a DNS label (RFC 1123), as OpenSLO asks.

    Raises:
        UsageError: it is none.
    """
    plain = name.replace("-", "")
    if len(name) > 63 or name[:1] == "-" or name[-1:] == "-" or not plain.isalnum():  # noqa: PLR2004  RFC 1123
        plain = ""
    if not (plain.isascii() and plain and plain == plain.lower()):
        raise UsageError(f"name {name!r}: write at most 63 of a-z, 0-9 and '-', no '-' at the ends")
    return name


def share_of(written: str | float) -> Decimal:
    """Return a share exactly as it is written: `0.95`, `95%`, `95 %`.

    Raises:
        UsageError: it is none.
    """
    text = str(written).strip()
    try:
        number = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        raise UsageError(f"target {written!r}: write 0.95 or 95 %") from None
    share = number / 100 if text.endswith("%") else number
    if not 0 < share < 1:
        raise UsageError(
            f"target {written}: 100 % leaves no budget and 0 % promises nothing; write 0.95 or 95 %"
        )
    return share


def _indicator(document: Document, place: tuple[str | int, ...], short: Short) -> Indicator:
    if short.good_when is not None:
        return Slices(
            _comparison(document, (*place, "good_when"), short.good_when),
            *(
                None if written is None else _comparison(document, (*place, name), written)
                for name, written in (
                    ("counted_when", short.counted_when),
                    ("excused_when", short.excused_when),
                )
            ),
        )
    if short.spent is not None:
        return Spend(selections(document, (*place, "spent"), short.spent), short.cap or 0.0)
    if short.total is None or (short.good is None) == (short.bad is None):
        raise UsageError("write total with either good or bad, or good_when, or spent and cap")
    total = selections(document, (*place, "total"), short.total)
    if short.good is not None:
        return Ratio(short.unit, selections(document, (*place, "good"), short.good), total)
    bad = selections(document, (*place, "bad"), short.bad)
    return Ratio(short.unit, without(total, bad), total)


def without(total: tuple[Selection, ...], bad: tuple[Selection, ...]) -> tuple[Selection, ...]:
    """Return what is good where bad is one selection of the total, narrowed by one label.

    Raises:
        UsageError: bad cannot be taken from total by a label.
    """
    if len(total) == len(bad) == 1 and total[0].signal is bad[0].signal:
        further = [each for each in bad[0].matchers if each not in total[0].matchers]
        if len(further) == 1 and bad[0].at_most is None and not further[0].negated:
            others = Matcher(further[0].label, further[0].values, negated=True)
            return (Selection(total[0].signal, (*total[0].matchers, others)),)
    raise UsageError("bad: write total's signal and match with one label more; or write good")


def _comparison(document: Document, place: tuple[str | int, ...], written: Compared) -> Comparison:
    right = written.than
    return Comparison(
        level(document, (*place, "value"), written.value),
        written.op,
        right if isinstance(right, float) else level(document, (*place, "than"), right),
        written.on,
    )


def level(document: Document, place: tuple[str | int, ...], written: Levelled) -> Level:
    """Return a written level; complaints name its line."""
    with document.at(*place):
        return Level(
            replace(selection(document, place, written), factor=1.0),
            written.quantile,
            None if written.over is None else seconds_of(written.over),
            written.age,
            written.factor,
        )


def selections(
    document: Document,
    place: tuple[str | int, ...],
    written: Selected | tuple[Selected, ...] | None,
) -> tuple[Selection, ...]:
    """Return what one or several written selections choose; complaints name their line."""
    if isinstance(written, tuple):
        return tuple(selection(document, (*place, n), each) for n, each in enumerate(written))
    return () if written is None else (selection(document, place, written),)


def selection(document: Document, place: tuple[str | int, ...], written: Selected) -> Selection:
    """Return a written selection; complaints name its line."""
    with document.at(*place, "signal"):
        signal = signal_named(written.signal)
    matchers = []
    for label, values in (written.match or {}).items():
        with document.at(*place, "match", label):
            matchers.append(_matcher(label, (values,) if isinstance(values, str) else values))
            Selection(signal, (matchers[-1],))
    with document.at(*place, "at_most"):
        chosen = Selection(signal, tuple(matchers), written.at_most)
    with document.at(*place, "factor"):
        return replace(chosen, factor=written.factor)


def _matcher(label: str, values: tuple[str, ...]) -> Matcher:
    negated = {value.startswith("!") for value in values}
    if len(negated) != 1:
        raise UsageError(f"label {label}: write one value or more, all with '!' or none")
    return Matcher(label, tuple(value.removeprefix("!") for value in values), negated.pop())
