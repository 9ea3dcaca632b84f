"""`qgm-observe model`: register, promote, roll back, list, on a real MLflow."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qgm_observe as qgm
from qgm_observe.cli import main
from qgm_observe.lifecycle import recorder, use
from qgm_observe.records import Estimate

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's use of its own parts
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it keeps its database open
]
CANARY = "canary-0123-abcd-4567"
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """A run with parameters and a result on privacy, and one with neither."""
    path, before = tmp_path / "journal.db", use(None)
    qgm.configure(journal=path)
    with qgm.run(model="qcbm") as run:
        run.note(seed=3)
        run.keep("parameters", b"[0.25, 0.5]")
        run.estimate(Estimate(name="dcr_share", value=0.5, low=0.45, high=0.55))
    with qgm.run(model="bare"):
        pass
    qgm.flush()
    recorder().close()
    use(before)
    return path


@pytest.fixture
def ask(journal: Path, mlflow_uri: str, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The command on the journal and the registry: exit code, output, errors."""

    def call(
        verb: str,
        *words: str,
        tracked: bool = True,
        command: tuple[str, ...] = ("model",),
        with_journal: bool = False,
    ) -> tuple[int, str, str]:
        where = ["--tracking-uri", mlflow_uri] if tracked else []
        needs = with_journal or verb in ("log", "register")
        about = ["--journal", str(journal)] if needs else []
        code = main([*command, verb, *words, *where, *about])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_model_goes_through_its_life(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions are registered, the second promoted and taken back, and the list shows it."""
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = ask("register", "previous", "--alias", "champion")
    assert code == 0
    assert out.startswith("qcbm version 1 of run ")
    assert "champion points to it" in out
    assert err.startswith("encryption of the storage: ")
    assert "privacy" not in err

    assert ask("register", "previous", "--name", "qcbm")[1].startswith("qcbm version 2 of run ")
    assert ask("promote", "qcbm", "2")[:2] == (0, "champion of qcbm: 1 -> 2\n")
    assert ask("rollback", "qcbm")[:2] == (0, "champion of qcbm: 2 -> 1\n")
    _, table, _ = ask("list", "qcbm")
    rows = [line.split() for line in table.splitlines()[1:]]
    assert [row[:2] for row in rows] == [["qcbm", "2"], ["qcbm", "1"]]
    assert rows[1][2] == "champion"
    assert "dcr_share 0.5 [0.45, 0.55] at 95%" in table


def test_machines_get_json(ask: Ask) -> None:
    """Each verb prints one JSON value and nothing else on standard output."""
    registered = json.loads(ask("register", "previous", "--json")[1])
    assert (registered["model"], registered["version"]) == ("qcbm", "1")
    assert registered["encryption"] in {"encrypted", "not encrypted", "unknown"}
    assert registered["tags"]["qgm.privacy.dcr_share"] == "0.5 [0.45, 0.55] at 95%"
    promoted = json.loads(ask("promote", "qcbm", "1", "--alias", "test", "--json")[1])
    assert promoted == {"model": "qcbm", "alias": "test", "before": None, "after": "1"}
    (listed,) = json.loads(ask("list", "--json")[1])
    assert listed["aliases"] == ["test"]
    assert set(json.loads(ask("log", "latest", "--json")[1])) == {"logged"}


def test_versions_are_compared_by_their_aliases(ask: Ask, journal: Path) -> None:
    """An alias of the registry becomes its version; what was not served yet is told as such."""
    for alias in ("champion", "challenger"):
        assert ask("register", "previous", "--alias", alias)[0] == 0
    where = ("qcbm", "@champion", "@challenger", "--journal", str(journal))
    code, _, err = ask("compare", *where)
    other = ask("compare", "qcbm", "@champion", "@shadow", "--journal", str(journal))

    assert (code, err.count("\n")) == (2, 1)
    assert "no inference of qcbm 2: write a model_version that is in the journal" in err
    assert (other[0], other[1], other[2].count("\n")) == (2, "", 1)
    assert "no alias 'shadow': write one of @challenger, @champion" in other[2]


def test_a_job_is_sought_by_what_the_registry_knows(ask: Ask) -> None:
    """`reproduce` of what is not registered says in one line what is."""
    assert ask("register", "previous", "--alias", "champion")[0] == 0
    for name, said in {
        "qcbm@shadow": "model 'qcbm' has no alias 'shadow': write one of @champion",
        "none@champion": "the registry has no model 'none'",
        "qcbm/7": "models:/qcbm/7: no such version: write 1",
        "none/1": "models:/none/1: no such version: write a model that",
        "qcbm/1": "models:/qcbm/1: its run recorded no job: write the id of a job",
    }.items():
        code, out, err = ask(f"models:/{name}", command=("reproduce",), with_journal=True)

        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_missing_privacy_is_a_warning(ask: Ask, tmp_path: Path) -> None:
    """A run that told nothing of privacy is registered, with a line that says so."""
    file = tmp_path / "parameters.json"
    file.write_text("[1.0]")

    code, _, err = ask("register", "latest", "--parameters", str(file))

    assert code == 0
    assert "privacy: not assessed" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("register", "latest"), "kept no parameters: write --parameters FILE"),
        (("register", "0000"), "run '0000' is not in"),
        (("promote", "qcbm", "9"), "has no version '9'"),
        (("rollback", "qcbm"), "has no alias 'champion'"),
    ],
)
def test_what_cannot_be_is_one_line(ask: Ask, words: tuple[str, ...], said: str) -> None:
    """Exit code 2 and what to write instead."""
    code, out, err = ask(*words)

    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_no_address_is_one_line(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a registry the error names the option and the variable."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code, _, err = ask("list", tracked=False)

    assert code == 2
    assert "write --tracking-uri or set MLFLOW_TRACKING_URI" in err


def test_a_secret_is_refused(ask: Ask, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that noted what is the value of a token is not registered, and nothing shows it."""
    before = use(None)
    qgm.configure(journal=journal)
    with qgm.run(model="leaky") as run:
        run.note(remark=CANARY)
        run.keep("parameters", b"[1.0]")
    qgm.flush()
    recorder().close()
    use(before)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", CANARY)

    code, out, err = ask("register", "latest")

    assert code == 2
    assert "refused, there are secrets in parameters:" in err
    assert CANARY not in out + err
    assert json.loads(ask("list", "--json")[1]) == []
