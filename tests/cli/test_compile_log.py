"""`qgm-observe journal compilation`: logs of compilations for people."""

import json

import pytest

from qgm_observe.cli import main
from qgm_observe.cli.compile_log import told_failure
from qgm_observe.journal import Blob, Event, open_journal

RUN = "ab" * 16
LOG = {
    "outcome": "failure",
    "seconds": 0.0023,
    "pass": "HighLevelSynthesis",
    "error": {"type": "qiskit.transpiler.exceptions.TranspilerError", "at": "qiskit.x.run:286"},
    "given": [{"qubits": 3, "operations": 1200, "depth": 40, "gates": {"cx": 4, "my_oracle": 9}}],
    "target": {"qubits": 5, "couplings": 8, "gates": ["cx", "rz"]},
    "undefined": ["my_oracle"],
    "options": {"optimization_level": 2},
    "versions": {"qiskit": "2.6.2"},
    "passes": [["SetLayout", 4e-06, 7, None], ["VF2Layout", 1.5, 7, 5]],
    "left_out": 3,
}


@pytest.fixture
def ask(tmp_path, capsys):
    """The command on a run with a failed job, one with a log of its own making, and one without."""
    blobs = [Blob("compile_log", json.dumps(LOG).encode()), Blob("compile_log", b"my own text")]
    rows = [
        Event(
            verb="finished", noun="job", subject=f"{number:016x}", run=RUN, at=1.0,
            body={"start": 1.0, "blobs": {"compile_log": [blob.hash]} if blob else {}},
            id=f"{number}/finished",
        )
        for number, blob in enumerate([*blobs, None])
    ]  # fmt: skip
    rows.append(Event(verb="finished", noun="run", subject=RUN, run=RUN, at=2.0, body={}, id="r"))
    with open_journal(tmp_path / "journal.db") as journal:
        journal.append(rows, blobs=blobs)

    def call(*words):
        code = main(["journal", "compilation", *words, "--journal", str(tmp_path / "journal.db")])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.mark.parametrize("id_", ["latest", RUN[:8], f"{0:016x}"])
def test_a_log_is_read_from_top_to_bottom(ask, id_):
    """Where it failed, what it was given, what for, and each pass, by job or run."""
    code, out, _ = ask(id_)

    assert code == 0
    lines = out.splitlines()
    assert lines[0] == (
        "job 0000000000000000: failure after 2.3 ms in HighLevelSynthesis:"
        " qiskit.transpiler.exceptions.TranspilerError at qiskit.x.run:286"
    )
    assert lines[1:] == [
        "given    3 qubits, 1,200 operations, depth 40: my_oracle 9, cx 4",
        "target   5 qubits, 8 couplings: cx, rz",
        "         nothing defines my_oracle",
        "options  optimization_level 2",
        "versions qiskit 2.6.2",
        "",
        "  pass                                      time  operations   depth",
        "  SetLayout                             0.004 ms           7        ",
        "  VF2Layout                                1.5 s           7       5",
        "  3 passes before these are left out",
    ]


def test_machines_get_the_document(ask):
    """JSON is the log as it was kept, with its job."""
    assert json.loads(ask("latest", "--json")[1]) == [{"job": f"{0:016x}", **LOG}]


@pytest.mark.parametrize("id_", [f"{1:016x}", f"{2:016x}"])
def test_what_has_no_log_is_one_line(ask, id_):
    """Exit code 2 and which setting keeps them; what a script kept itself is not shown."""
    code, out, err = ask(id_)

    assert (code, out) == (2, "")
    assert "has no log of a compilation" in err
    assert err.count("\n") == 1


def test_a_failure_in_a_line():
    """The short form is what lists show; what is missing in it is left out."""
    assert told_failure(LOG) == "HighLevelSynthesis: TranspilerError; nothing defines my_oracle"
    assert told_failure({"error": {"type": "ValueError"}}) == "a pass manager: ValueError"
