"""Checkpoints of a training: one small JSON file a step, written whole or not at all.

JSON keeps every double to the last bit and runs no code when it is read. A file is written beside
its place, flushed to the disk and renamed, so that a crash leaves the older files as they were.
"""

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from qgm_observe.training.validation import require_integer

FORMAT = 1
"""Version of the file format; a newer one is refused."""

_PATTERN = "step-*.json"


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped.

    Attributes:
        step: How many steps are completed.
        parameters: Circuit parameters after the last completed step, in radians.
        optimizer: State of the optimizer.
        random: State of the random generator, as numpy's bit generators give it.
        losses: Loss of each completed step.
        settings: What must be the same for a resume to be the same training.
    """

    step: int
    parameters: list[float]
    optimizer: dict[str, Any]
    random: dict[str, Any]
    losses: list[float]
    settings: dict[str, Any]


@dataclass(frozen=True)
class CheckpointStore:
    """A folder with the latest checkpoints of one training.

    Attributes:
        folder: Where the files are.
        keep: How many files remain; more than one lets a damaged file be survived.

    Raises:
        ValueError: If fewer than one file shall remain.
    """

    folder: Path
    keep: int = 3

    def __post_init__(self) -> None:
        require_integer("keep", self.keep, 1)

    def open(self) -> None:
        """Make the folder.

        Raises:
            ValueError: If that cannot be done; the line says why.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise ValueError(
                f"checkpoint={self.folder} is refused: {problem.strerror}"
            ) from problem

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint and remove the oldest ones that are too many.

        Raises:
            OSError: If the folder cannot be written.
        """
        content = {"format": FORMAT, **asdict(checkpoint)}
        path = write_json(self.folder / f"step-{checkpoint.step:08d}.json", content)
        for old in self._files()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> Checkpoint | None:
        """Read the newest readable checkpoint; None if the folder holds none.

        A damaged file is passed over with one warning.

        Raises:
            ValueError: If every file is damaged, or one is of a newer version.
        """
        files = self._files()
        for path in reversed(files):
            content = _read(path)
            if content is not None:
                return Checkpoint(**content)
            warnings.warn(f"checkpoint {path} is damaged: using an older one", stacklevel=2)
        if files:
            raise ValueError(f"every checkpoint in {self.folder} is damaged: use another folder")
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(_PATTERN))


def require_same(saved: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Refuse to resume a training under other settings.

    Raises:
        ValueError: If a setting differs; the line names the first.
    """
    for name, value in json.loads(json.dumps(current)).items():
        if saved.get(name) != value:
            raise ValueError(
                f"the checkpoint was written with {name}={saved.get(name)!r}, not {value!r}: "
                "use the same setting, or another folder"
            )


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a JSON file so that other readers see the old content or the new, never a part.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If a number is not finite.
    """
    text = json.dumps(content, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = int(content.pop("format"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if version > FORMAT:
        raise ValueError(f"checkpoint {path} is of a newer version: upgrade to read it")
    return content if content.keys() == {item.name for item in fields(Checkpoint)} else None
