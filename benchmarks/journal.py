"""The journal: how fast it takes rows, and what is left of them after kills and crowds.

Rows a second and latencies are wall time of one process, each line of the table with files of its
own; the best and the median of several repeats are printed, beside SQLite with one bare table under
the same load. The kills end three writers (SIGKILL) in the middle of their work, fifteen times;
each row had been acknowledged, that is, its writer had printed its id after `append` returned. The
crowd is eight processes that each append one event a time for four seconds. A writer that wrote
nothing is an error, and the exit code is 1 if a row is lost, an append failed or a writer starves.

Usage: python benchmarks/journal.py [--json] [--rounds 15] [--seconds 4]
"""

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Self, cast

from qgm_observe.journal import Event, Journal, JsonlJournal, Store

LABELS = {
    "project": "default",
    "pipeline": "nightly",
    "model": "qcbm",
    "model_version": "3",
    "kind": "training",
    "provider": "local",
    "device": "aer_simulator",
    "region": "local",
    "execution_mode": "local",
    "shot_class": "1k",
}
STAGES = ("compile", "submit", "queue", "execute", "decode")
TEXT = "x" * 600
ROWS = 20_000
REPEATS = 5
KILLED, WRITERS = 3, 8
LEAST_SHARE = 0.1
"""What the slowest of a crowd gets through, of the mean."""


def small_event(number: int) -> Event:
    """An event of about 300 bytes."""
    subject = f"{random.Random(number).getrandbits(64):016x}"
    return Event(
        verb="finished",
        noun="job",
        subject=subject,
        at=1e9 + number,
        run="0" * 32,
        id=f"{subject}/finished",
        body=LABELS | {"outcome": "success"},
    )


def job_event(number: int) -> Event:
    """A whole job: labels, five stages, one attempt; about 600 bytes."""
    event = small_event(number)
    body = {
        **event.body,
        "start": 1e9 + number,
        "duration": 0.123456,
        "stages": [[stage, 0.01 * i, 0.0123456, "local"] for i, stage in enumerate(STAGES)],
        "shots": 4096,
        "circuits": 4,
        "attempts": [{"number": 1, "outcome": "success"}],
    }
    return Event(
        verb=event.verb,
        noun=event.noun,
        subject=event.subject,
        at=event.at,
        run=event.run,
        id=event.id,
        body=body,
    )


class BareTable:
    """What SQLite itself needs: one table with its key, the text ready made, nothing else."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT)")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open it like a journal."""
        return cls(path)

    def append(self, events: Sequence[Event]) -> None:
        """Write events as text of about the same size."""
        self.db.execute("BEGIN IMMEDIATE")
        for event in events:
            row = (event.id, TEXT)
            self.db.execute("INSERT INTO events (id, body) VALUES (?, ?)", row)
        self.db.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.db.close()


def timed(journal: Store | BareTable, events: list[Event], batch: int) -> list[float]:
    """Append events in batches; return the seconds of each append."""
    seconds = []
    for first in range(0, len(events), batch):
        some = events[first : first + batch]
        began = time.perf_counter()
        journal.append(some)
        seconds.append(time.perf_counter() - began)
    return seconds


Form = type[Journal | JsonlJournal | BareTable]


def speed(form: Form, batch: int, *, small: bool) -> dict[str, Any]:
    """Measure one row of the table."""
    make = small_event if small else job_event
    rates, appends, work = [], [], []
    for _ in range(REPEATS):
        events = [make(number) for number in range(ROWS)]
        with (
            tempfile.TemporaryDirectory() as folder,
            form.open(Path(folder) / "journal.db") as journal,
        ):
            began = time.process_time()
            seconds = timed(journal, events, batch)
            work.append((time.process_time() - began) / ROWS)
        rates.append(ROWS / sum(seconds))
        appends += seconds
    cuts = statistics.quantiles(appends, n=100)
    return {
        "form": form.__name__,
        "event": "300 B" if small else "job",
        "events per commit": batch,
        "rows/s best": round(max(rates)),
        "rows/s median": round(statistics.median(rates)),
        "us per row best": round(1e6 / max(rates), 1),
        "processor us per row": round(statistics.median(work) * 1e6, 1),
        "append p50 us": round(cuts[49] * 1e6),
        "append p99 us": round(cuts[98] * 1e6),
    }


# ----------------------------------------------------------------------------------------- kills

KILLED_WRITER = """
import sys
from qgm_observe.journal import Event, Journal
journal, name, number = Journal.open(sys.argv[1]), sys.argv[2], 0
while True:
    batch = [Event(verb="finished", noun="job", subject=f"{name}.{number + i}", at=1.0,
                   id=f"{name}.{number + i}/finished", body={"outcome": "success"})
             for i in range(number % 7 + 1)]
    number += len(batch)
    journal.append(batch)
    sys.stdout.write("".join(event.id + "\\n" for event in batch))
    sys.stdout.flush()
"""


