"""What recording one local job with nine stages costs, beside its peers, in one run.

The caller's rows are processor time of the calling thread, through the public API, against ten
bare clock reads (the least that nine stages need). The later rows are what the writer's thread
does per job. Peers are the OpenTelemetry SDK and prometheus_client, called directly as their
manuals say, without export. Each figure is the smallest of several interleaved repeats.

Usage: python benchmarks/lifecycle.py [--json] [--write README.md]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry, Counter, Histogram

import qgm_observe as qgm
from qgm_observe.catalog import labels
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import recorder
from qgm_observe.lifecycle.events import finished
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.otel import spans

STAGES = (
    "prepare",
    "encode",
    "compile",
    "submit",
    "queue",
    "execute",
    "decode",
    "evaluate",
    "register",
)
LABELS = dict.fromkeys((label.name for label in labels.JOB), "value")
"""The labels that every job of ours carries, for the peers too."""

LINE = "{:<32}{:>9}{:>15}{:>13}  {}"
REPEATS = 15
CALLS = 300
WARM = 600


def ten_clock_reads() -> None:
    """The least that nine stages need."""
    clock = time.perf_counter_ns
    clock(), clock(), clock(), clock(), clock(), clock(), clock(), clock(), clock(), clock()


def with_blocks() -> None:
    """Nine stages as blocks."""
    with qgm.job("aer", shots=1024) as job:
        with job.stage("prepare"):
            pass
        with job.stage("encode"):
            pass
        with job.stage("compile"):
            pass
        with job.stage("submit"):
            pass
        with job.stage("queue"):
            pass
        with job.stage("execute"):
            pass
        with job.stage("decode"):
            pass
        with job.stage("evaluate"):
            pass
        with job.stage("register"):
            pass


def with_marks() -> None:
    """Nine stages as marks."""
    with qgm.job("aer", shots=1024) as job:
        job.mark("prepare")
        job.mark("encode")
        job.mark("compile")
        job.mark("submit")
        job.mark("queue")
        job.mark("execute")
        job.mark("decode")
        job.mark("evaluate")
        job.mark("register")


class Discards(SpanExporter):
    """An exporter that costs nothing."""

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take the spans and forget them."""
        return SpanExportResult.SUCCESS


def opentelemetry_sdk() -> Callable[[], None]:
    """One span and nine children with attributes, nine histogram records, nine counts.

    With the batch processor, as every guide sets it up, before an exporter that discards.
    """
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Discards(), max_queue_size=65_536))
    tracer = provider.get_tracer("benchmark")
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    meter = meters.get_meter("benchmark")
    duration = meter.create_histogram("job.stage.duration", "s")
    count = meter.create_counter("job.stages")

    def job() -> None:
        with tracer.start_as_current_span("job", attributes=LABELS):
            for stage in STAGES:
                attributes = {**LABELS, "stage": stage}
                begun = time.perf_counter()
                with tracer.start_as_current_span(stage, attributes=attributes):
                    pass
                duration.record(time.perf_counter() - begun, attributes)
                count.add(1, attributes)

    return job


def prometheus_client() -> Callable[[], None]:
    """Nine histogram observations and nine counts, metrics alone, labels looked up each time."""
    registry = CollectorRegistry()
    names = [*LABELS, "stage"]
    duration = Histogram("job_stage_duration_seconds", "Time.", names, registry=registry)
    count = Counter("job_stages", "Count.", names, registry=registry)

    def job() -> None:
        for stage in STAGES:
            values = (*LABELS.values(), stage)
            begun = time.perf_counter()
            duration.labels(*values).observe(time.perf_counter() - begun)
            count.labels(*values).inc()

    return job


def one_event() -> Event:
    """The finished event of one such job."""
    job = qgm.job("aer", shots=1024).begin()
    for stage in STAGES:
        with job.stage(stage):
            pass
    job.end()
    return finished(job)


def fold_and_spans() -> Callable[[], None]:
    """Aggregates and ten spans of one job, as the writer makes them."""
    event, aggregates, resource = one_event(), Aggregates(), Resource({})

    def fold() -> None:
        aggregates.fold((event,))
        spans(event, resource)

    return fold


