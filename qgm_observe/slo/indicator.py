"""What is judged: selections of catalog signals, put together to an indicator with a unit.

An indicator is a ratio of counts (also of a histogram's observations up to a bound), minutes in
which a comparison of levels holds, or money against a cap.
"""

import enum
import operator
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf

from qgm_observe.catalog import SIGNALS, STAGES, Kind, Signal
from qgm_observe.errors import UsageError


class Unit(enum.StrEnum):
    """What one of an indicator's counts is."""

    RUN = "run"
    REQUEST = "request"
    EVALUATION = "evaluation"
    ATTEMPT = "attempt"
    SHOT = "shot"
    MONEY = "money"
    MINUTE = "minute"


class Op(enum.StrEnum):
    """How two levels are compared (OpenSLO v1, "operator")."""

    LTE = "lte"
    LT = "lt"
    GTE = "gte"
    GT = "gt"

    @property
    def symbol(self) -> str:
        """As PromQL and people write it."""
        return {"lte": "<=", "lt": "<", "gte": ">=", "gt": ">"}[self.value]

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """Tells whether it holds of two numbers."""
        return {"lte": operator.le, "lt": operator.lt, "gte": operator.ge, "gt": operator.gt}[
            self.value
        ]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label.

    Attributes:
        label: Its name.
        values: Any of them.
        negated: None of them instead.
    """

    label: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def is_one(self) -> bool:
        """Whether just one value fits."""
        return len(self.values) == 1 and not self.negated

    def admits(self, value: str) -> bool:
        """Return whether a label value fits."""
        return (value in self.values) != self.negated


@dataclass(frozen=True, slots=True)
class Selection:
    """Some of a signal's label sets.

    Attributes:
        signal: Of the catalog.
        matchers: All of them have to fit.
        at_most: Of a histogram, the observations up to this bucket bound, in the signal's unit;
            without it all of them.
        factor: A count is taken so many times; of money, what a dollar has to buy.

    Raises:
        UsageError: no such label or value, no such bucket, or no factor above 0.
    """

    signal: Signal
    matchers: tuple[Matcher, ...] = ()
    at_most: float | None = None
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what can never be found."""
        if not 0 < self.factor < inf:
            raise UsageError(f"factor {self.factor:g}: write a number above 0")
        for matcher in self.matchers:
            self._check(matcher)
        if self.at_most is None:
            return
        if self.signal.kind is not Kind.HISTOGRAM:
            raise UsageError(f"{self.signal.name} is no histogram: remove at_most")
        if self.at_most not in self.bounds:
            raise UsageError(
                f"{self.signal.name} has no bucket bound {self.at_most:g}: write {self._nearest()}"
            )

    @property
    def bounds(self) -> tuple[float, ...]:
        """Bucket bounds of a histogram, those of the stage that is matched."""
        stages = self._admitted("stage") or ()
        if len(stages) == 1 and stages[0] in STAGES:
            return STAGES[stages[0]].buckets
        return self.signal.buckets

    def admits(self, labels: Sequence[str]) -> bool:
        """Return whether label values, in the order of the signal's labels, are selected."""
        told = dict(zip(self.signal.label_names, labels, strict=True))
        return all(matcher.admits(told[matcher.label]) for matcher in self.matchers)

    def holds(self, value: float) -> bool:
        """Return whether an observation is within the bound."""
        return self.at_most is None or value <= self.at_most

    def _admitted(self, label: str) -> tuple[str, ...] | None:
        found = [each for each in self.matchers if each.label == label and not each.negated]
        return found[0].values if found else None

    def _check(self, matcher: Matcher) -> None:
        labels = {label.name: label for label in self.signal.labels}
        if matcher.label not in labels:
            raise UsageError(
                f"{self.signal.name} has no label {matcher.label!r}: "
                f"write one of {', '.join(labels) or 'none'}"
            )
        closed = labels[matcher.label].values
        for value in matcher.values:
            if closed and value not in closed:
                raise UsageError(
                    f"label {matcher.label} is never {value!r}: write one of {', '.join(closed)}"
                )

    def _nearest(self) -> str:
        wanted = self.at_most or 0.0
        place = bisect(self.bounds, wanted)
        return " or ".join(f"{bound:.6g}" for bound in self.bounds[max(0, place - 1) : place + 1])


