"""Traces and metrics to a real OTLP endpoint: present, absent, hanging, and back again."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

import qgm_observe as qgm
from qgm_observe.catalog import observe_signals
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import recorder, use

from .otlp_receiver import receiving

TRAIN = """
    import time
    import qgm_observe as qgm
    slowest = []
    with qgm.run(model="m") as run:
        for index in range(20):
            with run.step(index) as step:
                began = time.perf_counter()
                with step.job("aer", shots=8) as job:
                    with job.stage("compile"): pass
                    with job.stage("execute"): pass
                slowest.append(time.perf_counter() - began)
    print(sorted(slowest)[-2])
"""
ONE_RUN = """
    import time
    import qgm_observe as qgm
    qgm.run().begin().end()
    print(1)
"""
SPANS = 1 + 20 + 20 + 40


def script(journal: Path, endpoint: str, body: str = TRAIN) -> tuple[str, float]:
    """Runs Python that delivers to an endpoint; what it printed, and how long its exit took."""
    environment = {
        **os.environ,
        "QGM_OBSERVE_JOURNAL": str(journal),
        "QGM_OBSERVE_OTLP": "true",
        "QGM_OBSERVE_STRICT": "0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    code = textwrap.dedent(body) + "\nprint(time.time())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    printed = done.stdout.split()
    return printed[0], time.time() - float(printed[-1])


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Path]:
    """Puts back the recorder that was there before."""
    before = use(None)
    yield tmp_path / "journal.db"
    mine = use(before)
    if mine is not None:
        mine.close()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_every_span_arrives_below_its_parent(tmp_path: Path) -> None:
    """Run, steps, jobs and stages arrive as one trace, each below what it is a part of."""
    with receiving() as receiver:
        script(tmp_path / "journal.db", receiver.url)
        assert receiver.wait_for(SPANS)
    spans = list(receiver.spans.values())
    parents = {
        (span.name, receiver.spans[span.parent_span_id].name)
        for span in spans
        if span.parent_span_id
    }

    assert len(spans) == SPANS
    assert len({span.trace_id for span in spans}) == 1
    assert parents == {
        ("qgm.step", "qgm.run"),
        ("qgm.job", "qgm.step"),
        ("qgm.job.compile", "qgm.job"),
        ("qgm.job.execute", "qgm.job"),
    }


def test_the_sums_are_those_of_the_endpoint(configured: Path) -> None:
    """Jobs, shots and durations that arrive by OTLP are the numbers of the aggregates."""
    with receiving() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        qgm.configure(journal=configured, otlp=True, otlp_interval=0.1)
        for _ in range(7):
            with qgm.job("aer", shots=3) as job, job.stage("execute"):
                pass
        qgm.flush(10)
        recorder().close()
    jobs = [p for p in receiver.points["qgm.jobs"] if p.as_double or p.as_int]
    (stage,) = [p for p in receiver.points["qgm.job.stage.duration"] if p.count]
    with open_journal(configured, read_only=True) as journal:
        totals, _ = journal.snapshot()
    (kept,) = totals.histograms["qgm.job.stage.duration"].values()

    assert [p.as_double + p.as_int for p in jobs] == [7]
    assert (stage.count, list(stage.bucket_counts)) == (7, kept.counts)
    assert stage.sum == kept.sum
    assert receiver.sums["qgm.jobs"] == (AGGREGATION_TEMPORALITY_CUMULATIVE, True)
    assert receiver.sums["qgm.job.stage.duration"] == (AGGREGATION_TEMPORALITY_CUMULATIVE, None)
    assert {told for told, _ in receiver.sums.values()} == {AGGREGATION_TEMPORALITY_CUMULATIVE}


@pytest.mark.parametrize("how", ["refused", "hanging"])
def test_a_dead_endpoint_costs_nothing_and_gets_it_all_later(tmp_path: Path, how: str) -> None:
    """No call waits, the exit is bounded, no row is lost, and all is delivered after recovery."""
    journal = tmp_path / "journal.db"
    port = closed_port()
    if how == "refused":
        slow, exit_seconds = script(journal, f"http://127.0.0.1:{port}")
    else:
        with receiving(port) as receiver:
            receiver.hang.set()
            slow, exit_seconds = script(journal, receiver.url)
    with open_journal(journal, read_only=True) as rows:
        finished = len(list(rows.events(verbs=("finished",))))

    assert float(slow) < 0.02  # on an idle machine 1 ms; here other tests run beside it
    assert exit_seconds < 3 + 1.5  # the bound, and a busy machine's teardown
    assert finished == 1 + 20 + 20

    with receiving(port) as receiver:
        script(journal, receiver.url, ONE_RUN)
        assert receiver.wait_for(SPANS + 1)


def test_files_of_lines_are_delivered_once(tmp_path: Path) -> None:
    """In the JSONL form too a second process delivers what is its own, and no more."""
    journal = tmp_path / "journal.jsonl"
    journal.mkdir(mode=0o700)
    with receiving() as receiver:
        script(journal, receiver.url)
        assert receiver.wait_for(SPANS)
    with receiving() as receiver:
        script(journal, receiver.url, ONE_RUN)
        assert receiver.wait_for(1)

        assert [span.name for span in receiver.spans.values()] == ["qgm.run"]
    assert list(journal.glob("*.jsonl"))


def test_spans_that_are_refused_do_not_stand_in_the_way(configured: Path) -> None:
    """A batch that is refused beside metrics that arrive is given up and counted, not repeated."""
    with receiving() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        patch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{receiver.url}/refused")
        qgm.configure(journal=configured, otlp=True, otlp_interval=0.02)
        with qgm.job("aer"):
            pass
        assert qgm.flush(10)
        name = observe_signals.SPANS_SKIPPED.name
        with receiver.arrived:
            assert receiver.arrived.wait_for(
                lambda: any(
                    point.as_double + point.as_int for point in receiver.points.get(name, ())
                ),
                20,
            )


def test_the_users_processors_get_the_spans(configured: Path) -> None:
    """A provider of the user's gets finished spans; nothing global is set."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    qgm.configure(journal=configured, tracer_provider=provider)
    with qgm.run() as run, run.step() as step, step.job("aer") as job, job.stage("compile"):
        pass
    qgm.flush(10)
    recorder().close()

    assert sorted(span.name for span in exporter.get_finished_spans()) == [
        "qgm.job",
        "qgm.job.compile",
        "qgm.run",
        "qgm.step",
    ]
    assert trace.get_tracer_provider() is not provider


