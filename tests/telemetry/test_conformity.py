"""Whether an exposition says what the catalog says."""

import subprocess

import pytest

from qgm_observe.catalog import SIGNALS
from qgm_observe.cli.check import _TYPE, samples
from qgm_observe.telemetry.conformity import Report, Sample, examine

JOB = {
    "project": "p",
    "pipeline": "l",
    "model": "m",
    "model_version": "1",
    "kind": "training",
    "provider": "local",
    "device": "aer_simulator",
    "region": "local",
    "execution_mode": "local",
    "shot_class": "1k",
    "source": "process",
}


@pytest.fixture
def text(aggregates, clock, event) -> str:
    """A whole exposition with a run, a job, a session and an error in it."""
    aggregates.fold(
        [
            event("run", outcome="success", duration=2.0),
            event("job", outcome="failure", duration=1.0, error={"class": "quota"}),
            event("job", outcome="success", duration=1.0, stages=[["queue", 0, 9.0, "local"]]),
            event("session", outcome="success", usage_seconds=1.5),
        ]
    )
    clock.tick(30)
    return aggregates.exposition().text.decode()


def examined(text: str) -> Report:
    return examine(_TYPE.findall(text), samples(text))


def kinds(report: Report) -> set[tuple[str, str]]:
    return {(finding.kind, finding.family) for finding in report.findings}


def test_our_own_exposition_conforms(text):
    """What the renderer writes has no finding; what had no data is a note."""
    report = examined(text)

    assert report.findings == []
    assert {note.family for note in report.notes} >= {"qgm_step_loss", "qgm_observe_errors_total"}
    assert report.families + len(report.notes) == len(SIGNALS)
    assert report.series == sum(line.startswith("qgm_") for line in text.splitlines())


def test_an_unknown_family_is_found(text):
    """A family with our prefix that the catalog does not have is a finding."""
    report = examined(text + "# TYPE qgm_jobs_made_up gauge\nqgm_jobs_made_up 1\n")

    assert kinds(report) == {("unknown", "qgm_jobs_made_up")}


def test_a_family_of_others_is_none_of_our_business(text):
    """Metrics of the application itself are not compared."""
    assert (
        examined(text + "# TYPE http_requests_total counter\nhttp_requests_total 1\n").findings
        == []
    )


def test_a_sample_without_its_type_is_found():
    """A signal that is exposed untyped has the wrong type."""
    report = examine([], [Sample("qgm_step_loss", {}, 1.0)])

    assert ("wrong type", "qgm_step_loss") in kinds(report)


def test_a_wrong_type_is_found(text):
    """A counter that is exposed as a gauge is a finding."""
    report = examined(text.replace("# TYPE qgm_jobs_total counter", "# TYPE qgm_jobs_total gauge"))

    assert kinds(report) == {("wrong type", "qgm_jobs_total")}


def test_a_counter_without_its_suffix_is_found(text):
    """A counter named without `_total` is not the signal of the catalog."""
    report = examined(text.replace("qgm_runs_total", "qgm_runs"))

    assert ("unknown", "qgm_runs") in kinds(report)
    assert "qgm_runs_total" in {note.family for note in report.notes}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (JOB | {"job_id": "7"}, "has labels the catalog does not know: job_id"),
        ({k: v for k, v in JOB.items() if k != "region"}, "lacks labels: region"),
        ({k: v for k, v in JOB.items() if k != "source"}, "lacks labels: source"),
        (JOB | {"kind": "play"}, "has kind='play', which is none of its values"),
    ],
)
def test_wrong_labels_are_found(labels, message):
    """A label too many, too few or outside its closed set is a finding, said once."""
    name = "qgm_jobs_in_flight"
    report = examine([(name, "gauge")], [Sample(name, labels | {"device": d}, 1.0) for d in "ab"])
    told = [f.message for f in report.findings if f.kind == "wrong labels"]

    assert told == [message]


