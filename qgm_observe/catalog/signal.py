"""The form of a signal: one thing measured, declared once, referred to as a Python object."""

import enum
import re
from dataclasses import dataclass, field
from functools import cached_property

from qgm_observe.catalog.names import prometheus_name, unit_suffix
from qgm_observe.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


class Kind(enum.StrEnum):
    """How a signal behaves over time."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Stability(enum.StrEnum):
    """What a user may rely on: a stable signal changes only through the changelog."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"


@dataclass(frozen=True, slots=True)
class Label:
    """A dimension of a signal, always bounded.

    Attributes:
        name: Prometheus label name.
        brief: One sentence on what it tells.
        values: The closed set of values, or empty when the values come from the user.
        bound: The number of values kept apart before the surplus becomes `other`.
    """

    name: str
    brief: str
    values: tuple[str, ...] = ()
    bound: int = 0

    def __post_init__(self) -> None:
        """Refuse a label without a bound."""
        if not _LABEL.fullmatch(self.name):
            raise UsageError(f"label name {self.name!r}: write lower case words joined by '_'")
        if not self.brief.endswith("."):
            raise UsageError(f"label {self.name}: end the brief with a full stop")
        if bool(self.values) == bool(self.bound):
            raise UsageError(f"label {self.name}: give either its values or a bound")


@dataclass(frozen=True)
class Signal:
    """One thing measured.

    Attributes:
        name: Dotted, `qgm.` first.
        kind: Counter, gauge, histogram or info.
        unit: UCUM base unit, `1`, or an annotation such as `{job}`.
        brief: One sentence, ends with a full stop.
        labels: Dimensions, in exposition order.
        buckets: Upper bounds of a histogram, ascending, without infinity. A signal whose
            buckets depend on the stage carries the coarsest here; see `Stage.buckets`.
        stability: Whether a rename needs the changelog.
    """

    name: str
    kind: Kind
    unit: str
    brief: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = field(default=(), repr=False)
    stability: Stability = Stability.EXPERIMENTAL

    def __post_init__(self) -> None:
        """Refuse a signal that cannot be exposed."""
        if not (_NAME.fullmatch(self.name) and self.name.startswith("qgm.")):
            raise UsageError(f"signal name {self.name!r}: write qgm.noun.what in lower case")
        if not self.brief.endswith("."):
            raise UsageError(f"signal {self.name}: end the brief with a full stop")
        try:
            unit_suffix(self.unit)
        except KeyError:
            raise UsageError(f"signal {self.name}: unit {self.unit!r} is no base unit") from None
        if bool(self.buckets) != (self.kind is Kind.HISTOGRAM):
            raise UsageError(f"signal {self.name}: buckets go with histograms, and only with them")
        if list(self.buckets) != sorted(set(self.buckets)):
            raise UsageError(f"signal {self.name}: buckets have to ascend")
        if len(set(self.label_names)) != len(self.labels):
            raise UsageError(f"signal {self.name}: a label stands twice")

    @cached_property
    def prometheus(self) -> str:
        """The metric family name in Prometheus."""
        return prometheus_name(self.name, self.kind, self.unit)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """The label names in exposition order."""
        return tuple(label.name for label in self.labels)
