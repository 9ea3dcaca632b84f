"""What a tracker is handed, and what it can be asked: one Protocol, whoever keeps the models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable


class Metric(NamedTuple):
    """A number of a run.

    Attributes:
        name: Of an estimate three: its name, and that with `.low` and `.high`.
        step: The step it belongs to, 0 for the whole run.
        at: Epoch seconds.
    """

    name: str
    value: float
    step: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A run as a tracker takes it.

    Attributes:
        run: Its id.
        name: What people read.
        started_at: Epoch seconds.
        ended_at: Likewise, `None` while it is open.
        is_good: Whether it ended in success.
        parameters: What it was started with.
        metrics: Losses by step, estimates with their intervals.
        tags: Labels and what its results rest on, in short.
        artifacts: Files by name.
    """

    run: str
    name: str
    started_at: float
    ended_at: float | None
    is_good: bool
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


class Version(NamedTuple):
    """A registered version of a model.

    Attributes:
        run: The id of our run.
        source: Where its artifacts lie.
        aliases: That point to it now.
        created_at: Epoch seconds.
    """

    model: str
    version: str
    run: str | None
    source: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    created_at: float


@runtime_checkable
class Tracker(Protocol):
    """A registry of runs and models.

    Attributes:
        storage: The address of its artifact storage, without credentials.
    """

    storage: str

    def log(self, tracked: Tracked) -> str:
        """Take a run with its metrics and artifacts; a run that it has is taken once more.

        Returns:
            The tracker's own id of it.
        """

    def create(self, model: str, logged: str, tracked: Tracked) -> Version:
        """Make the artifacts of a logged run a new version of a model."""

    def versions(self, model: str | None = None) -> Sequence[Version]:
        """Return the versions of a model, or of all, the newest first."""

    def alias(self, model: str, alias: str) -> str | None:
        """Return the version that an alias points to."""

    def point(self, model: str, alias: str, version: str) -> None:
        """Let an alias point to a version."""

    def note(self, model: str, key: str) -> str | None:
        """Return what was noted of a model."""

    def keep_note(self, model: str, key: str, text: str) -> None:
        """Note something of a model."""

    def close(self) -> None:
        """Let connections go."""
