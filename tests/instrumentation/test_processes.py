"""Processes that end without calling an exit handler."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.journal import open_journal

Ended = tuple[subprocess.CompletedProcess[str], list[str]]


def ended(path: Path, body: str) -> Ended:
    """Runs a script on a journal of its own; the models of the jobs that are in it afterwards."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(body)],
        env={**os.environ, "QGM_OBSERVE_JOURNAL": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    with open_journal(path, read_only=True) as journal:
        events = list(journal.events(verbs=("finished",), nouns=("job",)))
    return done, [event.body["model"] for event in events]


def test_what_a_forked_child_recorded_is_there_after_its_hard_exit(path: Path) -> None:
    """Children of `os.fork` that leave by `os._exit` lose no job, and their exit code is kept."""
    done, models = ended(
        path,
        """
        import os
        import qgm_observe as qgm
        qgm.instrument()
        for number in range(3):
            if os.fork() == 0:
                with qgm.job("aer", model=f"child {number}"): pass
                os._exit(number)
            print(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
    )

    assert (done.stdout, done.stderr) == ("0\n1\n2\n", "")
    assert models == ["child 0", "child 1", "child 2"]


def test_children_of_multiprocessing_lose_nothing_either(path: Path) -> None:
    """A child that multiprocessing forks writes its jobs before it ends."""
    done, models = ended(
        path,
        """
        import multiprocessing
        import qgm_observe as qgm
        qgm.instrument()
        def work():
            with qgm.job("aer", model="child"): pass
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        print(child.exitcode)
        """,
    )

    assert (done.stdout, done.stderr) == ("0\n", "")
    assert models == ["child"]


def test_a_hard_exit_ends_also_where_the_rows_cannot_be_written(path: Path) -> None:
    """Whatever keeps the rows from being written, the process ends with its own exit code."""
    path.with_name("file").touch()
    done, _ = ended(
        path,
        f"""
        import os
        import qgm_observe as qgm
        from qgm_observe.lifecycle import recorder
        with qgm.job("aer", model="kept"): pass
        qgm.flush()
        qgm.configure(journal={str(path)!r})
        qgm.instrument()
        recorder().flush = None
        with qgm.job("aer"): pass
        os._exit(7)
        """,
    )

    assert done.returncode == 7


def test_the_exit_is_its_own_again(hooks: None) -> None:
    """After `uninstrument` the function is what it was, however often the hooks were put up."""
    wrapped = os._exit
    instrument()
    assert os._exit is wrapped
    uninstrument()

    assert os._exit is not wrapped
    assert not hasattr(os._exit, "__wrapped__")
    with pytest.raises(TypeError):
        os._exit("no status")
