"""A real MLflow on SQLite as a tracker."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mlflow import MlflowClient

from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Store
from qgm_observe.trackers import Tracker, collect, promote, register, rollback
from qgm_observe.trackers.mlflow import MLflow
from qgm_observe.trackers.parameters import read_parameters
from qgm_observe.trackers.registering import log

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's use of its own parts
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it keeps its database open
]
CANARY = "canary-0123-abcd-4567"


@pytest.fixture
def tracker(mlflow_uri: str) -> MLflow:
    """An empty registry."""
    return MLflow(mlflow_uri)


def test_it_is_a_tracker(tracker: MLflow) -> None:
    """It has every method of the Protocol, and its storage is beside the database."""
    assert isinstance(tracker, Tracker)
    assert tracker.storage.startswith("file:///")
    assert tracker.storage.endswith("/mlflow/artifacts")


def test_a_run_arrives_whole(tracker: MLflow, mlflow_uri: str, journal: Store, run: Event) -> None:
    """Parameters, tags, series of metrics, times, status and artifacts are in MLflow."""
    logged = log(tracker, collect(journal, run))

    client = MlflowClient(mlflow_uri)
    found = client.get_run(logged)
    assert found.data.params == {"seed": "7", "iterations": "2"}
    assert found.data.tags["qgm.run"] == run.subject
    assert found.info.status == "FINISHED"
    assert (found.info.start_time, found.info.end_time) == (10_000, 20_000)
    history = client.get_metric_history(logged, "tvd.high")
    assert [(each.step, each.value, each.timestamp) for each in history] == [
        (0, 0.5, 11_000),
        (1, 0.3, 13_000),
    ]
    assert [each.path for each in client.list_artifacts(logged)] == ["provenance.json"]


def test_versions_are_promoted_and_rolled_back(tracker: MLflow, journal: Store, run: Event) -> None:
    """An alias goes to and fro, as often as it went before; then it says that it cannot."""
    told = collect(journal, run, with_parameters=True)
    versions = [register(tracker, "qcbm", told).version.version for _ in range(3)]
    assert versions == ["1", "2", "3"]

    assert promote(tracker, "qcbm", "1") is None
    assert promote(tracker, "qcbm", "3") == "1"
    assert promote(tracker, "qcbm", "3") == "3"
    assert promote(tracker, "qcbm", "2") == "3"
    assert [v.version for v in tracker.versions("qcbm") if v.aliases == ("champion",)] == ["2"]
    assert rollback(tracker, "qcbm") == ("2", "3")
    assert rollback(tracker, "qcbm") == ("3", "1")
    with pytest.raises(UsageError, match="pointed to none before"):
        rollback(tracker, "qcbm")
    assert tracker.alias("qcbm", "champion") == "1"


def test_aliases_do_not_know_of_each_other(tracker: MLflow, journal: Store, run: Event) -> None:
    """Each alias has a history of its own."""
    told = collect(journal, run, with_parameters=True)
    for _ in range(2):
        register(tracker, "qcbm", told)
    for version, alias in (("1", "champion"), ("2", "challenger"), ("2", "champion")):
        promote(tracker, "qcbm", version, alias)

    with pytest.raises(UsageError, match="pointed to none before"):
        rollback(tracker, "qcbm", "challenger")
    assert rollback(tracker, "qcbm", "champion") == ("2", "1")


def test_a_deleted_version_is_passed_over(
    tracker: MLflow, mlflow_uri: str, journal: Store, run: Event
) -> None:
    """Rolling back never points to what is gone."""
    told = collect(journal, run, with_parameters=True)
    for version in ("1", "2", "3"):
        register(tracker, "qcbm", told)
        promote(tracker, "qcbm", version)
    MlflowClient(mlflow_uri, mlflow_uri).delete_model_version("qcbm", "2")

    assert rollback(tracker, "qcbm") == ("3", "1")


def test_what_was_registered_is_read_back(tracker: MLflow, journal: Store, run: Event) -> None:
    """The file of a version holds the parameters, and its tags what they rest on."""
    version, encryption = register(tracker, "qcbm", collect(journal, run, with_parameters=True))

    folder = Path(urlsplit(version.source).path)
    assert read_parameters(folder / "parameters.npz").tolist() == [0.25, 0.5]
    assert version.run == run.subject
    assert version.tags["qgm.privacy"] == "not assessed"
    assert version.tags["qgm.storage"] == encryption.text


def test_a_secret_is_refused_before_anything_leaves(
    tracker: MLflow,
    mlflow_uri: str,
    journal: Store,
    run: Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a file with a secret nor a tag with one reaches MLflow, and no error shows it."""
    monkeypatch.setenv("QISKIT_IBM_TOKEN", CANARY)
    told = collect(journal, run, with_parameters=True)
    from dataclasses import replace

    for bad in (
        replace(told, artifacts={**told.artifacts, "notes.txt": CANARY.encode()}),
        replace(told, tags={**told.tags, "qgm.note": f"x {CANARY}"}),
        replace(told, parameters={"api_token": "0123-abcd-0123"}),
    ):
        with pytest.raises(UsageError, match="refused, there are secrets in") as caught:
            register(tracker, "qcbm", bad)
        assert CANARY not in str(caught.value)
        assert "0123-abcd" not in str(caught.value)

    client = MlflowClient(mlflow_uri, mlflow_uri)
    assert client.search_registered_models() == []
    assert client.search_runs([tracker._experiment]) == []


def test_what_mlflow_refuses_is_one_line(tracker: MLflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not there, a name that cannot be, no address and a wrong one."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UsageError, match="has no version '1': register a run first"):
        promote(tracker, "none", "1")
    with pytest.raises(UsageError, match="has no alias"):
        rollback(tracker, "none")
    with pytest.raises(UsageError, match="without quotes"):
        tracker.versions("o'clock")
    with pytest.raises(UsageError, match="write --tracking-uri or set MLFLOW_TRACKING_URI"):
        MLflow()
    with pytest.raises(UsageError, match=r"^MLflow: [^\n]+$"):
        MLflow("gopher://nowhere")
    with pytest.raises(UsageError, match="nothing in folders any more: write --tracking-uri"):
        MLflow("./mlruns")


def test_nobody_is_told_of_its_use(tracker: MLflow) -> None:
    """MLflow's own telemetry is off, unless its user has turned it on."""
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()
