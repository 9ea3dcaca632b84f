"""A process may end, fork, fill its disk or be interrupted: what it finished is there."""

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from qgm_observe.journal import Event, open_journal
from qgm_observe.records import Job, Run

Script = Callable[..., subprocess.CompletedProcess[str]]
HEAD = """
import asyncio, atexit, multiprocessing, os, resource, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import qgm_observe as qgm

def job(name):
    with qgm.job("aer", model=str(name), shots=8) as handle:
        with handle.stage("execute"):
            pass
    return name

if __name__ == "__main__":
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the script records."""
    return tmp_path / "journal.db"


@pytest.fixture
def script(tmp_path: Path, journal: Path) -> Script:
    """Runs a script in a process of its own, with the guard as users have it."""

    def run(body: str, **environment: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "train.py"
        file.write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
        settings = {"QGM_OBSERVE_JOURNAL": str(journal), "QGM_OBSERVE_STRICT": "0"}
        return subprocess.run(
            [sys.executable, str(file)],
            env=os.environ | settings | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


def finished(path: Path, noun: str = "job") -> list[Event]:
    """What a journal has of a noun that ended."""
    with open_journal(path, read_only=True) as store:
        return list(store.events(verbs=("finished",), nouns=(noun,)))


def models(path: Path) -> list[str]:
    """The names of the jobs that ended, sorted."""
    return sorted(event.body["model"] for event in finished(path))


# --------------------------------------------------------------------------------- normal endings

ENDINGS = {
    "fork": """
        job("parent")
        if os.fork() == 0:
            job("child")
            sys.exit()
        os.wait()
        """,
    "fork while others record": """
        stop = threading.Event()
        def work():
            while not stop.is_set():
                with qgm.job("aer", kind="inference"): pass
                stop.wait(0.001)
        job("warm")
        threads = [threading.Thread(target=work) for _ in range(3)]
        [thread.start() for thread in threads]
        for number in range(10):
            if (child := os.fork()) == 0:
                signal.alarm(20)
                job(f"child {number}")
                sys.exit()
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        job("parent")
        """,
    "fork while our writer imports": """
        entered = threading.Event()
        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name == "importlib.metadata" and not entered.is_set():
                    entered.set()
                    time.sleep(0.5)
        sys.meta_path.insert(0, Slow())
        job("parent")
        assert entered.wait(10)
        if (child := os.fork()) == 0:
            signal.alarm(20)
            job("child")
            qgm.flush(10)
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        """,
    "pool": """
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(job, range(10))
            pool.close()
            pool.join()
        """,
    "spawn": """
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(job, range(10))
            pool.close()
            pool.join()
        """,
    "executor": """
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2) as pool:
            list(pool.map(job, range(10)))
        """,
    "asyncio": """
        async def main():
            await asyncio.gather(*(asyncio.to_thread(job, number) for number in range(10)))
        asyncio.run(main())
        """,
    "threads that outlive main": """
        def late():
            time.sleep(0.2)
            job("late")
        threading.Thread(target=late).start()
        job("main")
        """,
    "exit handler": """
        job("first")
        ours = sys.modules["qgm_observe.lifecycle.recorder"]._at_exit
        atexit.unregister(ours)
        atexit.register(job, "at exit, after ours")
        atexit.register(ours)
        atexit.register(job, "at exit, before ours")
        """,
    "exit code": """
        job("before")
        sys.exit(3)
        """,
    "exception": """
        job("before")
        raise ValueError("of the training")
        """,
}
EXPECTED = {
    "fork": ["child", "parent"],
    "fork while others record": [*(f"child {number}" for number in range(10)), "parent", "warm"],
    "fork while our writer imports": ["child", "parent"],
    "threads that outlive main": ["late", "main"],
    "exit handler": ["at exit, after ours", "at exit, before ours", "first"],
    "exit code": ["before"],
    "exception": ["before"],
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_finished_job_is_in_the_journal(script: Script, journal: Path, ending: str) -> None:
    """However a process ends by itself, all its finished jobs are there, each once."""
    done = script(ENDINGS[ending], QGM_OBSERVE_DETAIL_RATE="1e9")
    expected = EXPECTED.get(ending, [str(number) for number in range(10)])

    assert done.returncode == {"exit code": 3, "exception": 1}.get(ending, 0), done.stderr
    assert "qgm-observe" not in done.stderr
    assert expected == [name for name in models(journal) if name != "unknown"]
    if ending == "exception":
        assert done.stderr.splitlines()[-1] == "ValueError: of the training"


def test_a_run_that_was_left_open_is_lost(script: Script, journal: Path) -> None:
    """When the interpreter ends with an open run, the run is lost and no success; its jobs stay."""
    script("run = qgm.run(model='left').begin(); job('inside'); qgm.flush()")
    with open_journal(journal, read_only=True) as store:
        (run,) = store.records(Run)
        (inner,) = store.records(Job)

    assert (run.outcome, inner.outcome) == ("lost", "success")


def test_a_cancelled_task_is_cancelled(script: Script, journal: Path) -> None:
    """Cancelling a task cancels its job, and the cancellation goes its way."""
    done = script(
        """
        async def work():
            async with qgm.job("aer"):
                await asyncio.sleep(60)
        async def main():
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                print("cancelled", qgm.current())
        asyncio.run(main())
        """
    )

    assert done.stdout == "cancelled None\n"
    assert [event.body["outcome"] for event in finished(journal)] == ["cancelled"]


# ------------------------------------------------------------------------------------ interrupts


def test_interrupts_at_random_points(script: Script, journal: Path) -> None:
    """Ctrl-C at any instruction passes; what ended in peace is recorded, nothing stays open."""
    done = script(
        """
        import random, json
        random.seed(7)
        def interrupt(*_): raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        run = qgm.run().begin()
        whole, hit = [], 0
        for number in range(20_000):
            if hit == 600: break
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 4e-4))
                    for _ in range(20):
                        with run.step() as step, step.job("aer") as handle:
                            with handle.stage("execute"): pass
                        whole.append(handle.id)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                hit += 1
        time.sleep(1.1)
        for _ in range(2):
            assert qgm.flush(20)
        half = [h for h in run.recorder.open if h.ended]
        left = [h.id for h in run.recorder.open if h is not run and not h.ended]
        run.end()
        assert qgm.flush(20)
        print(json.dumps({"hit": hit, "whole": whole, "half": len(half), "left": left}))
        """,
        QGM_OBSERVE_DETAIL_RATE="1e9",
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    outcomes = {event.subject: event.body["outcome"] for event in finished(journal)}

    assert told["hit"] == 600
    assert told["half"] == 0
    assert len(told["left"]) < told["hit"] / 20  # struck at the very entry of our exit
    assert done.stderr == ""
    assert [job for job in told["whole"] if outcomes.get(job) != "success"] == []
    assert set(outcomes.values()) <= {"success", "cancelled"}


# ------------------------------------------------------------------------------------------ disk

FILLING = """
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    job("first")
    assert qgm.flush(10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    for number in range(300):
        with qgm.job("aer", model="big") as handle:
            handle.note(text="x" * 1000)
        if number % 50 == 49:
            qgm.flush(10)
    full = qgm.flush(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    print(full, qgm.flush(10))
"""


@pytest.mark.parametrize("form", ["journal.db", "journal.jsonl"])
def test_a_full_disk_costs_a_warning(script: Script, tmp_path: Path, form: str) -> None:
    """While nothing can be written rows wait and the training goes on; with room they are there."""
    path = tmp_path / form
    if form == "journal.jsonl":
        path.mkdir()
    done = script(
        f"import logging; logging.basicConfig()\n{textwrap.dedent(FILLING)}",
        QGM_OBSERVE_JOURNAL=str(path),
        QGM_OBSERVE_DETAIL_RATE="1e9",
    )

    assert done.stdout == "False True\n", done.stderr
    assert done.stderr.count("metrics go on, rows wait in memory") == 1
    assert len(done.stderr.splitlines()) == 1
    assert Counter(models(path)) == {"first": 1, "big": 300}


def test_a_journal_that_may_not_be_written(script: Script) -> None:
    """Where nothing may be written there is one warning, and the training ends as it would."""
    done = script(
        """
        import logging; logging.basicConfig()
        for number in range(3): job(number); qgm.flush(1)
        print("trained")
        """,
        QGM_OBSERVE_JOURNAL="/sys/qgm-observe/journal.db",
    )

    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert len(done.stderr.splitlines()) == 1
    assert "set QGM_OBSERVE_JOURNAL" in done.stderr


def test_a_locked_journal_is_written_when_it_is_let_go(script: Script, journal: Path) -> None:
    """Rows wait while another program holds the file, and none is lost."""
    done = script(
        """
        import sqlite3
        job("before")
        assert qgm.flush(10)
        holder = sqlite3.connect(os.environ["QGM_OBSERVE_JOURNAL"])
        holder.execute("BEGIN EXCLUSIVE")
        begun = time.perf_counter()
        for number in range(100): job("meanwhile")
        took = time.perf_counter() - begun
        holder.rollback(); holder.close()
        assert took < 1, took
        assert qgm.flush(30)
        """,
        QGM_OBSERVE_DETAIL_RATE="1e9",
    )

    assert done.returncode == 0, done.stderr
    assert Counter(models(journal)) == {"before": 1, "meanwhile": 100}


def test_the_jsonl_form_from_end_to_end(script: Script, tmp_path: Path) -> None:
    """Parent, child and pool record into one folder, and a killed child's work is lost."""
    path = tmp_path / "journal.jsonl"
    path.mkdir()
    done = script(
        """
        job("parent")
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(job, range(4))
            pool.close()
            pool.join()
        if (child := os.fork()) == 0:
            run = qgm.run(model="killed").begin()
            qgm.flush(10)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        """,
        QGM_OBSERVE_JOURNAL=str(path),
    )
    with open_journal(path, read_only=True) as store:
        (run,) = store.records(Run)
        integrity = store.info(check=True).integrity

    assert done.returncode == 0, done.stderr
    assert models(path) == ["0", "1", "2", "3", "parent"]
    assert (run.work.model, run.outcome, integrity) == ("killed", "lost", "ok")
