"""What is left after violent ends, and what a million jobs cost in memory.

A victim records local jobs and remote submissions and says on a pipe, after each, what it was told
is done: that is acknowledged. It ends by `os._exit`, SIGTERM's default action or SIGKILL at a
random moment. Then the journal is read: every acknowledged submission has to be there, every job
that had finished more than a second before, and what was open has to be `lost`. What finished
within the last second may be missing; it is printed beside what finished in it. A victim that did
nothing is an error, and the exit code is 1 for whatever is lost, damaged or no longer flat.

Memory is the resident set of one process after each tenth of its jobs; growth is from the second
tenth, when caches are warm, to the last.

Usage: python benchmarks/robustness.py [--json] [--rounds 50] [--jobs 1000000], eight minutes
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from qgm_observe.journal import Event, open_journal

VICTIM = """
import os, sys, time
import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.lifecycle import Device

class Provided:
    def __init__(self, name): self.name = name
    def job_id(self): return self.name
    def result(self): return {}
    def metrics(self): return {}

def say(word, *what):
    os.write(1, (" ".join([word, repr(time.monotonic()), *what]) + "\\n").encode())

remote = Device("ibm", "ibm_fez", "us-east", ExecutionMode.JOB)
deadline = time.monotonic() + float(sys.argv[1])
run = qgm.run(model="victim").begin()
number = 0
while not (sys.argv[2] == "exit" and time.monotonic() > deadline):
    number += 1
    with run.step() as step:
        with step.job("aer", shots=8) as job:
            with job.stage("execute"): pass
        say("job", job.id)
        if number % 10 == 0:
            with step.job(remote) as job:
                job.attempt(Provided, f"provider-{os.getpid()}-{number}")
                say("submitted", job.id)
    time.sleep(0.001)
os._exit(9)
"""
GROWER = """
import sys, time
import qgm_observe as qgm

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

jobs, seen = int(sys.argv[1]), []
with qgm.run(model="long") as run:
    for tenth in range(10):
        for number in range(jobs // 10):
            with run.job("aer", shots=8, circuits=1) as job:
                with job.stage("execute"): pass
            if number % 5000 == 0: qgm.flush(60)
        assert qgm.flush(60)
        seen.append(resident())
print(*seen)
"""
ENDS = ("exit", "SIGTERM", "SIGKILL")
SECONDS = (1.5, 3.0)
NEVER = ("submissions lost", "older jobs lost", "not lost though open", "damaged")
MOST_GROWTH = 5.0
"""MB."""


def environment(journal: Path) -> dict[str, str]:
    """The settings of a victim: every job is kept in full."""
    settings = {"QGM_OBSERVE_JOURNAL": str(journal), "QGM_OBSERVE_DETAIL_RATE": "1e9"}
    return os.environ | settings | {"QGM_OBSERVE_STRICT": "0"}


def end_violently(journal: Path, how: str, seconds: float) -> tuple[list[list[str]], float]:
    """Start a victim and end it; return what it had acknowledged, and when it ended."""
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(seconds), how],
        env=environment(journal),
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        if how != "exit":
            time.sleep(seconds)
            victim.send_signal(getattr(signal, how))
        output, _ = victim.communicate(timeout=60)
    told = [line.split() for line in output.splitlines() if line.count(" ") == 2]
    if {word for word, *_ in told} != {"job", "submitted"}:
        sys.exit(f"a victim ({how}) did nothing: exit code {victim.returncode}")
    return told, max((float(words[1]) for words in told), default=0.0)


def judged(journal: Path, told: list[list[str]], ended: float) -> dict[str, float]:
    """Compare what was acknowledged with what is there, after the dead were declared lost."""
    with open_journal(journal) as store:
        store.reap(time.time())
        events = list(store.events())
        still_open = len(list(store.open_work()))
        broken = store.info(check=True).integrity != "ok"
    finished = {e.subject: e.body["outcome"] for e in events if e.verb == "finished"}
    submitted = {e.body["job"] for e in events if e.verb == "submitted"}
    jobs = [(float(at), name) for word, at, name in told if word == "job"]
    missing = [at for at, name in jobs if name not in finished]
    return {
        "submissions": sum(word == "submitted" for word, _, _ in told),
        "submissions lost": sum(n not in submitted for w, _, n in told if w == "submitted"),
        "jobs": len(jobs),
        "older jobs lost": sum(at < ended - 1 for at in missing),
        "last second": sum(at >= ended - 1 for at, _ in jobs),
        "lost of it": len(missing),
        "not lost though open": still_open + _successes(events, told),
        "damaged": broken,
    }


def _successes(events: list[Event], told: list[list[str]]) -> int:
    """Runs and remote jobs of a dead process that were in flight and claim a success."""
    run = [e for e in events if e.verb == "finished" and e.noun == "run"]
    return sum(e.body["outcome"] != "lost" for e in run) + (len(run) != 1 and bool(told))


def kills(rounds: int) -> list[dict[str, Any]]:
    """The sums of all rounds, a row a way to end."""
    rows: list[dict[str, Any]] = []
    chance = random.Random(11)
    for how in ENDS:
        sums: dict[str, float] = {}
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                journal = Path(folder) / "journal.db"
                told, ended = end_violently(journal, how, chance.uniform(*SECONDS))
                for name, number in judged(journal, told, ended).items():
                    sums[name] = sums.get(name, 0) + number
        rows.append({"end": how, "rounds": rounds} | sums)
    return rows


def memory(jobs: int) -> dict[str, Any]:
    """Megabytes after each tenth of the jobs, and their growth."""
    with tempfile.TemporaryDirectory() as folder:
        settings = environment(Path(folder) / "journal.db") | {"QGM_OBSERVE_DETAIL_RATE": "100"}
        done = subprocess.run(
            [sys.executable, "-c", GROWER, str(jobs)],
            env=settings,
            capture_output=True,
            text=True,
            check=True,
        )
    seen = [float(word) for word in done.stdout.split()]
    return {"jobs": jobs, "megabytes": seen, "growth": round(seen[-1] - seen[1], 2)}


def main() -> int:
    """Measure and print; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=10, help="of each end (default 10)")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="in one process")
    args = parser.parse_args()
    rows, grown = kills(args.rounds), memory(args.jobs)
    broken = any(row[name] for row in rows for name in NEVER) or grown["growth"] >= MOST_GROWTH
    if args.json:
        print(json.dumps({"kills": rows, "memory": grown}))
        return int(broken)
    names = list(rows[0])
    print("  ".join(f"{name:>{max(len(name), 7)}}" for name in names))
    for row in rows:
        print("  ".join(f"{row[name]:>{max(len(name), 7)}}" for name in names))
    print(f"\n{grown['jobs']} jobs: {grown['megabytes']} MB, growth {grown['growth']} MB")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
