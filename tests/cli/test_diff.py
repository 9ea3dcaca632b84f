"""`qgm-observe diff`: what changed, the most suspicious first."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.cli import main
from qgm_observe.cli.differences import WEIGHTS, Change, compare
from qgm_observe.cli.run_facts import RunFacts
from qgm_observe.lifecycle import recorder, use
from qgm_observe.providers.ibm_files import calibration

ROOT = Path(__file__).parents[2]
DATE = "2026-11-23T10:00:00Z"


def benchmark() -> ModuleType:
    """The benchmark that plants causes."""
    spec = importlib.util.spec_from_file_location("planted", ROOT / "benchmarks" / "diff.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def device(readout: float = 0.02, t1: float = 1e-4, error: float = 0.01) -> Any:
    """A calibration of two qubits."""
    told = [
        {"name": "readout_error", "unit": "", "value": readout, "date": DATE},
        {"name": "T1", "unit": "s", "value": t1, "date": DATE},
    ]
    gate = {"name": "gate_error", "unit": "", "value": error, "date": DATE}
    return calibration(
        *("ibm", "two"),
        {
            "qubits": [told, told],
            "gates": [{"gate": "cz", "qubits": [0, 1], "parameters": [gate]}],
        },
        observed_at=0.0,
    )


def facts(**changes: Any) -> RunFacts:
    """A run that rests on something of everything."""
    told: dict[str, Any] = {
        "run": "ab" * 16,
        "labels": {"model": "qcbm", "model_version": "1"},
        "origin": {
            "python": "3.11.7",
            "packages": {"qiskit": "2.6.2", "rich": "15.0.0", "numpy": "2.4.6"},
            "code": {"train.py": "0"},
            "git": {"commit": "c0ffee", "dirty": False},
        },
        "settings": {"learning_rate": 0.1},
        "seeds": {"seed": 1},
        "encodings": {"angle 1 aa"},
        "devices": {"ibm/two": {"version": "1.3"}},
        "levels": {"1"},
        "circuits": {"5tr": (0, 1)},
        "shots": 1024.0,
        "calibration": device(),
    }
    return RunFacts(**(told | changes))


def origin(**changes: Any) -> dict[str, Any]:
    """The origin of that run, with some of it changed."""
    return facts().origin | changes


def test_equal_runs_differ_in_nothing() -> None:
    """Two runs that rest on the same have no change."""
    assert compare(facts(), facts()) == []


@pytest.mark.parametrize(
    ("change", "kind", "name"),
    [
        ({"encodings": {"angle 2 bb"}}, "encoding", "encoding"),
        ({"devices": {"ibm/other": {}}}, "device", "device"),
        ({"levels": {"3"}}, "optimization level", "optimization level"),
        ({"settings": {"learning_rate": 0.2}}, "setting", "learning_rate"),
        ({"origin": origin(packages={"qiskit": "2.7.0"})}, "compiler", "qiskit"),
        ({"origin": origin(code={"train.py": "1"})}, "code", "train.py"),
        ({"origin": origin(git={"commit": "bad", "dirty": False})}, "commit", "git commit"),
        ({"origin": origin(container={"image": "b"})}, "container", "container image"),
        ({"seeds": {"seed": 2}}, "seed", "seed"),
        ({"shots": 256.0}, "shots", "shots a circuit"),
        ({"labels": {"model": "qcbm", "model_version": "2"}}, "model version", "model_version"),
        ({"devices": {"ibm/two": {"version": "1.4"}}}, "device version", "version"),
        ({"calibration": device(readout=0.2)}, "calibration", "readout_error of qubit 0"),
        ({"circuits": {"0th": (0, 1)}}, "circuit", "circuit structure"),
    ],
)
def test_each_kind_of_change_is_named(change: dict[str, Any], kind: str, name: str) -> None:
    """What alone differs stands first, with both values."""
    first = compare(facts(), facts(**change))[0]

    assert (first.kind, first.name) == (kind, name)
    assert first.before != first.after


def test_a_consequence_stands_behind_its_cause() -> None:
    """Another circuit weighs much alone, and little where the compiler differs as well."""
    circuits = {"0th": (1, 0)}
    (alone, *_) = compare(facts(), facts(circuits=circuits))
    both = compare(facts(), facts(circuits=circuits, levels={"3"}))
    moved = compare(facts(), facts(circuits=circuits, calibration=device(readout=0.03)))

    assert alone.kind == "circuit"
    assert both[0].kind == "optimization level"
    assert {c.kind: c.note for c in both}["circuit"] == "follows from a change above"
    assert both[-1].weight < WEIGHTS["seed"]
    assert max(c.weight for c in moved) < WEIGHTS["seed"]


def test_sizes_matter() -> None:
    """A patch weighs less than a release, few shots more or less little, drift least."""

    def weight(**change: Any) -> float:
        return compare(facts(), facts(**change))[0].weight

    patch = weight(origin=origin(packages=facts().origin["packages"] | {"qiskit": "2.6.3"}))
    release = weight(origin=origin(packages=facts().origin["packages"] | {"qiskit": "2.7.0"}))
    assert patch < release
    assert weight(shots=1100.0) < weight(shots=2048.0) < weight(shots=8192.0)
    assert weight(calibration=device(t1=1.2e-4)) == 20
    assert weight(calibration=device(error=0.05)) > weight(calibration=device(error=0.021)) >= 70


def test_only_qubits_in_use_count() -> None:
    """A calibration that differs on other qubits alone is no change; unknown layouts take all."""
    told = device()
    other = device(readout=0.3)
    mixed = device()
    mixed.qubits[1].update(other.qubits[1])  # type: ignore[attr-defined]

    assert (
        compare(facts(circuits={"a": (0,)}), facts(circuits={"a": (0,)}, calibration=mixed)) == []
    )
    unknown = facts(circuits={"a": ()}, calibration=mixed)
    assert compare(facts(circuits={"a": ()}), unknown)[0].kind == "calibration"
    assert told.qubits[1] != mixed.qubits[1]


def test_a_number_that_vanishes_is_a_change() -> None:
    """A gate that was disabled since stands first, with no number made up."""
    (change,) = compare(facts(), facts(calibration=device(error=1.0)))

    assert change.name == "cz_error (0, 1)"
    assert (change.before, change.after) == ("0.01", None)
    assert change.weight == 92


@pytest.fixture
def restored() -> Iterator[None]:
    """The recorder of before, after a benchmark has had its own."""
    before = use(None)
    yield
    recorder().close()
    use(before)


@pytest.mark.usefixtures("restored")
def test_planted_causes_are_named_first(tmp_path: Path) -> None:
    """Of 24 randomized pairs of recorded runs at least 22 have the planted cause first."""
    planted, named, instead = benchmark().measure(24, 20_261_123, tmp_path)

    assert planted.total() == 24
    assert named.total() >= 22, instead


@pytest.fixture
def ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], restored: None
) -> Callable[..., tuple[int, str, str]]:
    """Two runs, and the command on their journal: exit code, output, errors."""
    path = tmp_path / "journal.db"
    qgm.configure(journal=path)
    for seed in (1, 2):
        with qgm.run(model="qcbm") as run:
            run.note(seed=seed)
    qgm.flush()

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["diff", *words, "--journal", str(path)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_command_prints_changes_and_gaps(
    ask: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table with weight, kind and both values; what is not known stands below it."""
    monkeypatch.setenv("COLUMNS", "160")
    code, out, err = ask("previous", "latest")

    assert (code, err) == (0, "")
    row = next(line for line in out.splitlines() if " seed " in line)
    assert row.split() == ["48", "seed", "seed", "1", "2"]
    assert "not known: " in out


def test_the_command_speaks_json(ask: Callable[..., tuple[int, str, str]]) -> None:
    """One object with both ids, the changes in their order and the gaps."""
    told = json.loads(ask("previous", "latest", "--json")[1])

    (change,) = (each for each in told["changes"] if each["kind"] == "seed")
    assert change == Change(48, "seed", "seed", "1", "2")._asdict()
    assert len(set(told["runs"])) == 2
    assert ask("latest", told["runs"][1], "--json")[1].count('"changes": []') == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("latest", "0000"), "run '0000' is not in"),
        (("latest", "abc"), "write at least 4 characters"),
    ],
)
def test_an_unknown_run_is_one_line(
    ask: Callable[..., tuple[int, str, str]], words: tuple[str, ...], said: str
) -> None:
    """Exit code 2, and what to write instead."""
    code, out, err = ask(*words)

    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_packages_of_one_run_alone_weigh_little() -> None:
    """A package that only one of the runs loaded is a sign of something else."""
    told = compare(facts(), facts(origin=origin(packages={"qiskit": "2.6.2"})))

    assert {change.name for change in told} == {"rich", "numpy"}
    assert max(change.weight for change in told) < WEIGHTS["package"]
