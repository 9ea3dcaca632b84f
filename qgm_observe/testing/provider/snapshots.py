"""Snapshots of real devices, as the client's package ships them for its fake backends."""

import importlib.util
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.testing.provider.clock import to_date, to_seconds

Json = dict[str, Any]


@lru_cache(maxsize=1)
def _folder() -> Path:
    found = importlib.util.find_spec("qiskit_ibm_runtime")
    if found is None or found.origin is None:
        raise MissingExtra("a provider to test against", "testing")
    return Path(found.origin).parent / "fake_provider" / "backends"


def short_name(name: str) -> str:
    """Return a device's name without what comes before the first underscore."""
    return name.partition("_")[2] or name


def names() -> list[str]:
    """Return the names of all snapshots, without a prefix."""
    return sorted(path.parent.name for path in _folder().glob("*/conf_*.json"))


def dated(properties: Json) -> Iterator[Json]:
    """Walk over every value of properties that has a date."""
    for qubit in properties["qubits"]:
        yield from qubit
    for gate in properties["gates"]:
        yield from gate["parameters"]
    yield from properties["general"]


@lru_cache(maxsize=4_096)
def _in_utc(date: str) -> str:
    return to_date(to_seconds(date))


def load(name: str) -> tuple[Json, Json]:
    """Return a device's configuration and properties as the package has them, dates in UTC.

    The files have the dates in the zone of whoever saved them; the interface tells UTC, and the
    client takes every date for UTC whatever zone it names.

    Args:
        name: As `fake_fez`, `ibm_fez` or `fez`.

    Raises:
        UsageError: If there is no such snapshot.
        MissingExtra: If the client's package is not installed.
    """
    short, known = short_name(name), names()
    if short not in known:
        raise UsageError(f"no snapshot of a device {name!r}; there are: {', '.join(known)}")
    folder = _folder() / short
    configuration, properties = _read(folder, "conf_*.json"), _read(folder, "props_*.json")
    properties["last_update_date"] = _in_utc(properties["last_update_date"])
    for value in dated(properties):
        value["date"] = _in_utc(value["date"])
    return configuration, properties


def _read(folder: Path, pattern: str) -> Json:
    content: Json = json.loads(next(folder.glob(pattern)).read_text(encoding="utf-8"))
    return content
