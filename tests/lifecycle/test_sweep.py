"""A run with others inside it: one process or many, it is one root."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import use

WORKER = """
import sys
from collections.abc import Iterator
import qgm_observe as qgm
with qgm.run(model=sys.argv[1]) as run, run.step(0), qgm.job("aer"):
    pass
with qgm.job("aer"):
    pass
"""

SCRIPT = """
import subprocess, sys
from scipy.optimize import minimize
for start in (1.0, 2.0):
    minimize(lambda x: float(x @ x), [start], method="powell", options={"maxiter": 2})
command = [sys.argv[1], "run", "--no-summary", "--model", "inner"]
subprocess.run([*command, "inner.py"], check=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The journal of this process."""
    path = tmp_path / "journal.db"
    qgm.configure(journal=path)
    yield path
    use(None).close()


def ended(path: Path, noun: str) -> list[Event]:
    with open_journal(path, read_only=True) as journal:
        return list(journal.events(verbs=["finished"], nouns=[noun]))


def roots(path: Path) -> float:
    with open_journal(path, read_only=True) as journal:
        return sum(journal.snapshot()[0].counters[signals.ROOTS.name].values())


def test_a_run_names_its_parent(path: Path) -> None:
    """A run may be told its parent by its handle or its id; all of them are one root."""
    sweep = qgm.run(model="sweep").begin()
    for parent in (sweep, sweep.id):
        with qgm.run(parent=parent, model="fit"):
            pass
    sweep.end()
    assert qgm.flush(5)

    *children, last = ended(path, "run")
    assert [child.body["parent"] for child in children] == [sweep.id] * 2
    assert (last.subject, last.body.get("parent")) == (sweep.id, None)
    assert roots(path) == 1


def test_a_parent_that_is_no_id_is_refused(path: Path) -> None:
    """What is no run's id is refused with what to write instead."""
    with pytest.raises(UsageError, match="32 hexadecimal digits"):
        qgm.run(parent="the sweep")


def test_another_process_works_for_the_parent(path: Path, tmp_path: Path) -> None:
    """By QGM_OBSERVE_PARENT runs and jobs of other processes are parts of a run of this one."""
    with qgm.run(model="sweep") as sweep:
        environment = {"QGM_OBSERVE_PARENT": sweep.id, "QGM_OBSERVE_JOURNAL": str(path)}
        for model in ("first", "second"):
            command = [sys.executable, "-c", WORKER, model]
            subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    assert qgm.flush(5)

    *children, _ = ended(path, "run")
    assert {(c.body["model"], c.body["parent"]) for c in children} == {
        ("first", sweep.id),
        ("second", sweep.id),
    }
    inside = [c.subject for c in children]
    assert sorted(j.run for j in ended(path, "job")) == sorted([*inside, sweep.id, sweep.id])
    assert roots(path) == 1


def test_a_parent_in_the_environment_that_is_none(tmp_path: Path) -> None:
    """An id in the environment that cannot be read costs the sweep, not the training."""
    environment = {"QGM_OBSERVE_PARENT": "no id", "XDG_STATE_HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", WORKER, "first"], check=True, env=environment, cwd=tmp_path
    )

    (run,) = ended(tmp_path / "qgm-observe" / "journal.db", "run")
    assert "parent" not in run.body


@pytest.mark.slow
def test_a_script_that_sweeps_is_one_root(tmp_path: Path) -> None:
    """With --sweep each fit, and each command that the script starts, is a run inside its own."""
    (tmp_path / "outer.py").write_text(SCRIPT)
    (tmp_path / "inner.py").write_text("print('inside')\n")
    ours = str(Path(sys.executable).with_name("qgm-observe"))
    command = [ours, "run", "--sweep", "--journal", "j.db", "outer.py", ours]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)

    *children, script = sorted(ended(tmp_path / "j.db", "run"), key=lambda event: event.at)
    assert told.stdout == "inside\n"
    assert {child.body["parent"] for child in children} == {script.subject}
    assert [child.body["steps"] for child in children] == [2, 2, 0]
    assert [child.body["model"] for child in children] == ["unknown", "unknown", "inner"]
    assert roots(tmp_path / "j.db") == 1
