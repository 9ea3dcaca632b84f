"""What a preview shows of answers: colors, texts, units, and drawings of each kind."""

import re
from typing import Any

import pytest

from qgm_observe.dashboards.preview import figures
from qgm_observe.dashboards.preview.asking import Answer, Asker, Frame, Line, frame_of
from qgm_observe.dashboards.preview.fields import Field, field_of, threshold_color
from qgm_observe.dashboards.preview.figures import markdown, shown, stat, table
from qgm_observe.dashboards.preview.grids import heatmap, states
from qgm_observe.dashboards.preview.svg import COLORS
from qgm_observe.dashboards.preview.timeseries import timeseries
from qgm_observe.dashboards.preview.units import reading, tick
from qgm_observe.errors import UsageError

NAN, INF = float("nan"), float("inf")
STEPS = [
    {"value": None, "color": "red"},
    {"value": 0.97, "color": "orange"},
    {"value": 0.995, "color": "green"},
]
FRAME = Frame(0.0, 600.0, 60.0)


def line(name: str, *values: float, start: float = 0.0, **labels: str) -> Line:
    """A series with a point a minute."""
    points = tuple((start + 60.0 * number, value) for number, value in enumerate(values))
    return Line(name, labels, points)


def answer(*lines: Line, ref: str = "A") -> Answer:
    """An answer with these series."""
    return Answer(ref, "up", lines, "", FRAME)


def panel(kind: str, *overrides: Any, **defaults: Any) -> dict[str, Any]:
    """A panel with these defaults and overrides."""
    told = {"defaults": {"custom": {}, **defaults}, "overrides": list(overrides)}
    return {"type": kind, "title": "A panel", "fieldConfig": told}


def override(ref: str, **properties: Any) -> dict[str, Any]:
    """An override of one query."""
    told = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": told}


@pytest.mark.parametrize(
    ("value", "color"),
    [(0.5, "red"), (0.9699, "red"), (0.97, "orange"), (0.9949, "orange"), (0.995, "green")],
)
def test_the_last_step_that_is_not_above_holds(value: float, color: str) -> None:
    """Grafana's rule: the base without a value holds below all others, a limit belongs above."""
    assert threshold_color(STEPS, value) == color


def test_a_mapping_goes_before_thresholds() -> None:
    """Text and color of a mapped value are the mapping's; others have the number and its step."""
    mappings = [{"type": "value", "options": {"1": {"text": "up", "color": "blue", "index": 0}}}]
    field = Field("x", {"mappings": mappings, "thresholds": {"steps": STEPS}})

    assert (field.text(1.0), field.color(1.0)) == ("up", "blue")
    assert (field.text(0.5), field.color(0.5)) == ("0.500", "red")


def test_nothing_known_has_no_color() -> None:
    """NaN and no value are written as the board says and are never green."""
    result = {"text": "insufficient data", "color": "text", "index": 0}
    mapping = {"type": "special", "options": {"match": "null+nan", "result": result}}
    mapped = Field("x", {"mappings": [mapping], "thresholds": {"steps": STEPS}})
    bare = Field("x", {"noValue": "none", "thresholds": {"steps": STEPS}})

    assert [(mapped.text(v), mapped.color(v)) for v in (None, NAN)] == [
        ("insufficient data", "text")
    ] * 2
    assert [(bare.text(v), bare.color(v)) for v in (None, NAN)] == [("none", "text")] * 2


def test_overrides_change_the_series_they_match() -> None:
    """An override by query letter sets nested keys for its series alone."""
    told = panel("stat", override("B", unit="s", custom__axisPlacement="right"), unit="percentunit")

    a, b = (field_of(told, ref, line("x", 1.0)) for ref in "AB")

    assert (a.unit, a.custom) == ("percentunit", {})
    assert (b.unit, b.custom) == ("s", {"axisPlacement": "right"})


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9654, "percentunit", "96.5 %"),
        (90.0, "s", "1.50 min"),
        (4e-5, "s", "40 µs"),
        (259200.0, "dtdurations", "3 d"),
        (1234567.0, "short", "1.23 Mil"),
        (0.0, "s", "0 s"),
        (1610612736.0, "bytes", "1.50 GiB"),
        (12.5, "currencyUSD", "$12.5"),
        (3.0, "ops", "3 ops/s"),
        (3.0, "furlongs", "3 furlongs"),
        (INF, "s", "∞"),
        (-0.25, "percentunit", "-25 %"),
    ],
)
def test_numbers_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    """Each of Grafana's units that boards use is written as people read it."""
    assert reading(value, unit) == text


