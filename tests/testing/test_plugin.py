"""The pytest plugin: a pipeline's quantum tests in a journal."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.catalog import signals
from qgm_observe.journal import open_journal

TESTS = """
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

import qgm_observe as qgm
from qgm_observe.testing import assert_valid_ratio


def sample():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    return StatevectorSampler(seed=1).run([circuit], shots=10).result()


def test_classical():
    assert True


def test_sampling():
    sample()


def test_failing():
    sample()
    raise LookupError("no such sample")


def test_statistics():
    assert_valid_ratio(90, 100, 0.9)


def test_bad_statistics():
    assert_valid_ratio(10, 100, 0.9)


@pytest.mark.quantum
def test_left_out():
    pytest.skip("no device today")


@pytest.fixture
def broken():
    sample()
    raise OSError("no backend")


def test_without_its_fixture(broken):
    pass


def test_that_records_itself():
    with qgm.job("aer", shots=3):
        pass


def test_captured(qgm_capture):
    sample()
    assert len(qgm_capture.jobs) == 1
"""

OUTCOMES = {
    "test_sampling": "success",
    "test_failing": "failure",
    "test_statistics": "success",
    "test_bad_statistics": "failure",
    "test_left_out": "cancelled",
    "test_without_its_fixture": "failure",
    "test_that_records_itself": "success",
    "test_captured": "success",
}

Pytest = Callable[..., str]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """Runs pytest on the tests above in a process of its own, and returns what it prints."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest]\nminversion = '9'\n")
    (tmp_path / "test_quantum.py").write_text(TESTS)

    def run(*options: str) -> str:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest"),
                *("-p", "no:cacheprovider", "-p", "no:randomly", *options),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.stdout

    return run


def recorded(path: Path) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """The session, its tests, and the totals."""
    with open_journal(path, read_only=True) as journal:
        runs = list(journal.events(verbs=["finished"], nouns=["run"]))
        totals = journal.snapshot()[0].counters
        assert journal.open_work() == []
    (session,) = [event for event in runs if event.body["model"] == "tests"]
    tests = [event for event in runs if event.body.get("parent") == session.subject]
    return dict(session.body), tests, totals


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "two workers"])
def test_quantum_tests_are_runs_of_a_session(
    workers: tuple[str, ...], run_pytest: Pytest, tmp_path: Path
) -> None:
    """The session is one root, and each quantum test a run in it, whichever worker ran it."""
    printed = run_pytest("--qgm-journal", "ci.db", "--qgm-pipeline", "nightly", *workers)
    session, tests, totals = recorded(tmp_path / "ci.db")

    told = {e.body["attributes"]["test"].partition("::")[2]: e.body["outcome"] for e in tests}
    assert told == OUTCOMES
    assert (session["outcome"], session["pipeline"]) == ("failure", "nightly")
    assert session["attributes"]["exit_code"] == 1
    assert session["duration"] >= max(event.body["duration"] for event in tests)
    assert sum(totals[signals.ROOTS.name].values()) == 1
    for part in ("quantum tests: ", "4 success", "3 failure", "1 cancelled"):
        assert part in printed


def test_a_test_tells_its_devices_and_verdicts(run_pytest: Pytest, tmp_path: Path) -> None:
    """A test's record has the devices of its jobs, its failure and the chances it computed."""
    run_pytest("--qgm-journal", "ci.db", "-k", "failing or statistics")
    _, tests, _ = recorded(tmp_path / "ci.db")
    by_name = {e.body["attributes"]["test"].partition("::")[2]: e for e in tests}

    failing = by_name["test_failing"].body
    assert (failing["attributes"]["devices"], failing["attributes"]["remote"]) == (
        ["statevector"],
        False,
    )
    assert (failing["attributes"]["phase"], failing["error"]["type"]) == ("call", "LookupError")
    with open_journal(tmp_path / "ci.db", read_only=True) as journal:
        chances = {e.run: e.body["value"] for e in journal.events(verbs=["estimate"])}
    assert chances[by_name["test_statistics"].subject] > 0.1
    assert chances[by_name["test_bad_statistics"].subject] < 1e-6


def test_a_session_that_passes_is_a_success(run_pytest: Pytest, tmp_path: Path) -> None:
    """A session whose tests all pass is a success under the name of its root folder."""
    printed = run_pytest("--qgm-journal", "ci.db", "-k", "sampling or classical")
    session, tests, _ = recorded(tmp_path / "ci.db")

    assert (session["outcome"], session["pipeline"]) == ("success", tmp_path.name)
    assert len(tests) == 1
    assert "2 passed" in printed


def test_without_the_option_nothing_happens(run_pytest: Pytest, tmp_path: Path) -> None:
    """The plugin alone neither records nor loads anything of this package."""
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_configure(config):\n"
        "    heavy = {'numpy', 'qgm_observe.lifecycle', 'qgm_observe.instrumentation'}\n"
        "    assert not heavy & sys.modules.keys()\n"
    )
    printed = run_pytest("-k", "classical")

    assert "1 passed" in printed
    assert "quantum tests" not in printed
    assert not list(tmp_path.glob("**/*.db"))


def test_a_journal_that_cannot_be_written_is_one_line(run_pytest: Pytest, tmp_path: Path) -> None:
    """A journal that is none ends pytest with a usage error of one line."""
    (tmp_path / "ci.db").write_text("no journal at all, but text that is long enough to be read")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest"),
            *("-p", "no:cacheprovider", "--qgm-journal", "ci.db"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4
    assert done.stderr.startswith("ERROR: ")
    assert len(done.stderr.strip().splitlines()) == 1
