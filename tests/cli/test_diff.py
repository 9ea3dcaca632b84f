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
from qgm_observe.cli.diff import show
from qgm_observe.cli.differences import WEIGHTS, Change, compare
from qgm_observe.cli.finding import find_run, journal_at
from qgm_observe.cli.run_facts import RunFacts, facts_of
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
    assert {c.kind: c.note for c in both}["circuit"] == "may follow from a change above"
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
    assert 20 < weight(calibration=device(t1=1.2e-4)) < 21
    assert weight(calibration=device(t1=5e-5)) < weight(calibration=device(readout=0.04)) == 70
    assert weight(settings={"learning_rate": 0.1001}) < weight(settings={"learning_rate": 0.11})
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
@pytest.mark.parametrize(
    ("week", "least"),
    [({}, 22), ({"restless": True}, 20), ({"together": True}, 20)],
    ids=["quiet", "restless", "two-causes"],
)
def test_planted_causes_are_named_first(tmp_path: Path, week: dict[str, bool], least: int) -> None:
    """Of 24 randomized pairs of recorded runs so many have what was planted first."""
    score = benchmark().measure(24, 20_261_123, tmp_path, **week)

    assert score.planted.total() == 24
    assert score.named.total() >= least, score.instead


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
    assert row.split() == ["48", "seed", "1", "2"]
    assert out.count("not known of ") == out.count("not known of either run: ") == 1


def test_a_table_of_80_columns_breaks_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind and name are said once where they are the same, and a gap says whose it is."""
    monkeypatch.setenv("COLUMNS", "80")
    before = facts(gaps={"git": "no repository", "encoding": "not told"})
    after = facts(run="cd" * 16, levels={"3"}, seeds={"seed": 2}, gaps={"git": "no repository"})
    show(before, after, compare(before, after))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert ["90", "optimization", "level", "1", "3"] in lines
    assert ["48", "seed", "1", "2"] in lines
    assert lines[-2:] == [
        ["not", "known", "of", "either", "run:", "git", "(no", "repository)"],
        ["not", "known", "of", "abababab:", "encoding", "(not", "told)"],
    ]


@pytest.fixture
def fitted(tmp_path: Path, restored: None) -> Callable[..., RunFacts]:
    """Facts of a run that was told these attributes."""
    path = tmp_path / "fitted.db"
    qgm.configure(journal=path)

    def fit(**attributes: Any) -> RunFacts:
        with qgm.run(model="qcbm") as run:
            run.note(**attributes)
        qgm.flush()
        with journal_at(path) as journal:
            return facts_of(journal, find_run(journal, "latest"))

    return fit


def test_other_iterations_are_a_change(fitted: Callable[..., RunFacts]) -> None:
    """Iterations that were asked for are compared; those an optimizer tells are its outcome."""
    first, second = fitted(iterations=40), fitted(iterations=6)
    ended, later = (fitted(iterations=n, evaluations=2 * n) for n in (15, 17))

    (change,) = compare(first, second)
    assert change == Change(WEIGHTS["iterations"], "iterations", "iterations", "40", "6")
    assert WEIGHTS["code"] < WEIGHTS["iterations"] < WEIGHTS["setting"]
    assert compare(ended, later) == compare(first, later) == []


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


def test_a_compiler_without_an_effect_weighs_less() -> None:
    """Another release whose circuits have the same gates stands behind a doubled readout error."""
    packages = facts().origin["packages"] | {"qiskit": "2.6.3"}
    gates = {"gates": {'{"cz": 4}'}}
    noisy: dict[str, Any] = gates | {"calibration": device(readout=0.05)}
    same = compare(facts(**gates), facts(origin=origin(packages=packages), **noisy))
    other = compare(
        facts(**gates), facts(origin=origin(packages=packages), **noisy | {"gates": {'{"cz": 9}'}})
    )

    assert [each.kind for each in same[:2]] == ["calibration", "compiler"]
    assert "same gates" in same[1].note
    assert other[0].kind == "compiler"


def test_another_ansatz_is_not_explained_by_a_seed() -> None:
    """A circuit with other parameters stands first where no code, setting or encoding differs."""
    grown: dict[str, Any] = {"circuits": {"0th": (0, 1)}, "sizes": {(2, 12)}, "seeds": {"seed": 2}}
    routed = grown | {"sizes": {(2, 8)}}
    before = facts(sizes={(2, 8)})

    assert compare(before, facts(**grown))[0].kind == "circuit"
    assert compare(before, facts(**routed))[0].kind == "seed"
    code = origin(code={"train.py": "1"})
    assert compare(before, facts(origin=code, **grown))[0].kind == "code"


def test_what_one_run_does_not_tell_is_no_strong_sign() -> None:
    """A level or an encoding that only one of the runs knows weighs less than a seed."""
    for kind in ("levels", "encodings"):
        (change,) = compare(facts(**{kind: set()}), facts())
        assert change.weight < WEIGHTS["seed"]
        assert change.note == "one of the runs does not tell"


def test_a_simulator_that_nothing_ran_on_weighs_little() -> None:
    """Another Aer matters for local jobs, and for jobs on a device it does not."""
    first, second = ({"qiskit-aer": version} for version in ("0.17.0", "0.18.0"))

    def weight(device: str) -> float:
        both = {"devices": {device: {}}}
        one, other = (facts(origin=origin(packages=each), **both) for each in (first, second))
        return compare(one, other)[0].weight

    assert weight("local/aer_simulator") == WEIGHTS["sdk"]
    assert weight("ibm/two") < WEIGHTS["package"] * 1.2


def test_arguments_are_settings_and_places() -> None:
    """An option's value weighs like a setting, where a file is put weighs little."""
    before = facts(arguments={"--lr": "0.1", "--out": "runs/1"})
    (lr, out) = compare(before, facts(arguments={"--lr": "0.25", "--out": "runs/2"}))

    assert (lr.name, lr.weight) == ("--lr", WEIGHTS["argument"])
    assert out.weight < WEIGHTS["seed"]


def test_many_files_are_one_line() -> None:
    """Of a branch with many changed files the first are named, and how many there are."""
    before, after = ({f"m{i}.py": text for i in range(9)} for text in "ab")
    (change,) = compare(facts(origin=origin(code=before)), facts(origin=origin(code=after)))

    assert change.name == "9 files"
    assert change.note.startswith("m0.py, m1.py")