def test_numbers_at_axes_are_short() -> None:
    """A round number has no zeros behind."""
    assert [tick(v, u) for v, u in ((0.25, "percentunit"), (7.5, "none"), (1e3, "short"))] == [
        "25 %",
        "7.5",
        "1 K",
    ]


def test_the_time_shown_is_on_whole_steps() -> None:
    """Six hours end on the last whole step, which is no shorter than a query's own interval."""
    board = {"time": {"from": "now-6h"}}

    assert frame_of(board, 100_030.0) == Frame(99_960.0 - 21_600, 99_960.0, 120.0)
    assert frame_of(board, 100_030.0, least=300.0).step == 300.0


@pytest.mark.parametrize("text", ["6", "h", "now", "6y", ""])
def test_an_unknown_duration_is_refused(text: str) -> None:
    """The one line says what to write."""
    with pytest.raises(UsageError, match="write a duration such as 6h or 30d"):
        frame_of({"time": {"from": text}}, 0.0)


class Answers:
    """Stands for a Prometheus and writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def vector(self, query: str, now: float) -> list[tuple[dict[str, str], float]]:
        self.asked.append(query)
        return [({"slo": "b"}, 1.0), ({"slo": "a"}, 1.0)]

    def matrix(self, query: str, start: float, end: float, step: float) -> list[Any]:
        self.asked.append(query)
        return []


def test_variables_and_macros_are_filled_in() -> None:
    """Several choices stand for all, a single one for its first value; macros for the time."""
    variables = [
        {"name": "device", "type": "query", "includeAll": True, "allValue": ".+", "query": "-"},
        {"name": "slo", "type": "query", "query": 'label_values(x{job="$job"}, slo)'},
        {"name": "job", "type": "custom", "current": {"value": "train"}},
    ]
    variables = [variables[2], *variables[:2]]
    board = {"time": {"from": "now-6h"}, "templating": {"list": variables}}
    server: Any = Answers()
    asker = Asker(board, server, 100_000.0)

    told = asker.filled('x{device=~"$device",slo="${slo}"}[$__range] $__interval $__rate_interval')

    assert server.asked == ['group by (slo) (last_over_time(x{job="train"}[21600s]))']
    assert told == 'x{device=~".+",slo="a"}[21600s] 120s 135s'


def test_a_gap_is_not_drawn_over() -> None:
    """A line breaks where a point is missing or is no number."""
    made = timeseries(panel("timeseries"), [answer(line("a", 1.0, 2.0, NAN, 3.0, 4.0))], 400, 200)
    gap = Line("a", {}, ((0.0, 1.0), (60.0, 1.0), (300.0, 1.0), (360.0, 1.0)))

    assert made.count("<polyline") == 2
    assert timeseries(panel("timeseries"), [answer(gap)], 400, 200).count("<polyline") == 2


def test_stacked_bars_stand_on_one_another() -> None:
    """The second bar of an instant begins where the first ends."""
    told = panel("timeseries", custom={"drawStyle": "bars", "stacking": {"mode": "normal"}})

    made = timeseries(told, [answer(line("a", 0.0, 1.0), line("b", 0.0, 3.0))], 400, 230)

    first, second = (
        (float(y), float(height))
        for y, height in re.findall(
            r'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', made
        )
    )
    assert second[0] + second[1] == pytest.approx(first[0], abs=0.2)
    assert second[1] == pytest.approx(3 * first[1], abs=0.3)


def test_cumulative_buckets_are_told_apart() -> None:
    """A cell counts what fell into its bucket alone."""
    buckets = [line(le, count, le=le) for le, count in (("1", 2.0), ("5", 2.0), ("+Inf", 9.0))]
    told = panel("heatmap") | {"options": {"yAxis": {"unit": "s"}}}

    made = heatmap(told, [answer(*buckets)], 400, 200)

    assert re.findall(r"<title>(.*?)</title>", made) == ["≤ 1 s: 2", "≤ ∞: 7"]


def test_states_say_their_text() -> None:
    """Neighbors of one state are one cell that bears its text."""
    mappings = [
        {"type": "value", "options": {"1": {"text": "online", "color": "green", "index": 0}}},
        {"type": "value", "options": {"2": {"text": "offline", "color": "red", "index": 1}}},
    ]
    told = panel("state-timeline", mappings=mappings)

    made = states(told, [answer(line("ibm_fez", 1.0, 1.0, 2.0, 2.0, 2.0))], 900, 100)

    assert re.findall(r'fill="(#\w+)"><title>(\w+)</title>', made) == [
        (COLORS["green"], "online"),
        (COLORS["red"], "offline"),
    ]


def test_a_table_has_a_column_a_query() -> None:
    """Rows join on their labels, columns bear their titles, and the order is the panel's."""
    told = panel("table") | {
        "options": {"sortBy": [{"displayName": "Failed", "desc": True}]},
        "transformations": [
            {
                "id": "filterFieldsByName",
                "options": {"include": {"names": ["p", "Value #A", "Value #B"]}},
            },
            {
                "id": "organize",
                "options": {
                    "indexByName": {"p": 0, "Value #A": 1, "Value #B": 2},
                    "renameByName": {"Value #A": "Failed", "Value #B": "Of"},
                },
            },
        ],
    }
    few, many = (line("", 1.0, p="few"), line("", 7.0, p="many"))
    of = answer(line("", 9.0, p="few"), line("", 8.0, p="many"), ref="B")

    made = table(told, [answer(few, many), of])

    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", made)
    assert cells == ["p", "Failed", "Of", "many", "7", "8", "few", "1", "9"]


