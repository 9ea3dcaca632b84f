"""What recording one local job with nine stages costs, beside its peers, in one run.

The caller's rows are processor time of the calling thread, through the public API, against ten
bare clock reads (the least that nine stages need); those that are traced hand their spans to a
provider of the user's. The later rows are what the writer's thread does per job. Peers are the
OpenTelemetry SDK and prometheus_client, called directly as their manuals say, without export. Each
figure is the smallest of several repeats, in which all rows take turns.

Afterwards the journals are read: every job that was recorded has to be in one, or no table is
printed. The exit code is 1 above a budget.

Usage: python benchmarks/lifecycle.py [--json] [--write README.md]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry, Counter, Histogram

import qgm_observe as qgm
from qgm_observe.catalog import labels
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import recorder
from qgm_observe.lifecycle.events import finished
from qgm_observe.lifecycle.recorder import Recorder, use
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


class Row(NamedTuple):
    """What a row of the table measures: `calls` of `call`, each of as many `jobs`.

    Of which `records` go through the recorder.
    """

    call: Callable[[], None]
    calls: int = CALLS
    jobs: int = 1
    recorder: Recorder | None = None
    records: int = 0


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


def measure(work: dict[str, Row], plain: Recorder) -> dict[str, float]:
    """Microseconds of this thread's processor time a job: the best of interleaved repeats."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(REPEATS):
        for name, row in work.items():
            use(row.recorder or plain)
            settle()
            best[name] = min(best[name], Context().run(spent, row))
    for each in {row.recorder or plain for row in work.values()}:
        use(each)
        settle()
    return best


def warming(row: Row) -> int:
    """How often a row is called before it is measured: the caches are cold after a wait."""
    return max(row.calls, WARM) if row.jobs == 1 else 1


def spent(row: Row) -> float:
    """Microseconds a job, measured once."""
    call, calls, jobs, *_ = row
    for _ in range(warming(row)):
        call()
    begun = time.thread_time_ns()
    for _ in range(calls):
        call()
    return (time.thread_time_ns() - begun) / 1e3 / calls / jobs


def refuse_what_is_missing(journal: Path, rows: Sequence[Row], beside: int) -> None:
    """End without a table unless every job of some rows, and others beside them, was recorded."""
    made = beside + REPEATS * sum(row.records * (warming(row) + row.calls) for row in rows)
    with open_journal(journal, read_only=True) as store:
        totals, _ = store.snapshot()
    kept = sum(totals.counters["qgm.jobs"].values())
    if kept != made:
        sys.exit(f"{journal.name}: {kept:,} of {made:,} jobs were recorded")


class Ended(SpanProcessor):
    """Counts the spans that the user's provider is handed."""

    count = 0

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002  the SDK's signature
        """Count one."""
        self.count += 1


def report(best: dict[str, float]) -> list[dict[str, Any]]:
    """The table: cost, ratio, what it is a ratio of, and the budget."""
    clocks, sdk = best["ten bare clock reads"], best["OpenTelemetry SDK, direct"]
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


def is_within(told: Sequence[dict[str, Any]]) -> bool:
    """Whether each cost is within its budget."""
    row = {each["work"]: each for each in told}
    fold, write = row["writer: fold and ten spans"], row["writer: event and journal row"]
    return (
        all(row[f"caller: `with` blocks{how}"]["x_clock_reads"] <= 14 for how in ("", ", traced"))
        and all(row[f"caller: marks{how}"]["x_clock_reads"] <= 6 for how in ("", ", traced"))
        and (fold["us_per_job"] <= 30 and fold["x_under_sdk"] >= 20)
        and write["us_per_job"] <= 50
    )


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


def rows(folder: str) -> list[dict[str, Any]]:
    """Measure with two recorders that take turns, one of which traces."""
    qgm.configure(journal=Path(folder) / "journal.db", detail_rate=1e9)
    plain = recorder()
    use(None)
    provider, ended = TracerProvider(shutdown_on_exit=False), Ended()
    provider.add_span_processor(ended)
    journal = Path(folder) / "traced.db"
    qgm.configure(journal=journal, detail_rate=1e9, tracer_provider=provider)
    traced = recorder()
    use(plain)
    scrape = partial(export, Aggregates(), one_event())
    work = {
        "ten bare clock reads": Row(ten_clock_reads, 10 * CALLS),
        "caller: `with` blocks": Row(with_blocks, records=1),
        "caller: `with` blocks, traced": Row(with_blocks, recorder=traced, records=1),
        "caller: marks": Row(with_marks, records=1),
        "caller: marks, traced": Row(with_marks, recorder=traced, records=1),
        "writer: fold and ten spans": Row(fold_and_spans()),
        "writer: event and journal row": Row(journal_write(folder), 3, 100, records=100),
        "export: scrape after a change": Row(scrape, 30),
        "prometheus_client, direct": Row(prometheus_client()),
        "OpenTelemetry SDK, direct": Row(opentelemetry_sdk()),
    }
    try:
        best = measure(work, plain)
    finally:
        for each in (plain, traced):
            each.close()
    theirs = [row for row in work.values() if row.recorder is traced]
    ours = [row for row in work.values() if row.recorder is None]
    refuse_what_is_missing(Path(folder) / "journal.db", ours, beside=2)  # the two events above
    refuse_what_is_missing(journal, theirs, beside=0)
    if not ended.count:
        sys.exit("no span reached the user's provider")
    return report(best)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", type=Path, metavar="README", help="quote the table there too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = rows(folder)
    if args.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0 if is_within(told) else 1
    head = ("one local job, nine stages", "us", "x clock reads", "x under SDK", "budget")
    table = "\n".join(LINE.format(*row).rstrip() for row in (head, *(r.values() for r in told)))
    print(table)
    if args.write:
        quote(table, args.write)
    return 0 if is_within(told) else 1


if __name__ == "__main__":
    sys.exit(main())
