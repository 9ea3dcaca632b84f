"""Families as Prometheus text, built only where something changed.

Format: text exposition 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), bounds
written as floats (`le="1.0"`) as OpenMetrics and Prometheus 3 do. HELP begins with the stability in
brackets, as kube-state-metrics has it. The text is kept in blocks of some 60 kB, each compressed on
its own, so that one changed number costs one block.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import inf

from qgm_observe.catalog import Kind, Signal
from qgm_observe.telemetry.gzip_stream import Part, gzipped, part
from qgm_observe.telemetry.series import Family, Series

BLOCK_LINES = 256
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one scrape gets; never changed, only replaced.

    Attributes:
        text: UTF-8.
        gzip: The same, compressed.
    """

    text: bytes
    gzip: bytes


@dataclass(frozen=True, eq=False, slots=True)
class Form:
    """A text format; samples are written alike in all of them.

    Attributes:
        content_type: Media type of the text.
        head: Gives the lines that stand above the samples of a signal.
        exemplars: Gives what is appended to each bucket of a histogram.
        end: Stands below all families.
    """

    content_type: str
    head: Callable[[Signal], str]
    exemplars: Callable[[Family, Series], Sequence[str]]
    end: bytes = b""


class Renderer:
    """Turns families into an exposition and remembers every part that did not change.

    Args:
        source: Value of the constant label `source`.
        form: The text format, Prometheus' classic one unless told otherwise.
    """

    def __init__(self, source: str, form: Form | None = None) -> None:
        self._source = source
        self._form = form or CLASSIC
        self._texts: dict[str, _FamilyText] = {}
        self._end = part(self._form.end)
        self._exposition = Exposition(self._end.text, gzipped([self._end]))

    def render(self, families: Iterable[Family]) -> Exposition:
        """Return the present exposition, the very same object if nothing has changed.

        Args:
            families: Always the same ones, in the order in which they are shown.
        """
        changed = [self._text(family).refresh(family) for family in families]
        if any(changed):
            parts = [each for text in self._texts.values() for each in text.parts]
            parts.append(self._end)
            self._exposition = Exposition(b"".join([each.text for each in parts]), gzipped(parts))
        return self._exposition

    def _text(self, family: Family) -> "_FamilyText":
        text = self._texts.get(family.signal.name)
        if text is None:
            text = _FamilyText(family.signal, self._source, self._form)
            self._texts[family.signal.name] = text
        return text


class _FamilyText:
    """The blocks of one family."""

    def __init__(self, signal: Signal, source: str, form: Form) -> None:
        self.parts: list[Part] = []
        self._signal = signal
        self._source = source
        self._form = form
        self._version = 0
        self._blocks: list[tuple[int, list[Series]]] = []
        lines = len(signal.buckets) + 3 if signal.buckets else 1
        self._size = max(1, BLOCK_LINES // lines)

    def refresh(self, family: Family) -> bool:
        """Build again what is out of date; return whether anything was."""
        if family.version == self._version:
            return False
        self._version = family.version
        series = list(family.series.values())
        groups = [series[at : at + self._size] for at in range(0, len(series), self._size)]
        blocks = [(max(each.version for each in group), group) for group in groups]
        self.parts = [
            self.parts[place]
            if self._is_fresh(place, block)
            else self._part(family, place, block[1])
            for place, block in enumerate(blocks)
        ]
        self._blocks = blocks
        return True

    def _is_fresh(self, place: int, block: tuple[int, list[Series]]) -> bool:
        return place < len(self._blocks) and self._blocks[place] == block

    def _part(self, family: Family, place: int, series: list[Series]) -> Part:
        lines = [self._lines(family, each) for each in series]
        opening = self._form.head(self._signal) if place == 0 else ""
        return part((opening + "".join(lines)).encode())

    def _lines(self, family: Family, series: Series) -> str:
        name = self._signal.prometheus
        labels = series.text or self._labels(series)
        if series.histogram is None:
            return f"{name}{{{labels}}} {number_text(family.shown(series))}\n"
        shown = family.shown_histogram(series)
        opening = f'{name}_bucket{{{labels},le="'
        lines = [
            f"{opening}{bound}{count}{exemplar}\n"
            for bound, count, exemplar in zip(
                _bounds(shown.bounds),
                accumulate(shown.counts),
                self._form.exemplars(family, series),
                strict=True,
            )
        ]
        lines.append(f"{name}_sum{{{labels}}} {number_text(shown.sum)}\n")
        lines.append(f"{name}_count{{{labels}}} {shown.count}\n")
        return "".join(lines)

    def _labels(self, series: Series) -> str:
        names, values = (*self._signal.label_names, "source"), (*series.labels, self._source)
        series.text = label_text(names, values)
        return series.text


def head(signal: Signal) -> str:
    """Return the HELP and TYPE lines of a signal."""
    name, brief = signal.prometheus, documentation(signal).translate(_HELP_ESCAPES)
    return f"# HELP {name} {brief}\n# TYPE {name} {prometheus_type(signal)}\n"


def documentation(signal: Signal) -> str:
    """Return the text of HELP: the stability in brackets, then the brief."""
    return f"[{signal.stability.upper()}] {signal.brief}"


def prometheus_type(signal: Signal) -> str:
    """Return the type in format 0.0.4, which knows no info: that is a gauge of 1."""
    return "gauge" if signal.kind is Kind.INFO else str(signal.kind)


def label_text(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Return the inside of a label set's braces, values escaped."""
    pairs = zip(names, values, strict=True)
    return ",".join([f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs])


def number_text(value: float) -> str:
    """Return a number as it is written, whole ones without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


@cache
def _bounds(bounds: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f'{"+Inf" if bound == inf else bound}"}} ' for bound in (*bounds, inf))


def _no_exemplars(_: Family, series: Series) -> Sequence[str]:
    return _nothing(len(series.newest))


@cache
def _nothing(buckets: int) -> tuple[str, ...]:
    return ("",) * buckets


CLASSIC = Form("text/plain; version=0.0.4; charset=utf-8", head, _no_exemplars)
"""Text exposition 0.0.4, which every scraper understands."""