def journal_write(folder: str) -> Callable[[], None]:
    """From an ended handle to a row on disk, a hundred jobs a transaction; time per hundred."""
    journal = open_journal(Path(folder) / "written.db")

    def write() -> None:
        journal.append([one_event() for _ in range(100)])

    return write


def export(aggregates: Aggregates, event: Event) -> None:
    """The text and gzip of a scrape after one job changed it."""
    aggregates.fold((event,))
    aggregates.exposition()


def settle() -> None:
    """Let the writer, and who hands spans over, finish what the last repeat left them."""
    recorder().flush(10)
    tracing = recorder().tracing
    while tracing is not None and tracing.handover is not None and tracing.handover.waiting:
        time.sleep(0.01)


def measure(work: dict[str, tuple[Callable[[], None], int, int]]) -> dict[str, float]:
    """Microseconds of this thread's processor time a job: the best of interleaved repeats."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(REPEATS):
        for name, (call, calls, jobs) in work.items():
            settle()
            for _ in range(max(calls, WARM) if jobs == 1 else 1):
                call()  # the caches are cold after a wait
            begun = time.thread_time_ns()
            for _ in range(calls):
                call()
            spent = (time.thread_time_ns() - begun) / 1e3 / calls / jobs
            best[name] = min(best[name], spent)
    return best


def report(best: dict[str, float], sdk: float | None = None) -> list[dict[str, Any]]:
    """The table: cost, ratio, what it is a ratio of, and the budget."""
    clocks, sdk = best["ten bare clock reads"], sdk or best["OpenTelemetry SDK, direct"]
    rows = []
    for name, microseconds in best.items():
        row: dict[str, Any] = {
            "work": name,
            "us_per_job": round(microseconds, 2),
            "x_clock_reads": round(microseconds / clocks, 1),
            "x_under_sdk": round(sdk / microseconds, 1),
        }
        rows.append(row | {"budget": BUDGETS.get(name, "")})
    return rows


BUDGETS = {
    "caller: `with` blocks": "<= 14x clock reads",
    "caller: marks": "<= 6x clock reads",
    "caller: `with` blocks, traced": "<= 14x clock reads",
    "caller: marks, traced": "<= 6x clock reads",
    "writer: fold and ten spans": "<= 30 us, >= 20x under the SDK",
    "writer: event and journal row": "<= 50 us",
}


def quote(table: str, readme: Path) -> None:
    """Put the table between the marks of a Markdown file."""
    before, begin, rest = readme.read_text().partition("<!-- lifecycle:begin -->")
    _, end, after = rest.partition("<!-- lifecycle:end -->")
    readme.write_text(f"{before}{begin}\n```text\n{table}\n```\n{end}{after}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", type=Path, metavar="README", help="quote the table there too")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        qgm.configure(journal=Path(folder) / "journal.db", detail_rate=1e9)
        event, aggregates = one_event(), Aggregates()
        rows = report(
            measure(
                {
                    "ten bare clock reads": (ten_clock_reads, 10 * CALLS, 1),
                    "caller: `with` blocks": (with_blocks, CALLS, 1),
                    "caller: marks": (with_marks, CALLS, 1),
                    "writer: fold and ten spans": (fold_and_spans(), CALLS, 1),
                    "writer: event and journal row": (journal_write(folder), 3, 100),
                    "export: scrape after a change": (partial(export, aggregates, event), 30, 1),
                    "prometheus_client, direct": (prometheus_client(), CALLS, 1),
                    "OpenTelemetry SDK, direct": (opentelemetry_sdk(), CALLS, 1),
                }
            )
        )
        qgm.configure(
            journal=Path(folder) / "traced.db",
            detail_rate=1e9,
            tracer_provider=TracerProvider(shutdown_on_exit=False),
        )
        traced = {
            "ten bare clock reads": (ten_clock_reads, 10 * CALLS, 1),
            "caller: `with` blocks, traced": (with_blocks, CALLS, 1),
            "caller: marks, traced": (with_marks, CALLS, 1),
        }
        rows += report(measure(traced), sdk=rows[-1]["us_per_job"])[1:]
        recorder().close()
    if args.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return 0
    head = ("one local job, nine stages", "us", "x clock reads", "x under SDK", "budget")
    table = "\n".join(LINE.format(*row).rstrip() for row in (head, *(r.values() for r in rows)))
    print(table)
    if args.write:
        quote(table, args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
