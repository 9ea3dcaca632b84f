"""Prometheus text: literally, through another parser, and built only where something changed."""

import gzip
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from qgm_observe.catalog import SIGNALS, Signal, Stability, observe_signals, signals
from qgm_observe.journal.event import Event
from qgm_observe.telemetry import prometheus
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.label_values import sanitized
from qgm_observe.telemetry.prometheus import Exposition, head, label_text, number_text

RUN = """\
# HELP qgm_runs_total [STABLE] Runs ended.
# TYPE qgm_runs_total counter
qgm_runs_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="success",source="process"} 2
qgm_runs_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="failure",source="process"} 0
qgm_runs_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="cancelled",source="process"} 0
qgm_runs_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="timeout",source="process"} 0
qgm_runs_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="lost",source="process"} 0
qgm_runs_total{project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training",\
outcome="guarded",source="process"} 0
"""
QUEUE = """\
,stage="queue",source="process",le="0.01"} 0
,stage="queue",source="process",le="0.02"} 0
,stage="queue",source="process",le="0.03"} 1
,stage="queue",source="process",le="0.05"} 1
"""


def family_of(text: str, name: str) -> str:
    """Cut one family out of an exposition."""
    begin = text.index(f"# HELP {name} ")
    end = text.find("# HELP ", begin + 1)
    return text[begin : end if end > 0 else None]


def text_of(aggregates: Aggregates) -> str:
    return aggregates.exposition().text.decode()


def test_a_counter_is_written_like_this(aggregates, clock, event):
    """HELP with the stability, TYPE, and one line a label set with the source last."""
    aggregates.fold([event("run", outcome="success")] * 2)
    clock.tick(30)

    assert family_of(text_of(aggregates), "qgm_runs_total") == RUN


def test_a_histogram_is_written_like_this(aggregates, clock, event):
    """Buckets are cumulated, bounds are floats, then +Inf, sum and count."""
    stages = [["queue", 0.0, 0.025, "local"], ["queue", 0.1, 7200.5, "provider"]]
    aggregates.fold([event("job", outcome="success", stages=stages)])
    clock.tick(30)
    text = family_of(text_of(aggregates), "qgm_job_stage_duration_seconds")
    lines = [line for line in text.splitlines() if 'stage="queue"' in line]
    opening = lines[0].partition(",stage")[0]

    assert opening.startswith('qgm_job_stage_duration_seconds_bucket{project="chem",')
    assert "".join(f"{line.removeprefix(opening)}\n" for line in lines[:4]) == QUEUE
    assert [line.rpartition(",")[2] for line in lines[-4:]] == [
        'le="259200.0"} 2',
        'le="+Inf"} 2',
        'source="process"} 7200.525',
        'source="process"} 2',
    ]


def test_info_is_a_gauge_of_one(aggregates):
    """Format 0.0.4 knows no info; the version is a gauge of 1 with an _info name."""
    assert family_of(text_of(aggregates), "qgm_observe_build_info").startswith(
        "# HELP qgm_observe_build_info [EXPERIMENTAL] The running version of this package.\n"
        "# TYPE qgm_observe_build_info gauge\n"
        'qgm_observe_build_info{version="'
    )


def test_a_family_without_series_is_not_written(aggregates):
    """Missing is missing: no HELP and no TYPE for what has no sample."""
    assert "qgm_jobs_total" not in text_of(aggregates)


def test_help_tells_what_may_be_relied_on():
    """Each HELP begins with the signal's stability."""
    for signal in SIGNALS.values():
        word = "STABLE" if signal.stability is Stability.STABLE else "EXPERIMENTAL"
        assert head(signal).startswith(f"# HELP {signal.prometheus} [{word}] {signal.brief}\n")


