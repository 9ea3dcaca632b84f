"""From a training to a registered version, to and fro, and back to the job that it rests on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import qgm_observe as qgm
from qgm_observe.cli import main
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import recorder, use
from qgm_observe.training import QCBM, load_device

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's use of its own parts
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it keeps its database open
]
CANARY = "canary" + "T0k3n" * 8
TARGET = {"0011": 0.5, "1100": 0.5}


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two trainings that differ by their seed, with a token in the environment."""
    monkeypatch.setenv("QISKIT_IBM_TOKEN", CANARY)
    path, before = tmp_path / "journal.db", use(None)
    qgm.configure(journal=path, capture="all")
    for seed in (1, 2):
        core = QCBM(load_device("manila", 4, seed=seed), shots=512, seed=seed)
        core.credentials = CANARY  # type: ignore[attr-defined]
        qgm.observe(core, model="qcbm").fit(TARGET, iterations=2)
    qgm.flush()
    yield path
    recorder().close()
    use(before)


def test_a_model_is_registered_promoted_rolled_back_and_reproduced(
    journal: Path, mlflow_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alias leads to a version, the version to its job, and the job is reproduced."""

    def ask(*words: str) -> str:
        assert main(list(words)) == 0
        return capsys.readouterr().out

    tracked = ["--tracking-uri", mlflow_uri]
    kept = ["--journal", str(journal)]
    ask("model", "register", "previous", "--alias", "champion", *kept, *tracked)
    ask("model", "register", "latest", "--alias", "champion", "--circuits", *kept, *tracked)
    ask("model", "rollback", "qcbm", *tracked)
    versions = json.loads(ask("model", "list", "qcbm", "--json", *tracked))
    assert [(v["version"], v["aliases"]) for v in versions] == [("2", []), ("1", ["champion"])]

    for name in ("models:/qcbm@champion", "models:/qcbm/2"):
        told = json.loads(ask("reproduce", name, "--json", *kept, *tracked))
        version = versions[1] if name.endswith("champion") else versions[0]
        assert told["job"] == version["tags"]["qgm.job"]
        assert told["reproduced"] is True

    changes = json.loads(ask("diff", "previous", "latest", "--json", *kept))["changes"]
    assert changes[0]["kind"] == "seed"
    with open_journal(journal, read_only=True) as store:
        jobs = store.events(verbs=("finished",), nouns=("job",))
        assert len({tuple(job.body["blobs"]["calibration"]) for job in jobs}) == 1


def test_nothing_registered_holds_the_token(
    journal: Path, mlflow_uri: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A token in the environment and on the core is in no journal, database, artifact or output."""
    words = ["--journal", str(journal), "--tracking-uri", mlflow_uri]
    assert main(["model", "register", "latest", "--circuits", "--json", *words]) == 0
    assert main(["model", "log", "previous", "--circuits", *words]) == 0
    assert main(["diff", "previous", "latest", "--journal", str(journal)]) == 0
    said = capsys.readouterr()

    recorder().close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "parameters.npz" for path in files)
    assert any(path.suffix == ".qpy" for path in files)
    assert CANARY not in said.out + said.err
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    with open_journal(journal, read_only=True) as store:
        for event in store.events():
            assert CANARY not in json.dumps(event.body)
            for keys in event.body.get("blobs", {}).values():
                assert all(CANARY.encode() not in (store.blob(key) or b"") for key in keys)