def signal_named(name: str) -> Signal:
    """Return a signal of the catalog.

    Raises:
        UsageError: there is none of this name.
    """
    try:
        return SIGNALS[name]
    except KeyError:
        raise UsageError(
            f"no signal {name!r}: write a name that 'qgm-observe catalog' prints{_alike(name)}"
        ) from None


def _alike(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, SIGNALS, 1)
    return f", such as {close[0]}" if close else ""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Good ones of all that count.

    Attributes:
        unit: Of one count.
        good: Counters or histograms, added up.
        total: Likewise; everything good is in it.
    """

    unit: Unit
    good: tuple[Selection, ...]
    total: tuple[Selection, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if not (self.good and self.total):
            raise UsageError("a ratio needs good and total")
        if self.good == self.total:
            raise UsageError("good and total are the same: nothing could ever be bad")
        for each in (*self.good, *self.total):
            if each.signal.kind not in {Kind.COUNTER, Kind.HISTOGRAM}:
                raise UsageError(
                    f"{each.signal.name} is no counter: compare it by the minute, with good_when"
                )


@dataclass(frozen=True, slots=True)
class Level:
    """A number at an instant.

    Attributes:
        selection: A gauge, or a histogram of which a quantile is taken; of several label sets the
            worst for the comparison counts.
        quantile: Of a histogram, in (0, 1).
        over: Seconds of observations the quantile is taken over.
        age: Of a gauge that tells an instant: the time since, seconds.
        factor: It is multiplied by this.
    """

    selection: Selection
    quantile: float | None = None
    over: float | None = None
    age: bool = False
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no level."""
        name, kind = self.selection.signal.name, self.selection.signal.kind
        if kind not in {Kind.GAUGE, Kind.HISTOGRAM}:
            raise UsageError(f"{name} is a {kind} and has no level: write good and total")
        if (kind is Kind.HISTOGRAM) != (self.quantile is not None and self.over is not None):
            raise UsageError(f"{name}: a histogram needs quantile and over, a gauge neither")
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise UsageError(f"quantile {self.quantile:g}: write a number between 0 and 1")
        if self.age and not name.endswith(".timestamp"):
            raise UsageError(f"{name} tells no instant: remove age")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A level against a number or another level.

    Attributes:
        left: What is judged.
        op: How.
        right: What against.
        on: The labels by which the two sides belong together; all they share where empty.
    """

    left: Level
    op: Op
    right: Level | float
    on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slices:
    """Good minutes of those that count.

    Attributes:
        good: Holds in a good minute; in a bad one it has a level for which it does not.
        counted: Holds in a minute that counts; where `None` those count in which `good` has a
            level. Where `good` compares two levels, and no quantiles, only what has the second one
            counts: without a baseline nothing is better than it.
        excused: Where it holds the minute is good after all.
    """

    good: Comparison
    counted: Comparison | None = None
    excused: Comparison | None = None

    @property
    def unit(self) -> Unit:
        """Of one count."""
        return Unit.MINUTE

    @property
    def against(self) -> tuple[Level, tuple[str, ...]] | None:
        """The level without which nothing counts, and the labels by which it belongs to it."""
        right = self.good.right
        if self.counted is None or not isinstance(right, Level) or right.quantile is not None:
            return None
        counted, other = self.counted.left.selection, right.selection
        alike = {each.label for each in {*counted.matchers} & {*other.matchers} if each.is_one}
        shared = (n for n in other.signal.label_names if n in counted.signal.label_names)
        return replace(right, factor=1.0), tuple(n for n in shared if n not in alike)


@dataclass(frozen=True, slots=True)
class Spend:
    """Money against a cap in a window.

    Attributes:
        spent: Counters in one currency, added up.
        cap: What may be spent in the objective's window, in that currency.
    """

    spent: tuple[Selection, ...]
    cap: float

    def __post_init__(self) -> None:
        """Refuse what is no money."""
        if not self.cap > 0:
            raise UsageError(f"cap {self.cap:g}: write an amount above 0")
        for each in self.spent:
            if each.signal.unit != "USD" or each.signal.kind is not Kind.COUNTER:
                raise UsageError(f"{each.signal.name} counts no money: write a counter in USD")

    @property
    def unit(self) -> Unit:
        """Of one count."""
        return Unit.MONEY


Indicator = Ratio | Slices | Spend