def test_label_values_are_escaped():
    """Backslash, quote and newline are escaped, as format 0.0.4 asks."""
    assert label_text(("a", "b"), ('C:\\x "y"', "1\n2")) == r'a="C:\\x \"y\"",b="1\n2"'


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.0, "3"), (0.3, "0.3"), (1e-9, "1e-09"), (2**60, str(2**60)), (-1.5, "-1.5")],
)
def test_numbers_are_short_and_exact(value, text):
    """Whole numbers have no point, and every number is read back as it was."""
    assert number_text(value) == text
    assert float(text) == value


def test_an_unchanged_exposition_is_the_same_object(aggregates, clock, event):
    """Nothing is built when nothing changed."""
    aggregates.fold([event("job", outcome="success")])
    clock.tick(30)
    first = aggregates.exposition()
    clock.tick(1)

    assert aggregates.exposition() is first


def test_a_released_count_changes_the_exposition(aggregates, clock, event):
    """The end of the holding time alone is a change."""
    aggregates.fold([event("job", outcome="success")])
    held = aggregates.exposition()
    clock.tick(30)

    assert aggregates.exposition().text != held.text


def test_only_the_block_that_changed_is_built_again(aggregates, clock, event, monkeypatch):
    """A changed number costs its own block of some 256 lines, not its family."""
    for device in range(100):
        aggregates.fold([event("job", outcome="success", device=f"d{device}")])
    clock.tick(30)
    before = aggregates.exposition().text
    built = []
    part = prometheus.part
    monkeypatch.setattr(prometheus, "part", lambda text: built.append(text) or part(text))
    aggregates.fold([event("job", outcome="cancelled", device="d77")])
    after = aggregates.exposition().text

    assert before.count(b"\nqgm_jobs_total{") == 600
    assert len(built) == 2  # the roots and, of the jobs, one block of three
    assert [block.count(b"\n") for block in built if b'device="d77"' in block] == [256]
    assert len(after) == len(before)
    assert after != before


def test_blocks_together_are_the_whole(aggregates, clock, event):
    """However blocks were kept, the text is that of aggregates built in one go."""
    again = Aggregates(clock=clock)
    rows = [event("job", outcome="success", device=f"d{n % 17}", duration=n / 7) for n in range(60)]
    for row in rows:
        aggregates.fold([row])
        aggregates.exposition()
    again.fold(rows)
    clock.tick(30)

    assert aggregates.exposition().text == again.exposition().text


def test_the_compressed_text_is_the_text(aggregates, clock, event):
    """The members of the gzip stream together are exactly the text."""
    aggregates.fold([event("job", outcome="success"), event("step", outcome="failure", loss=0.1)])
    clock.tick(30)
    exposition = aggregates.exposition()

    assert gzip.decompress(exposition.gzip) == exposition.text
    assert len(exposition.gzip) < len(exposition.text) / 10


def test_nothing_to_show_is_still_a_gzip_stream():
    """Even an empty exposition decompresses."""
    empty = prometheus.Renderer("process").render([])

    assert empty.text == b""
    assert gzip.decompress(empty.gzip) == b""


def test_series_that_were_dropped_are_not_written(aggregates, clock, open_row):
    """A gauge that goes away leaves no line behind."""
    aggregates.set_open([open_row("job", waiting_since=clock() - 5)], clock())
    assert "qgm_job_oldest_waiting_age_seconds" in text_of(aggregates)
    aggregates.set_open([], clock())

    assert "qgm_job_oldest_waiting_age_seconds" not in text_of(aggregates)


TEXTS = st.text(st.characters(), max_size=200)
BODIES = st.fixed_dictionaries(
    {
        "model": TEXTS,
        "device": TEXTS,
        "region": TEXTS,
        "outcome": st.sampled_from(["success", "failure", "made up", ""]),
        "duration": st.floats(0, 1e6),
        "loss": st.floats(),
        "shots": st.integers(0, 10**7),
    }
)


