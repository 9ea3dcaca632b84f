"""OpenMetrics text: literally, through a strict parser, and beside the classic text."""

import gzip
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as classic_families

from qgm_observe.catalog import SIGNALS, observe_signals
from qgm_observe.journal.event import Event
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.exemplars import NONE, Exemplar
from qgm_observe.telemetry.openmetrics import OPENMETRICS, exemplar_text, family_name, head
from qgm_observe.telemetry.prometheus import CLASSIC, Renderer

RUN = "5b8aa5a2d2c872e8321cf37308d69df2"
STEPS = """\
# HELP qgm_steps [STABLE] Steps ended.
# TYPE qgm_steps counter
qgm_steps_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="success",source="process"} 0
"""
DURATION = """\
# HELP qgm_job_duration_seconds [STABLE] Duration of jobs.
# TYPE qgm_job_duration_seconds histogram
# UNIT qgm_job_duration_seconds seconds
"""


def text_of(aggregates: Aggregates) -> str:
    return aggregates.exposition(OPENMETRICS).text.decode()


def test_a_counter_is_written_like_this(aggregates, event):
    """The family is named without `_total`, its samples with it, and HELP keeps the stability."""
    aggregates.fold([event("run", outcome="success")])

    assert STEPS in text_of(aggregates)


def test_a_histogram_is_written_like_this(aggregates, clock, event):
    """A unit line, and behind each bucket that counted something its exemplar."""
    job = event("job", at=clock() + 0.1234, outcome="success", duration=0.25)
    aggregates.fold([replace(job, run=RUN)])
    clock.tick(30)
    text = text_of(aggregates)
    lines = text[text.index(DURATION) :].splitlines()
    ends = [line.rpartition(",le=")[2] for line in lines]
    place = ends.index('"0.2"} 0')

    assert ends[place + 1 : place + 3] == [
        f'"0.3"}} 1 # {{trace_id="{RUN}",span_id="00000000000000aa"}} 0.25 1800000000.123',
        '"0.5"} 1',
    ]


def test_info_is_an_info(aggregates):
    """The version is a family of type info, its sample has the suffix."""
    text = text_of(aggregates)

    assert (
        "# HELP qgm_observe_build [EXPERIMENTAL] The running version of this package.\n"
        "# TYPE qgm_observe_build info\n"
        'qgm_observe_build_info{version="'
    ) in text


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=lambda signal: signal.name)
def test_a_unit_is_the_end_of_the_name(signal):
    """A UNIT line stands exactly where the name ends with the unit, as OpenMetrics asks."""
    units = re.findall(r"^# UNIT (\S+) (\S+)$", head(signal), re.MULTILINE)

    assert len(units) == (signal.unit in ("s", "By", "Hz", "USD"))
    assert all(name == family_name(signal) for name, _ in units)
    assert all(name.endswith(f"_{unit}") for name, unit in units)


def test_nothing_to_show_is_still_openmetrics():
    """An exposition without families is its last line alone, compressed too."""
    empty = Renderer("process", OPENMETRICS).render([])

    assert empty.text == b"# EOF\n"
    assert gzip.decompress(empty.gzip) == b"# EOF\n"


def test_an_exemplar_is_short_enough():
    """The longest ids take fewer than the 128 characters that OpenMetrics allows."""
    text = exemplar_text(Exemplar(2**128 - 1, 2**64 - 1, 0.5, 1e9))
    pairs = re.findall(r'(\w+)="(\w+)"', text)

    assert [(name, len(value)) for name, value in pairs] == [("trace_id", 32), ("span_id", 16)]
    assert sum(len(name) + len(value) for name, value in pairs) <= 128


@pytest.mark.parametrize("at", [float("inf"), float("-inf"), -1.0, 1e300])
def test_a_time_that_cannot_be_is_left_out(at):
    """A time stamp is optional; one that no clock shows is not written."""
    assert exemplar_text(Exemplar(1, 1, 0.5, at)).endswith("} 0.5")


def test_no_exemplar_is_no_text():
    """A bucket without an exemplar ends with its count."""
    assert exemplar_text(NONE) == ""