def test_what_a_stranger_named_is_only_text() -> None:
    """Label values, titles and Markdown from outside never become markup."""
    evil = "<script>alert(1)</script>"
    told = panel("stat") | {"title": evil}

    made = [
        stat(told, [answer(line(evil, 1.0))]),
        table(told, [answer(line("", 1.0, p=evil))]),
        timeseries(told, [answer(line(evil, 1.0))], 400, 200),
        states(panel("state-timeline"), [answer(line(evil, 1.0))], 400, 200),
        markdown(f"{evil} [x](javascript:alert) **{evil}**"),
    ]

    assert [each for each in made if "<script" in each] == []
    assert "href" not in "".join(made)
    assert 'title="javascript' not in "".join(made)


def test_colors_can_be_read_on_white() -> None:
    """Contrast is 4.5 or more (WCAG 2.2, 1.4.3)."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert {name for name, c in COLORS.items() if 1.05 / (luminance(c) + 0.05) < 4.5} == set()


def test_values_keep_their_colors_in_stats() -> None:
    """Every value is shown with its name, text and color."""
    told = panel("stat", unit="percentunit", thresholds={"mode": "absolute", "steps": STEPS})

    assert shown(told, [answer(line("now", 0.5), line("then", 0.99, NAN))]) == [
        ("now", "50 %", "red"),
        ("then", "99 %", "orange"),
    ]


def test_rows_are_sorted_by_the_letters_of_a_label():
    """A table sorted by a label shows pages above tickets, as Grafana does."""
    panel = {"options": {"sortBy": [{"displayName": "severity", "desc": False}]}}
    rows = [{"severity": "ticket"}, {"severity": "page"}]

    _, cells = figures._organized(panel, rows)

    assert [row[0].text for row in cells] == ["page", "ticket"]
