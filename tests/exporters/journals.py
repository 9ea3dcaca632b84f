"""What the tests of the journal's exporter share: events that look like ours, time, a page."""

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.journal import Event, OpenWork, Store, Totals, open_journal
from qgm_observe.records import current_process
from qgm_observe.telemetry.prometheus import CLASSIC

NOW = 1_800_000_000.0
LABELS = {"project": "p", "pipeline": "q", "model": "qcbm", "model_version": "1"}
LABELS |= {"kind": "training", "shot_class": "1k"}
LOCAL = LABELS | {"provider": "local", "device": "aer", "region": "here", "execution_mode": "local"}
REMOTE = LABELS | {"provider": "ibm", "device": "ibm_fez", "region": "eu", "execution_mode": "job"}

Start = Callable[..., JournalExporter]

_numbers = count(1)
_open: list[Store] = []


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def finished(
    noun: str = "job",
    outcome: str = "success",
    subject: str | None = None,
    at: float = NOW,
    *,
    labels: dict[str, str] = LOCAL,
    **body: Any,
) -> Event:
    subject = subject or f"{next(_numbers):016x}"
    run = body.pop("run", None)
    facts = {**labels, "start": at - 2, "duration": 2.0, "outcome": outcome, **body}
    if outcome == "failure":
        facts["error"] = {"class": "quota", "stage": "submit"}
    id_ = f"{subject}/finished"
    return Event(verb="finished", noun=noun, subject=subject, at=at, run=run, id=id_, body=facts)


def opened(noun: str, subject: str, at: float = NOW, labels: dict[str, str] = LOCAL) -> Event:
    id_ = f"{subject}/opened/{next(_numbers)}"
    body = {**labels, "start": at}
    return Event(verb="opened", noun=noun, subject=subject, at=at, id=id_, body=body)


def still_open(subject: str, noun: str = "run", heartbeat: float = NOW, **more: Any) -> OpenWork:
    here = current_process()
    return OpenWork(
        subject=subject,
        noun=noun,
        run=subject if noun == "run" else None,
        opened_at=NOW,
        heartbeat=heartbeat,
        process=more.pop("process", (here.host, here.boot, here.pid, here.started)),
        body={**LOCAL, "start": NOW, **more},
    )


def jobs_on(exporter: JournalExporter, **labels: str) -> float:
    """Jobs that the page shows, of some labels."""
    return sum(value for told, value in samples(exporter, "qgm_jobs_total") if has(told, labels))


def has(told: str, labels: dict[str, str]) -> bool:
    return all(f'{name}="{value}"' in told for name, value in labels.items())


def samples(exporter: JournalExporter, name: str) -> list[tuple[str, float]]:
    """Label text and value of each sample of a name."""
    page = exporter.exposition(CLASSIC)
    assert page is not None
    found = []
    for line in page.text.decode().splitlines():
        told, _, value = line.rpartition(" ")
        if told.partition("{")[0] == name:
            found.append((told, float(value)))
    return found


def counters(exporter: JournalExporter) -> dict[str, float]:
    """Every counter and bucket of the page by its text."""
    page = exporter.exposition(CLASSIC)
    assert page is not None
    lines = [line.rpartition(" ") for line in page.text.decode().splitlines() if line[0] != "#"]
    suffixes = ("_total", "_bucket", "_count", "_sum")
    return {t: float(v) for t, _, v in lines if t.partition("{")[0].endswith(suffixes)}


def totals_of(paths: Iterable[Path]) -> Totals:
    """The sum over journals, by reading each wholly."""
    totals = Totals()
    for path in paths:
        with open_journal(path, read_only=True) as journal:
            totals.merge(journal.snapshot()[0])
    return totals


def fill(path: Path, *events: Event, form: str = "auto") -> Store:
    """A journal with some events, left open until `close_all`."""
    journal = open_journal(path, form=form)
    _open.append(journal)
    journal.append(events)
    return journal


def end(exporter: JournalExporter) -> None:
    """Ends an exporter as SIGTERM does: it remembers how far it came."""
    exporter._save(exporter._clock(), at_once=True)
    exporter.stop(1)


def later(exporter: JournalExporter, clock: Clock, seconds: float = 31.0) -> None:
    """Lets time pass and the exporter look again."""
    clock.now += seconds
    exporter.tick()


def close_all() -> None:
    """Closes what `fill` left open."""
    while _open:
        _open.pop().close()
