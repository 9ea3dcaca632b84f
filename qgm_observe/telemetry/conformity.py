"""Does an exposition say what the catalog says? In both directions, and without duplicates.

`promtool check metrics` lints names but accepts a series that stands twice; Prometheus then drops
the whole scrape or one of the two.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf, isnan
from typing import NamedTuple

from qgm_observe.catalog import SIGNALS, Kind, Signal
from qgm_observe.journal.totals import bounds_of
from qgm_observe.telemetry.label_values import OTHER
from qgm_observe.telemetry.prometheus import prometheus_type

PREFIX = "qgm_"
SOURCE = "source"
_PARTS = ("_bucket", "_sum", "_count")
_BY_NAME = {signal.prometheus: signal for signal in SIGNALS.values()}
Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One line of an exposition."""

    name: str
    labels: dict[str, str]
    value: float


class Finding(NamedTuple):
    """Something that is wrong, or in notes only worth knowing."""

    kind: str
    family: str
    message: str


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        findings: What has to be put right.
        notes: What may well be so.
        families: Families of ours that were there.
        series: Samples of ours that were there.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    families: int = 0
    series: int = 0


def examine(types: Iterable[tuple[str, str]], samples: Iterable[Sample]) -> Report:
    """Compare an exposition with the catalog.

    Args:
        types: Name and type of each TYPE line, as they stand.
        samples: Every sample, as it stands.
    """
    declared = list(types)
    everything = list(samples)
    report = Report()
    report.findings += _repeated(declared, everything)
    known = dict(declared)
    by_family = _by_family(everything, known)
    for name in sorted({name for name in (*known, *by_family) if name.startswith(PREFIX)}):
        lines = by_family.get(name, [])
        report.families += 1
        report.series += len(lines)
        report.findings += _family(name, known.get(name), lines)
    for signal in SIGNALS.values():
        if signal.prometheus not in by_family:
            _absent(report, signal)
    return report


def _repeated(declared: list[tuple[str, str]], samples: list[Sample]) -> Iterator[Finding]:
    for name, times in Counter(name for name, _ in declared).items():
        if times > 1:
            yield Finding("duplicate family", name, f"is declared {times} times")
    series = Counter((sample.name, _key(sample.labels)) for sample in samples)
    for (name, labels), times in series.items():
        if times > 1:
            yield Finding("duplicate series", name, f"{{{_text(labels)}}} stands {times} times")


def _by_family(samples: list[Sample], types: dict[str, str]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        owners = (sample.name.removesuffix(part) for part in _PARTS if sample.name.endswith(part))
        owner = next((each for each in owners if types.get(each) == "histogram"), sample.name)
        found[owner].append(sample)
    return found


def _absent(report: Report, signal: Signal) -> None:
    """Health counters without labels and the version are always there; the rest needs data."""
    own = signal.name.startswith("qgm.observe.") and signal.kind in (Kind.COUNTER, Kind.INFO)
    if own and (not signal.labels or signal.kind is Kind.INFO):
        report.findings.append(Finding("absent", signal.prometheus, "has to be there at all times"))
    else:
        report.notes.append(Finding("absent", signal.prometheus, "has had no data yet"))


def _family(name: str, told: str | None, samples: list[Sample]) -> Iterator[Finding]:
    signal = _BY_NAME.get(name)
    if signal is None:
        yield Finding("unknown", name, "is not in the catalog")
        return
    if told != prometheus_type(signal):
        kind = told or "untyped"
        yield Finding("wrong type", name, f"is {kind}, the catalog says {prometheus_type(signal)}")
        return
    yield from _labels(signal, samples)
    yield from _values(signal, samples)
    if signal.kind is Kind.HISTOGRAM:
        yield from _histograms(signal, samples)


def _labels(signal: Signal, samples: list[Sample]) -> Iterator[Finding]:
    expected = {*signal.label_names, SOURCE}
    closed = {label.name: {*label.values, "", OTHER} for label in signal.labels if label.values}
    messages: dict[str, None] = {}
    for sample in samples:
        names = sample.labels.keys() - ({"le"} if sample.name.endswith("_bucket") else set())
        if extra := sorted(names - expected):
            messages[f"has labels the catalog does not know: {', '.join(extra)}"] = None
        if missing := sorted(expected - names):
            messages[f"lacks labels: {', '.join(missing)}"] = None
        for label, values in closed.items():
            value = sample.labels.get(label, "")
            if value not in values:
                messages[f"has {label}={value!r}, which is none of its values"] = None
    for message in messages:
        yield Finding("wrong labels", signal.prometheus, message)


def _values(signal: Signal, samples: list[Sample]) -> Iterator[Finding]:
    falls = signal.kind in (Kind.COUNTER, Kind.HISTOGRAM)
    for sample in samples:
        if isnan(sample.value) or (falls and sample.value < 0):
            where = _text(_key(sample.labels))
            yield Finding("bad value", sample.name, f"{{{where}}} is {sample.value}")


def _histograms(signal: Signal, samples: list[Sample]) -> Iterator[Finding]:
    buckets: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    others: dict[Labels, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        labels = _key(sample.labels)
        if sample.name.endswith("_bucket"):
            bound = _number(sample.labels.get("le", ""))
            buckets[tuple(p for p in labels if p[0] != "le")].append((bound, sample.value))
        else:
            others[labels][sample.name.removeprefix(signal.prometheus)] = sample.value
    for labels in sorted(buckets.keys() | others.keys()):
        for message in _histogram(signal, labels, sorted(buckets[labels]), others[labels]):
            yield Finding("bad histogram", signal.prometheus, f"{{{_text(labels)}}} {message}")


def _histogram(
    signal: Signal, labels: Labels, buckets: list[tuple[float, float]], others: dict[str, float]
) -> Iterator[str]:
    told = dict(labels)
    values = tuple(told.get(name, "") for name in signal.label_names)
    if tuple(bound for bound, _ in buckets) != (*bounds_of(signal, values), inf):
        yield "has other buckets than the catalog"
    counts = [count for _, count in buckets]
    if counts != sorted(counts):
        yield "has buckets that fall"
    if not {"_sum", "_count"} <= others.keys():
        yield "lacks its sum or count"
    elif counts and counts[-1] != others["_count"]:
        yield f"counts {others['_count']}, its buckets {counts[-1]}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -inf


def _key(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _text(labels: Labels) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels)
