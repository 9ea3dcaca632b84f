"""Spans that are built after the fact."""

import math
import subprocess
import sys
import time

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind, StatusCode

from qgm_observe.catalog import STAGES
from qgm_observe.journal.event import Event
from qgm_observe.telemetry.ids import span_id, stage_span_ids, trace_id
from qgm_observe.telemetry.otel import spans

RESOURCE = Resource({"service.name": "test"})
RUN, STEP, JOB = "ab" * 16, "cd" * 8, "ef" * 8
LABELS = {"project": "chem", "model": "qcbm", "kind": "training", "device": "ibm_fez"}
START = 1_700_000_000.0
STAGE_TIMES = [["compile", 0.0, 0.5, "local"], ["queue", 0.5, 2.25, "provider"]]


def finished(noun="job", subject=JOB, run=None, **body) -> Event:
    full = LABELS | {"start": START, "duration": 4.0, "outcome": "success"} | body
    return Event(
        verb="finished", noun=noun, subject=subject, run=run, at=START + 4, body=full, id="x"
    )


def test_a_job_is_a_span_with_one_for_each_stage():
    """Root and stages share the trace, stages hang under the root, times are those stamped."""
    root, first, second = spans(finished(stages=STAGE_TIMES), RESOURCE)

    assert [span.name for span in (root, first, second)] == [
        "qgm.job",
        "qgm.job.compile",
        "qgm.job.queue",
    ]
    assert {span.context.trace_id for span in (root, first, second)} == {trace_id(JOB, None)}
    assert root.context.span_id == span_id(JOB)
    assert [s.context.span_id for s in (first, second)] == stage_span_ids(JOB, 2)
    assert first.parent == second.parent == root.context
    assert (root.start_time, root.end_time) == (
        1_700_000_000_000_000_000,
        1_700_000_004_000_000_000,
    )
    assert (second.start_time, second.end_time) == (
        1_700_000_000_500_000_000,
        1_700_000_002_750_000_000,
    )


def test_attributes_are_the_labels_and_the_outcome():
    """Only known labels are attributes; the stage and its clock are the stages' own."""
    root, first, second = spans(finished(stages=STAGE_TIMES, attributes={"x": "secret"}), RESOURCE)

    assert dict(root.attributes or {}) == {
        "qgm.project": "chem",
        "qgm.model": "qcbm",
        "qgm.kind": "training",
        "qgm.device": "ibm_fez",
        "qgm.outcome": "success",
    }
    assert dict(first.attributes or {}) == {"qgm.stage": "compile", "qgm.clock": "local"}
    assert dict(second.attributes or {}) == {"qgm.stage": "queue", "qgm.clock": "provider"}


def test_spans_are_sampled_and_say_whose_they_are():
    """An exporter takes them as they are: sampled, ended, with resource and scope."""
    for span in spans(finished(stages=STAGE_TIMES), RESOURCE):
        assert span.context.trace_flags.sampled
        assert span.resource is RESOURCE
        assert span.instrumentation_scope.name == "qgm_observe"
        assert span.kind is SpanKind.INTERNAL
        assert span.end_time >= span.start_time
        span.to_json()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("success", StatusCode.OK),
        ("failure", StatusCode.ERROR),
        ("timeout", StatusCode.ERROR),
        ("lost", StatusCode.ERROR),
        ("cancelled", StatusCode.UNSET),
        ("guarded", StatusCode.UNSET),
        (None, StatusCode.UNSET),
    ],
)
def test_the_status_follows_the_outcome(outcome, code):
    """Failed, timed out and lost work is an error; what was stopped on purpose is not."""
    (root,) = spans(finished(outcome=outcome), RESOURCE)

    assert root.status.status_code is code


def test_the_stage_that_failed_carries_the_error():
    """The last stage of the error's name is marked, with the class and never the text."""
    error = {"class": "quota", "type": "x.QuotaError", "stage": "submit"}
    stages = [["submit", 0.0, 1.0, "local"], ["submit", 1.0, 1.0, "local"]]
    root, first, second = spans(finished(outcome="failure", error=error, stages=stages), RESOURCE)

    assert root.attributes["error.type"] == "x.QuotaError"
    assert root.attributes["qgm.error_class"] == "quota"
    assert [s.status.status_code for s in (root, first, second)] == [
        StatusCode.ERROR,
        StatusCode.UNSET,
        StatusCode.ERROR,
    ]
    assert root.status.description == second.status.description == "quota"


def test_parents_are_the_step_then_the_run():
    """A job hangs under its step, a step under its run, a run and a free job under nothing."""
    (job,) = spans(finished(run=RUN, step=STEP), RESOURCE)
    (in_run,) = spans(finished(run=RUN), RESOURCE)
    (step,) = spans(finished("step", STEP, RUN), RESOURCE)
    (run,) = spans(finished("run", RUN, RUN), RESOURCE)
    (free,) = spans(finished(), RESOURCE)

    assert job.parent.span_id == step.context.span_id
    assert in_run.parent.span_id == step.parent.span_id == run.context.span_id
    assert run.parent is None
    assert free.parent is None
    assert {s.context.trace_id for s in (job, in_run, step, run)} == {int(RUN, 16)}


def test_what_is_unknown_is_left_out():
    """Without a start the end tells it; without a duration a span is a point."""
    (root,) = spans(finished(start=None), RESOURCE)
    (point,) = spans(finished(duration=None), RESOURCE)

    assert root.start_time == 1_700_000_000_000_000_000
    assert point.start_time == point.end_time


@pytest.mark.parametrize(("verb", "noun"), [("opened", "job"), ("finished", "model")])
def test_only_what_ended_has_spans(verb, noun):
    """Other events have no span."""
    event = Event(verb=verb, noun=noun, subject=JOB, at=START, body=LABELS, id="x")

    assert spans(event, RESOURCE) == []


def test_building_the_spans_of_nine_stages_is_cheap():
    """Ten spans cost a fraction of what the SDK takes to record them while they happen."""
    stages = [[name, 0.0, 0.1, "local"] for name in list(STAGES)[:9]]
    job = finished(stages=stages)
    best = math.inf
    for _ in range(20):
        began = time.process_time_ns()
        for _ in range(100):
            spans(job, RESOURCE)
        best = min(best, (time.process_time_ns() - began) / 100)

    assert best < 60_000


def test_without_the_sdk_the_extra_is_named():
    """Where OpenTelemetry's SDK is absent, one line says what to install."""
    code = (
        "import sys; sys.modules['opentelemetry.sdk.trace'] = None\n"
        "from qgm_observe.errors import MissingExtra\n"
        "try:\n    import qgm_observe.telemetry.otel\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "traces needs more packages: pip install 'qgm-observe[otlp]'\n"
