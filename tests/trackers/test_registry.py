"""Which trackers there are, and one that is not ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Store
from qgm_observe.trackers import (
    Tracked,
    Tracker,
    Version,
    collect,
    open_tracker,
    promote,
    register,
    registry,
    rollback,
    trackers,
)
from qgm_observe.trackers.mlflow import MLflow

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's use of its own parts
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it keeps its database open
]
Found = Callable[..., None]


@dataclass
class Shelf:
    """A registry in memory, as another package might bring it: the Protocol and no more."""

    storage: str = "https://shelf.example"
    runs: list[Tracked] = field(default_factory=list)
    made: list[Version] = field(default_factory=list)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def log(self, tracked: Tracked) -> str:
        self.runs.append(tracked)
        return str(len(self.runs))

    def create(self, model: str, logged: str, tracked: Tracked) -> Version:
        number = str(1 + sum(each.model == model for each in self.made))
        self.made.append(Version(model, number, tracked.run, logged, (), tracked.tags, 0.0))
        return self.made[-1]

    def versions(self, model: str | None = None) -> Sequence[Version]:
        return [each for each in reversed(self.made) if model in (None, each.model)]

    def alias(self, model: str, alias: str) -> str | None:
        return self.aliases.get((model, alias))

    def point(self, model: str, alias: str, version: str) -> None:
        self.aliases[model, alias] = version

    def note(self, model: str, key: str) -> str | None:
        return self.notes.get((model, key))

    def keep_note(self, model: str, key: str, text: str) -> None:
        self.notes[model, key] = text

    def close(self) -> None:
        pass


def open_shelf(address: str | None, experiment: str, *, create: bool) -> Shelf:
    """What an entry point names."""
    return Shelf(storage=f"{address} {experiment} {create}")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    """Lets packages bring entry points: name and value."""

    def found(**points: str) -> None:
        told = [EntryPoint(name, value, registry.GROUP) for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: told)

    return found


def test_mlflow_is_there_without_an_entry_point(found: Found, mlflow_uri: str) -> None:
    """Its name is known, and it opens as any other."""
    found()

    assert trackers() == ("mlflow",)
    assert isinstance(open_tracker(address=mlflow_uri), MLflow)


def test_another_package_brings_a_tracker(found: Found) -> None:
    """It gets the address, the experiment and whether it may make a store; ours stays ours."""
    found(shelf=f"{__name__}:open_shelf", mlflow="somebody:else")

    assert trackers() == ("mlflow", "shelf")
    opened = open_tracker("shelf", "at", "runs", create=False)
    assert isinstance(opened, Tracker)
    assert opened.storage == "at runs False"
    assert registry._found()["mlflow"].value.startswith("qgm_observe.")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "tracker 'nobody': write one of broken, mlflow"),
        ("broken", "tracker 'broken' cannot be loaded: .*; update its package"),
    ],
)
def test_a_tracker_that_cannot_be_had_is_one_line(found: Found, name: str, said: str) -> None:
    """A name that is not known, and a package that does not work."""
    found(broken="no_such_package:open")

    with pytest.raises(UsageError, match=said):
        open_tracker(name)


def test_the_protocol_is_all_that_is_needed(journal: Store, run: Event) -> None:
    """Registering, promoting and rolling back work with a tracker of eight methods."""
    shelf: Tracker = Shelf()
    told = collect(journal, run, with_parameters=True)
    for _ in range(2):
        made, encryption = register(shelf, "qcbm", told)
        promote(shelf, "qcbm", made.version)

    assert encryption.text == "unknown"
    assert shelf.alias("qcbm", "champion") == "2"
    assert rollback(shelf, "qcbm") == ("2", "1")
    assert shelf.versions("qcbm")[0].tags["qgm.storage"] == "unknown"


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    """A database that is not there is an error where nothing is to be registered."""
    file = tmp_path / "deep" / "mlflow.db"

    with pytest.raises(UsageError, match=f"no MLflow database at {file}: register a run first"):
        open_tracker(address=f"sqlite:///{file}", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is told without the password in it, and nothing else."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker: Any = open_tracker(address="http://me:hunter2@127.0.0.1:9", create=False)

    with pytest.raises(UsageError, match=r"^MLflow: nobody answers at http://\*\*\*@127.0.0.1:9$"):
        tracker.versions()