def test_what_others_trace_hangs_below_the_stage(configured: Path) -> None:
    """A span that a library opens during a stage has that stage's span as its parent."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("library")
    qgm.configure(journal=configured, tracer_provider=provider)
    with qgm.run() as run, run.step() as step:
        with tracer.start_as_current_span("between"):
            pass
        with step.job("aer") as job:
            with job.stage("compile"):
                pass
            with job.stage("execute"), tracer.start_as_current_span("during"):
                pass
            job.mark("decode")
            tracer.start_span("marked").end()
    tracer.start_span("outside").end()
    qgm.flush(10)
    recorder().close()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    names = {span.context.span_id: name for name, span in spans.items()}

    def parent(name: str) -> str | None:
        above = spans[name].parent
        return None if above is None else names[above.span_id]

    assert parent("during") == "qgm.job.execute"
    assert parent("marked") == "qgm.job.decode"
    assert parent("between") == "qgm.step"
    assert parent("outside") is None
    assert len({spans[name].context.trace_id for name in names.values()}) == 2


class Counting(Sampler):
    """Counts how often it is asked for each trace."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def should_sample(self, parent_context: Any, trace_id: int, *_: Any, **__: Any) -> Any:
        self.asked.append(trace_id)
        return SamplingResult(Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "counting"


def test_the_sampler_is_asked_once_a_trace(configured: Path) -> None:
    """Run, steps and jobs of one trace share one decision."""
    sampler = Counting()
    qgm.configure(
        journal=configured, tracer_provider=TracerProvider(sampler, shutdown_on_exit=False)
    )
    with qgm.run() as run:
        for _ in range(3):
            with run.step() as step, step.job("aer"):
                pass
    qgm.flush(10)
    recorder().close()

    assert sampler.asked == [int(run.id, 16)]


def test_what_is_not_sampled_is_not_traced_but_recorded(configured: Path) -> None:
    """A sampler that says no keeps spans back and nothing else."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    qgm.configure(journal=configured, tracer_provider=provider)
    with qgm.job("aer"):
        pass
    assert qgm.flush(10)
    recorder().close()
    with open_journal(configured, read_only=True) as journal:
        assert len(list(journal.events(verbs=("finished",)))) == 1

    assert exporter.get_finished_spans() == ()


def test_a_processor_that_raises_reaches_nobody(configured: Path) -> None:
    """What a user's processor or sampler raises is counted; training and journal are whole."""

    class Raises(SpanProcessor):
        def on_end(self, span: Any) -> None:
            raise RuntimeError(span)

    class RaisingSampler(Counting):
        def should_sample(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError

    provider = TracerProvider(RaisingSampler(), shutdown_on_exit=False)
    provider.add_span_processor(Raises())
    qgm.configure(journal=configured, tracer_provider=provider, strict=False)
    with qgm.job("aer") as job, job.stage("compile"):
        pass
    assert qgm.flush(10)
    recorder().close()
    name = observe_signals.ERRORS.name
    with open_journal(configured, read_only=True) as journal:
        noted = [event.body for event in journal.events(verbs=("noted",))]
        assert len(list(journal.events(verbs=("finished",)))) == 1

    kept = sum(count for body in noted for _, count in body.get(name, []))
    assert kept + recorder().guard.counts.total() >= 2  # the job's span and its stage's


def test_nothing_of_opentelemetry_is_loaded_unasked(tmp_path: Path) -> None:
    """Without the setting the training loads no OpenTelemetry, even where it is installed."""
    code = (
        "import sys, qgm_observe as qgm\n"
        "with qgm.run() as r, r.step() as s, s.job('aer'): pass\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    environment = {**os.environ, "QGM_OBSERVE_JOURNAL": str(tmp_path / "j.db")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
