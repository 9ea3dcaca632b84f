"""A fork waits until no thread of ours imports."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qgm_observe.journal import forking

SLOW = """
import sys
begun, go = sys.modules[{holder!r}].begun, sys.modules[{holder!r}].go
begun.set()
assert go.wait(60)
done = True
"""
begun = threading.Event()
go = threading.Event()
threads: list[threading.Thread] = []


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module whose import lasts until it may go on."""
    name = "slow_to_import"
    (tmp_path / f"{name}.py").write_text(SLOW.format(holder=__name__))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(forking, "_patience", forking.PATIENCE)
    begun.clear()
    go.clear()
    threads.clear()
    yield name
    go.set()
    for thread in threads:
        thread.join(60)
    sys.modules.pop(name, None)


def importing(module: str, name: str) -> threading.Thread:
    """A thread of this name that is in the midst of an import."""
    thread = threading.Thread(target=__import__, args=(module,), name=name, daemon=True)
    threads.append(thread)
    thread.start()
    assert begun.wait(60)
    return thread


def test_it_waits_for_an_import_of_ours(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back after the module is whole, not before."""
    thread = importing(slow, "qgm-observe-test")

    def pause(seconds: float) -> None:
        if seconds:
            go.set()
            thread.join(60)

    monkeypatch.setattr(forking.time, "sleep", pause)
    forking.settle()

    assert sys.modules[slow].done


def test_it_does_not_wait_for_others(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread of the training imports is its own affair."""
    thread = importing(slow, "training")
    pauses: list[float] = []
    monkeypatch.setattr(forking.time, "sleep", pauses.append)
    forking.settle()

    assert pauses == [0]
    assert thread.is_alive()


def test_its_patience_ends_once_and_for_all(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that never ends holds up forks for ten seconds altogether."""
    importing(slow, "qgm-observe-test")
    clock = [0.0]
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += 1.0 if seconds else 0.0

    monkeypatch.setattr(forking.time, "sleep", pause)
    monkeypatch.setattr(forking.time, "monotonic", lambda: clock[0])
    forking.settle()
    first = clock[0]
    forking.settle()

    assert forking.PATIENCE <= first <= forking.PATIENCE + 2
    assert clock[0] == first
