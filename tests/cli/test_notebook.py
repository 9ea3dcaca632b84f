"""A notebook: what its cells with quantum work came to."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import qgm_observe as qgm
from qgm_observe.instrumentation import instrumented, scope
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.settings import load_settings

Run = Callable[[str], Any]

BELL = """
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler
circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
circuit.measure_all()
"""
SAMPLE = "counts = StatevectorSampler(seed=1).run([circuit]).result()"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A journal of the process's own recorder."""
    path = tmp_path / "journal.db"
    made = Recorder(load_settings(journal=path, detail_rate=1e9))
    before = use(made)
    yield path
    made.close()
    use(before)


@pytest.fixture
def cell(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the text of a cell and returns what IPython tells of it, with what it has shown."""
    monkeypatch.setenv("IPYTHONDIR", str(path.parent / "ipython"))
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False

    def run(text: str) -> Any:
        with capture_output() as shown:
            result = shell.run_cell(text, store_history=False)
        result.shown = "\n".join(each.data["text/plain"] for each in shown.outputs) + shown.stdout
        return result

    yield run
    qgm.unload_ipython_extension(shell)
    InteractiveShell.clear_instance()
    assert not instrumented()
    assert scope.adopted() is None


def runs(path: Path) -> list[dict[str, Any]]:
    assert qgm.flush(5)
    with open_journal(path, read_only=True) as journal:
        return [dict(e.body) for e in journal.events(verbs=["finished"], nouns=["run"])]


def test_a_cell_with_work_is_a_run(cell: Run, path: Path) -> None:
    """After %load_ext a cell that samples is a run and shows what it came to; others do not."""
    assert cell("%load_ext qgm_observe").success
    assert cell(BELL).shown == ""
    shown = cell(SAMPLE).shown

    (run,) = runs(path)
    assert (run["outcome"], run["attributes"]["devices"]) == ("success", ["statevector"])
    assert re.search(r"jobs +1 success", shown)
    assert re.search(r"shots +1,024 in 1 circuits", shown)


def test_a_cell_that_fails_is_a_failed_run(cell: Run, path: Path) -> None:
    """A cell that samples and then raises is a run that failed, by that exception."""
    cell("%load_ext qgm_observe")
    cell(BELL)
    assert "ZeroDivisionError" in cell(f"{SAMPLE}; 1 / 0").shown

    (run,) = runs(path)
    assert (run["outcome"], run["error"]["type"]) == ("failure", "ZeroDivisionError")


def test_a_fit_in_a_cell_is_steps_of_its_run(cell: Run, path: Path) -> None:
    """The steps of an optimizer are those of the cell's run, and nothing is counted twice."""
    cell("%load_ext qgm_observe")
    cell(BELL + "from scipy.optimize import minimize")
    shown = cell(
        "def loss(x):\n"
        f"    {SAMPLE}\n"
        "    return float(x @ x)\n"
        "minimize(loss, [1.0, 2.0], method='powell', options={'maxiter': 2}).nit"
    ).shown

    (run,) = runs(path)
    assert run["steps"] == 2
    assert re.search(r"steps +2, loss \S+ at first", shown)


def test_the_value_of_instrument_is_a_table(cell: Run) -> None:
    """`qgm_observe.instrument()` tells in HTML what the cells since then came to."""
    cell("import qgm_observe\ntold = qgm_observe.instrument(model='bell')")
    cell(BELL)
    cell(SAMPLE)
    told = cell("told").result
    page = told._repr_html_()

    assert '<th scope="row">jobs</th><td>1 success</td>' in page
    assert re.search(r'<th scope="row">execute</th><td>1</td><td>[^<]+ (µs|ms|s)</td>', page)
    assert page.count("<table>") == page.count("</table>") == 2


def test_the_page_escapes_what_it_shows(
    cell: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a name of the script's could bring into the page is text there."""
    cell("import qgm_observe\ntold = qgm_observe.instrument()")
    cell(BELL)
    cell("class Bad(Exception): pass\nBad.__qualname__ = '<script>'\n" + SAMPLE + "; raise Bad")
    page = cell("told").result._repr_html_()

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_script_without_ipython_gets_the_hooks(path: Path) -> None:
    """Outside of IPython `instrument` puts the hooks in place, and its value says that."""
    told = qgm.instrument()
    seen = instrumented()
    qgm.uninstrument()

    assert seen
    assert "jobs      none" in repr(told)
