"""The look at modules after their import."""

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from qgm_observe.instrumentation.imports import AfterImport
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.settings import load_settings

SOURCE = '"""Made for a test."""\n\n\ndef double(x):\n    return 2 * x\n'


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModuleType]]:
    """Modules `gadget` and `broken` to import, and a list of those that were looked at."""
    (tmp_path / "gadget.py").write_text(SOURCE)
    (tmp_path / "other.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("raise LookupError('inside')\n")
    monkeypatch.syspath_prepend(tmp_path)
    looked_at: list[ModuleType] = []
    finder = AfterImport({"gadget", "broken", "absent"}, looked_at.append)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    yield looked_at
    for name in ("gadget", "other"):
        sys.modules.pop(name, None)


def test_a_module_of_interest_is_told_once_loaded(seen: list[ModuleType]) -> None:
    """The look comes after the loading, for the modules of interest alone."""
    importlib.import_module("other")
    gadget = importlib.import_module("gadget")

    assert seen == [gadget]
    assert gadget.double(2) == 4


def test_a_module_keeps_its_own_loader(seen: list[ModuleType]) -> None:
    """After the import nothing of ours is left in the module, and its source is found."""
    gadget = importlib.import_module("gadget")

    assert gadget.__spec__ is not None
    assert type(gadget.__loader__).__name__ == "SourceFileLoader"
    assert gadget.__spec__.loader is gadget.__loader__
    assert inspect.getsource(gadget.double).startswith("def double")


def test_a_reload_is_told_again(seen: list[ModuleType]) -> None:
    """A module that is reloaded, and so has new classes, is told again."""
    gadget = importlib.import_module("gadget")
    importlib.reload(gadget)

    assert seen == [gadget, gadget]


def test_a_module_that_fails_is_not_told(seen: list[ModuleType]) -> None:
    """The module's own exception passes, and there is nothing to look at."""
    with pytest.raises(LookupError, match="inside"):
        importlib.import_module("broken")

    assert seen == []


def test_a_look_that_fails_leaves_the_import_alone(
    seen: list[ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What our own look raises is counted, and the script has its module."""
    looks: list[ModuleType] = []

    def look(module: ModuleType) -> None:
        looks.append(module)
        raise RuntimeError(module)

    monkeypatch.setattr(sys, "meta_path", [AfterImport({"other"}, look), *sys.meta_path])
    made = Recorder(load_settings(journal=tmp_path / "journal.db", strict=False))
    before = use(made)
    try:
        other = importlib.import_module("other")
        counts = dict(made.guard.counts)
    finally:
        use(before)
        made.close()

    assert looks == [other]
    assert other.double(2) == 4
    assert counts == {"instrumentation": 1}


def test_an_absent_module_is_absent(seen: list[ModuleType]) -> None:
    """A module of interest that is not installed gives Python's own error."""
    with pytest.raises(ModuleNotFoundError, match="No module named 'absent'"):
        importlib.import_module("absent")
