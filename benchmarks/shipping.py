"""What following and shipping cost: events a second, restarts, memory. Prints a table.

    python benchmarks/shipping.py [EVENTS [FORM]]

Seconds are CPU seconds of a process that does nothing else. A restart with its state reads what is
new; one without its state reads the whole journal once. What the exporter counts has to be what was
written, or the exit code is 1.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.journal import Event, open_journal
from qgm_observe.telemetry.prometheus import CLASSIC

BATCH = 2_000
PIPELINES = 20
LABELS = {"project": "p", "model": "qcbm", "model_version": "1", "kind": "training"}
LABELS |= {"provider": "local", "device": "aer", "region": "here", "execution_mode": "local"}
STAGES = [[name, n * 0.1, 0.1, "local"] for n, name in enumerate(("compile", "submit", "execute"))]


def job(number: int) -> Event:
    """Build one ended job of three stages."""
    subject, at = f"{number:016x}", 1.8e9 + number
    body = {**LABELS, "pipeline": f"q{number % PIPELINES}", "shot_class": "1k", "shots": 1000}
    body |= {"start": at - 1, "duration": 1.0, "outcome": "success", "stages": STAGES}
    id_ = f"{subject}/finished"
    return Event(verb="finished", noun="job", subject=subject, at=at, id=id_, body=body)


def write(path: Path, form: str, count: int, first: int = 0) -> None:
    """Write jobs."""
    with open_journal(path, form=form) as journal:
        for number in range(first, first + count, BATCH):
            end = min(number + BATCH, first + count)
            journal.append([job(each) for each in range(number, end)])


def follow(path: Path, state: Path) -> None:
    """Be one exporter's life until it has read all, in this process, and print what it took."""
    config = state.with_suffix(".yml")
    config.write_text(f"state: {state}\n")
    began = time.process_time()
    exporter = JournalExporter([str(path)], config)
    while exporter.readiness() is not None:
        exporter.tick()
    seconds = time.process_time() - began
    page = exporter.exposition(CLASSIC)
    lines = page.text.decode().splitlines() if page is not None else []
    jobs = sum(float(line.split()[-1]) for line in lines if line.startswith("qgm_jobs_total{"))
    exporter.stop(5)
    exporter._save(time.time(), at_once=True)  # noqa: SLF001  as its own thread would at the end
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.3f} {peak:.0f} {jobs:.0f}")


def life(path: Path, state: Path, written: int) -> tuple[float, float]:
    """Return the CPU seconds until all is read, and peak resident MB, of an exporter of its own.

    Ends everything if it counted other than the jobs that were written.
    """
    command = [sys.executable, __file__, "--follow", str(path), str(state)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if int(told[2]) != written:
        sys.exit(f"{path.name}: {written:,} jobs were written, {int(told[2]):,} are counted")
    return float(told[0]), float(told[1])


def main(count: int, forms: tuple[str, ...] = ("sqlite", "jsonl")) -> None:
    """Print the table."""
    print(f"{'journal':<8}{'events':>10}  {'case':<34}{'CPU s':>9}{'events/s':>11}{'RSS MB':>8}")
    for form in forms:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("a.db" if form == "sqlite" else "a.jsonl")
            write(path, form, count)
            rows = [("first start, no state", count, *life(path, Path(folder) / "state", count))]
            rows.append(("restart, nothing new", 0, *life(path, Path(folder) / "state", count)))
            more = count // 10
            write(path, form, more, count)
            last = life(path, Path(folder) / "state", count + more)
            rows.append(("restart, a tenth is new", more, *last))
        for case, events, seconds, peak in rows:
            rate = f"{events / seconds:,.0f}" if events else "-"
            print(f"{form:<8}{count:>10,}  {case:<34}{seconds:>9.2f}{rate:>11}{peak:>8.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--follow"]:
        follow(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
        main(events, tuple(sys.argv[2:3]) or ("sqlite", "jsonl"))