def test_the_classic_text_has_no_exemplars(aggregates, clock, event):
    """Exemplars are in OpenMetrics alone, also when both are asked for in turns."""
    aggregates.fold([event("job", outcome="success", duration=1.0)])
    clock.tick(30)
    before = aggregates.exposition().text
    opened = text_of(aggregates)

    assert opened.count(' # {trace_id="') == 1
    assert b" # {" not in aggregates.exposition().text
    assert aggregates.exposition().text == before


def test_an_unchanged_exposition_is_the_same_object(aggregates, clock, event):
    """Nothing is built when nothing changed, and asking for one format leaves the other alone."""
    aggregates.fold([event("job", outcome="success")])
    clock.tick(30)
    opened, classic = aggregates.exposition(OPENMETRICS), aggregates.exposition(CLASSIC)
    clock.tick(1)

    assert aggregates.exposition(OPENMETRICS) is opened
    assert aggregates.exposition(CLASSIC) is classic


def test_a_format_costs_nothing_until_it_is_asked_for(aggregates, event, monkeypatch):
    """Scrapes of the classic text compute no ids."""
    asked = []
    monkeypatch.setattr("qgm_observe.telemetry.series.exemplar", lambda *words: asked.append(words))
    aggregates.fold([event("job", outcome="success", duration=1.0)])
    aggregates.exposition()

    assert asked == []


def test_blocks_together_are_the_whole(aggregates, clock, event):
    """However blocks were kept, the text is that of aggregates built in one go."""
    again = Aggregates(clock=clock)
    rows = [
        event("job", at=n, outcome="success", device=f"d{n % 17}", duration=n / 7)
        for n in range(60)
    ]
    for row in rows:
        aggregates.fold([row])
        aggregates.exposition(OPENMETRICS)
    again.fold(rows)
    clock.tick(30)

    assert text_of(aggregates) == text_of(again)


def test_the_compressed_text_is_the_text(aggregates, clock, event):
    """The gzip stream is exactly the text, its last line included."""
    aggregates.fold([event("job", outcome="success", duration=1.0)])
    clock.tick(30)
    exposition = aggregates.exposition(OPENMETRICS)

    assert gzip.decompress(exposition.gzip) == exposition.text
    assert exposition.text.endswith(b"\n# EOF\n")


TEXTS = st.text(st.characters(), max_size=150)
SECONDS = st.floats(0, 1e6)
BODIES = st.fixed_dictionaries(
    {
        "model": TEXTS,
        "device": TEXTS,
        "outcome": st.sampled_from(["success", "failure", "made up", ""]),
        "duration": SECONDS,
        "restart_seconds": SECONDS,
        "loss": st.floats(),
        "shots": st.integers(0, 10**7),
        "stages": st.lists(
            st.tuples(st.sampled_from(["queue", "execute", "encode"]), SECONDS, SECONDS).map(list),
            max_size=4,
        ),
    }
)


def _folded(bodies: list[dict[str, object]]) -> Aggregates:
    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    for number, body in enumerate(bodies, start=1):
        for noun in ("run", "step", "job", "session"):
            subject = RUN if noun == "run" else f"{number:016x}"
            row = Event(
                verb="finished",
                noun=noun,
                subject=subject,
                run=RUN,
                at=number / 3,
                body=body,
                id=f"{subject}/finished",
            )
            aggregates.fold([row])
    aggregates.set_gauge(observe_signals.SKEW, ("ibm",), -0.1)
    now[0] = 60.0
    return aggregates


@settings(max_examples=25)
@given(st.lists(BODIES, max_size=4))
def test_a_strict_parser_reads_what_the_classic_text_says(bodies):
    """Whatever the labels hold, OpenMetrics is valid and has the same samples, in the same order.

    Each exemplar that the parser reads has an id of the run's trace.
    """
    aggregates = _folded(bodies)
    opened = list(text_string_to_metric_families(text_of(aggregates)))
    classic = list(classic_families(aggregates.exposition().text.decode()))
    samples = [[(s.name, s.labels, s.value) for s in family.samples] for family in opened]
    exemplars = [s.exemplar for family in opened for s in family.samples if s.exemplar]
    units = {family.name: family.unit for family in opened}

    assert samples == [[(s.name, s.labels, s.value) for s in family.samples] for family in classic]
    assert {each.labels["trace_id"] for each in exemplars} == ({RUN} if bodies else set())
    assert all(name.endswith(unit) for name, unit in units.items())
    assert [family.documentation for family in opened] == [f.documentation for f in classic]
