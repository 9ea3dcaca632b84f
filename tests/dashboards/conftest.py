"""The shipped boards, and the recorded month in a real Prometheus, made once for all workers."""

import copy
import fcntl
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.dashboards.board import Board
from qgm_observe.dashboards.panels import board_json
from qgm_observe.dashboards.shelf import boards
from qgm_observe.slo.prometheus import Prometheus

from .evaluated import record
from .recorded import running


@pytest.fixture(scope="session")
def month(
    tools: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[str]:
    """The address of a Prometheus with the recorded month."""
    prometheus, promtool = tools("prometheus"), tools("promtool")
    own = tmp_path_factory.mktemp("month")
    shared = own if worker_id == "master" else tmp_path_factory.getbasetemp().parent / "month"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            record(shared, prometheus, promtool)
            (shared / "done").touch()
    if shared != own:  # a Prometheus has its data to itself
        shutil.copytree(shared / "data", own / "data", ignore=shutil.ignore_patterns("lock"))
    with running(prometheus, own / "data") as url:
        yield url


class Remembering(Prometheus):
    """Answers a question that was asked before from memory: the month does not change."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._known: dict[tuple[str, ...], list[Any]] = {}

    def _asked(self, path: str, fields: dict[str, str]) -> list[Any]:
        key = (path, *fields.values())
        if key not in self._known:
            self._known[key] = super()._asked(path, fields)
        return self._known[key]


@pytest.fixture(scope="session")
def server(month: str) -> Prometheus:
    """Who answers."""
    return Remembering(month)


@pytest.fixture(scope="session")
def shipped() -> tuple[Board, ...]:
    """The boards of the shipped configuration."""
    return boards(load_configuration(None, {}))


@pytest.fixture(scope="session")
def rendered_once(shipped: tuple[Board, ...]) -> dict[str, dict[str, Any]]:
    """Their JSON, by slug, for those who break nothing."""
    return {board.slug: board_json(board) for board in shipped}


@pytest.fixture
def rendered(rendered_once: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Their JSON, by slug; a test may break its own copy."""
    return copy.deepcopy(rendered_once)