def test_duplicates_are_found(text):
    """A series that stands twice, or a family that is declared twice, is a finding."""
    line = next(line for line in text.splitlines() if line.startswith("qgm_runs_total{"))
    twice = text.replace(line, f"{line}\n{line}")
    again = text + "# TYPE qgm_runs_total counter\n"

    assert kinds(examined(twice)) == {("duplicate series", "qgm_runs_total")}
    assert kinds(examined(again)) == {("duplicate family", "qgm_runs_total")}


def test_promtool_misses_the_duplicate_that_we_find(text, tools):
    """The reason for this check: Prometheus' linter takes a doubled series for fine."""
    line = next(line for line in text.splitlines() if line.startswith("qgm_runs_total{"))
    twice = text.replace(line, f"{line}\n{line}")
    done = subprocess.run(
        [tools("promtool"), "check", "metrics"], input=twice.encode(), check=False, timeout=60
    )

    assert done.returncode == 0
    assert examined(twice).findings


@pytest.mark.parametrize("value", ["-1", "NaN"])
@pytest.mark.parametrize("name", ["qgm_runs_total", "qgm_job_duration_seconds_sum"])
def test_a_counter_below_zero_or_nan_is_found(text, name, value):
    """Counters and sums are numbers of 0 or more."""
    line = next(line for line in text.splitlines() if line.startswith(f"{name}{{"))
    report = examined(text.replace(line, f"{line.rpartition(' ')[0]} {value}"))

    assert ("bad value", name) in kinds(report)


def test_a_negative_gauge_is_fine_and_a_nan_one_is_not():
    """A gauge may be below zero; a missing one has no sample instead of NaN."""
    name, labels = "qgm_observe_clock_skew_seconds", {"provider": "ibm", "source": "process"}
    below = examine([(name, "gauge")], [Sample(name, labels, -0.5)])
    nan = examine([(name, "gauge")], [Sample(name, labels, float("nan"))])

    assert ("bad value", name) not in kinds(below)
    assert ("bad value", name) in kinds(nan)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('le="259200.0"} 1', 'le="250000.0"} 1', "has other buckets than the catalog"),
        ('le="259200.0"} 1', 'le="259200.0"} 0', "has buckets that fall"),
        ('le="+Inf"} 1', 'le="+Inf"} 5', "counts 1.0, its buckets 5.0"),
    ],
)
def test_an_inconsistent_histogram_is_found(text, old, new, message):
    """Bounds are the catalog's, buckets never fall, and the last one equals the count."""
    stage = 'stage="queue",source="process",'
    assert text.count(stage + old) == 1
    report = examined(text.replace(stage + old, stage + new))

    assert message in {f.message.rpartition("} ")[2] for f in report.findings}
    assert kinds(report) == {("bad histogram", "qgm_job_stage_duration_seconds")}


def test_a_histogram_without_its_sum_is_found(text):
    """Buckets alone are no histogram."""
    lines = [x for x in text.splitlines() if not x.startswith("qgm_run_duration_seconds_sum")]
    report = examined("\n".join(lines) + "\n")

    assert kinds(report) == {("bad histogram", "qgm_run_duration_seconds")}


def test_absence_is_a_finding_only_where_no_data_is_needed():
    """An endpoint without our health counters is not ours; one without jobs has had none."""
    report = examine([], [])

    assert kinds(report) == {
        ("absent", name)
        for name in (
            "qgm_observe_build_info",
            "qgm_observe_events_dropped_total",
            "qgm_observe_events_unwritten_total",
            "qgm_observe_hooks_missing_total",
            "qgm_observe_intent_gaps_total",
            "qgm_observe_label_sets_folded_total",
            "qgm_observe_spans_delivered_total",
            "qgm_observe_spans_skipped_total",
        )
    }
    assert ("absent", "qgm_jobs_total") in {(n.kind, n.family) for n in report.notes}