def kills(rounds: int) -> dict[str, Any]:
    """Kill three writers so many times over; return what was acknowledged and what is missing."""
    acknowledged: set[str] = set()
    whole = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        for number in range(rounds):
            writers = [start(KILLED_WRITER, path, f"{number}-{i}") for i in range(KILLED)]
            for writer in writers:
                wanted = 300 + 37 * number
                acknowledged.update(said := list(islice(lines(writer), wanted)))
                if len(said) < wanted:
                    sys.exit(f"a writer ended by itself after {len(said)} rows")
            for writer in writers:
                writer.kill()
            for writer in writers:
                acknowledged.update(lines(writer))
                writer.wait()
            with Journal.open(path) as journal:
                whole += journal.info(check=True).integrity == "ok"
        done = {line.strip() for line in acknowledged if line.endswith("/finished\n")}
        with Journal.open(path, read_only=True) as journal:
            kept = {event.id for event in journal.events()}
    return {
        "kills": rounds * KILLED,
        "rows acknowledged": len(done),
        "acknowledged rows lost": len(done - kept),
        "integrity ok": f"{whole}/{rounds}",
    }


# ----------------------------------------------------------------------------------------- crowd

CROWD_WRITER = """
import sys, time
from qgm_observe.errors import JournalError
from qgm_observe.journal import Event, Journal
journal, name, seconds = Journal.open(sys.argv[1]), sys.argv[2], float(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
count = errors = 0
slowest, end = 0.0, time.monotonic() + seconds
while (began := time.monotonic()) < end:
    try:
        journal.append([Event(verb="finished", noun="job", subject=f"{name}.{count}", at=1.0,
                              id=f"{name}.{count}/finished", body={"outcome": "success"})])
        count += 1
    except JournalError:
        errors += 1
    slowest = max(slowest, time.monotonic() - began)
print(count, errors, slowest)
"""


def crowd(seconds: float) -> dict[str, Any]:
    """Let eight processes append at once; return what each got through."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        writers = [start(CROWD_WRITER, path, i, seconds) for i in range(WRITERS)]
        for writer in writers:
            next(lines(writer))
        for writer in writers:
            stdin = cast("IO[str]", writer.stdin)
            stdin.write("go\n")
            stdin.flush()
        told = [writer.communicate()[0].split() for writer in writers]
        with Journal.open(path, read_only=True) as journal:
            rows = journal.last_seq()
    counts = [int(count) for count, _, _ in told]
    return {
        "writers": WRITERS,
        "seconds": seconds,
        "rows/s together": round(sum(counts) / seconds),
        "slowest writer": min(counts),
        "mean writer": round(statistics.mean(counts)),
        "fastest writer": max(counts),
        "slowest/mean": round(min(counts) / statistics.mean(counts), 2),
        "errors": sum(int(errors) for _, errors, _ in told),
        "rows missing": sum(counts) - rows,
        "longest append ms": round(max(float(wait) for _, _, wait in told) * 1e3),
    }


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a writer."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lines(writer: subprocess.Popen[str]) -> IO[str]:
    """Return the lines that a writer prints."""
    return cast("IO[str]", writer.stdout)


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Print a table in Markdown."""
    print(f"\n{title}\n")
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


def holds(killed: dict[str, Any], crowded: dict[str, Any]) -> bool:
    """Whether nothing acknowledged was lost, nothing failed and no writer starved."""
    whole, _, rounds = killed["integrity ok"].partition("/")
    return (
        (killed["rows acknowledged"] > 0 and killed["acknowledged rows lost"] == 0)
        and whole == rounds
        and (crowded["errors"] == crowded["rows missing"] == 0)
        and crowded["slowest/mean"] >= LEAST_SHARE
    )


def main() -> int:
    """Measure and print; 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=4.0)
    args = parser.parse_args()
    cases: list[tuple[Form, int, bool]] = [
        (BareTable, 1, False),
        (BareTable, 100, False),
        (Journal, 1, True),
        (Journal, 1, False),
        (Journal, 100, False),
        (Journal, 1000, False),
        (JsonlJournal, 1, False),
        (JsonlJournal, 100, False),
    ]
    results = {
        "speed": [speed(form, batch, small=small) for form, batch, small in cases],
        "kill -9": [kills(args.rounds)],
        "crowd": [crowd(args.seconds)],
    }
    if args.json:
        print(json.dumps(results))
    else:
        for title, rows in results.items():
            show(title, rows)
    return 0 if holds(results["kill -9"][0], results["crowd"][0]) else 1


if __name__ == "__main__":
    sys.exit(main())
