"""Two data sets in one real Prometheus: a month that is healthy, and three hours of an outage.

Events are folded, a provider is polled, and what `/metrics` would have shown at each instant is
backfilled by promtool; then our recording and alerting rules are evaluated over it. Long ago that
is every six hours, in the last week each hour, and at the end, of devices also a week before it,
every five minutes: as long as Prometheus believes a sample.

promtool reads its whole input once for each block of two hours unless told to make longer ones.
"""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qgm_observe.catalog import provider_signals
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.prometheus import CLASSIC

from .cloud import Cloud, Exporter
from .month import DAY, END, HEALTHY, HOUR, START, TROUBLE, Month, health

WEEK = END - 7 * DAY - 6 * HOUR
NEAR = HEALTHY - 6 * HOUR
LONG_BLOCKS = "--max-block-duration=4400h"
_JOBS = {"qgm-observe-journal": "journal:9466", "qgm-observe-provider": "provider:9465"}


def instants() -> list[float]:
    """When the pages are looked at."""
    spans = (
        (START, WEEK, 6 * HOUR),
        (WEEK, NEAR, HOUR),
        (NEAR - 7 * DAY, END - 7 * DAY, 300.0),
        (NEAR, END + 1, 300.0),
    )
    found: set[float] = set()
    for start, end, step in spans:
        found |= {start + number * step for number in range(int((end - start) / step + 0.999))}
    return sorted(found)


def samples(folder: Path) -> Iterator[str]:
    """Yield what both exporters show at each instant, with time stamps."""
    now = START
    month = Month()
    events = month.events()
    journal = Aggregates("journal", 15.0, lambda: now)
    exporter = Exporter(folder, Cloud(lambda: now, TROUBLE), START, END)
    at = 0
    for now in instants():
        upto = at
        while upto < len(events) and events[upto].at <= now:
            upto += 1
        journal.fold(events[at:upto])
        at = upto
        journal.set_open(month.open_work(now), now)
        journal.add(provider_signals.EXPORTER_RECEIVED, ("stored",), 3)
        unreadable = now >= TROUBLE
        for signal, labels, value in health(now):
            journal.set_gauge(signal, labels, value)
        journal.set_gauge(provider_signals.EXPORTER_FOLLOWED, ("main",), float(not unreadable))
        journal.set_gauge(provider_signals.EXPORTER_LAG, ("main",), 900.0 if unreadable else 0.5)
        yield from _stamped(exporter.text(), "qgm-observe-provider", now)
        if now >= NEAR or now % HOUR == 0:
            text = journal.exposition(CLASSIC).text.decode()
            yield from _stamped(text, "qgm-observe-journal", now)


def _stamped(text: str, job: str, now: float) -> Iterator[str]:
    scraped = f'job="{job}",instance="{_JOBS[job]}"'
    count = 0
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        head, _, value = line.rpartition(" ")
        inner = head[:-1] if head.endswith("}") else head + "{"
        comma = "" if inner.endswith("{") else ","
        count += 1
        yield f"{inner}{comma}{scraped}}} {value} {now:.0f}\n"
    yield f"up{{{scraped}}} 1 {now:.0f}\n"
    yield f"scrape_duration_seconds{{{scraped}}} 0.01 {now:.0f}\n"
    yield f"scrape_samples_scraped{{{scraped}}} {count} {now:.0f}\n"


@contextmanager
def running(prometheus: Path, data: Path) -> Iterator[str]:
    """Run a Prometheus on blocks and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nothing = data.parent / "nothing.yml"
    nothing.write_text("scrape_configs: []\n")
    words = [
        f"--config.file={nothing}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=50y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen([prometheus, *words], stderr=subprocess.DEVNULL)
    try:
        _await(f"http://127.0.0.1:{port}/-/ready", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            assert process.poll() is None, "Prometheus ended"
            assert time.monotonic() < deadline, "Prometheus is not ready"
            time.sleep(0.05)


def backfill(promtool: Path, lines: Iterable[str], data: Path) -> None:
    """Write samples into blocks."""
    page = data.parent / "page.om"
    with page.open("w") as file:
        file.writelines(lines)
        file.write("# EOF\n")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", LONG_BLOCKS, page, data]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    page.unlink()