@settings(max_examples=30)
@given(st.lists(BODIES, max_size=4))
def test_another_parser_reads_back_what_was_shown(bodies):
    """Whatever the labels hold, prometheus_client reads the same labels and numbers, each once."""
    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    for body in bodies:
        rows = [
            Event(verb="finished", noun=noun, subject="0", at=0.0, body=body, id="0")
            for noun in ("job", "step")
        ]
        aggregates.fold(rows)
    now[0] = 30.0
    read = [
        (sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(text_of(aggregates))
        for sample in family.samples
    ]
    names = [(name, labels) for name, labels, _ in read]
    jobs = {labels: value for name, labels, value in read if name == "qgm_jobs_total"}

    assert len(names) == len(set(names))
    assert sum(jobs.values()) == len(bodies)
    assert {dict(labels)["model"] for labels in jobs} == {sanitized(b["model"]) for b in bodies}


def test_promtool_finds_nothing(aggregates, clock, event, open_row, tools):
    """Prometheus' own linter has no complaint about an exposition with every signal in it."""
    error = {"class": "quota", "stage": "submit"}
    ratio = {"name": "valid_shot_ratio", "n": 10, "value": 0.9, "low": 0.5, "high": 1, "floor": 1}
    spent = dict.fromkeys(
        ("memory_peak_bytes", "gpu_utilization", "gpu_memory_peak_bytes", "cpu_seconds"), 0.5
    )
    where = ["ibm", "us-east"]
    noted = {
        "qgm.observe.errors": [[["writer"], 1]],
        "qgm.client.requests": [[[*where, "submit", "5xx"], 2]],
        "qgm.compile.cache.lookups": [[["ibm", "ibm_fez"], 2]],
        "qgm.compile.cache.hits": [[["ibm", "ibm_fez"], 1]],
        "qgm.client.retries": [[[*where, "submit"], 1]],
        "qgm.client.request.duration": [[[*where, "read"], 0.3], [[*where, "read"], 0.1]],
        "qgm.client.connect.duration": [[[*where, "tls"], 0.02]],
    }
    dollars = {"cost": "1.6", "currency": "USD"}
    waited = {"number": 1, "throttle_seconds": 2.0}
    aggregates.fold(
        [
            event("run", outcome="success", duration=1.0, restart_seconds=0.1, resources=spent),
            event("step", outcome="success", duration=1.0, loss=0.1),
            event("job", outcome="failure", duration=1.0, error=error, attempts=[waited]),
            event("job", "estimate", **ratio),
            event("job", "estimate", name="mode_deficit", modes=[[0.5, 0.4]]),
            event("job", "judged", question="training", answer="improving"),
            event(
                "model",
                "baseline",
                name="linear_xeb",
                baseline={"center": 0.8},
                state={"charts": [{"kind": "ewma", "level": 0.5, "limit": 3.0}]},
            ),
            event("session", outcome="success", usage_seconds=1.0),
            event("attempt", "billed", device_seconds=1, wasted={"failed": "1.6"}, **dollars),
            event("attempt", "guarded", **dollars),
            event("attempt", "billed", cost="2", currency="EUR"),
            event("process", "noted", **noted),
        ]
    )
    rests_on = {"calibrated_at": {"t1": clock() - 60}, "disabled_edges": 1}
    waiting = open_row("job", waiting_since=clock(), needed_seconds=2.0, **rests_on)
    aggregates.set_open([waiting, open_row("run")], clock())
    aggregates.set_gauge(observe_signals.SKEW, ("ibm",), 0.1)
    aggregates.set_gauge(observe_signals.JOURNAL_SIZE, (), 4096)
    aggregates.set_gauge(observe_signals.DISK_FREE, (), 4096)
    clock.tick(30)
    exposition = aggregates.exposition()
    done = subprocess.run(
        [tools("promtool"), "check", "metrics"],
        input=exposition.text,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert isinstance(exposition, Exposition)
    declared = (*vars(signals).values(), *vars(observe_signals).values())
    own = sum(isinstance(each, Signal) for each in declared)
    assert exposition.text.count(b"# TYPE ") == own
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
