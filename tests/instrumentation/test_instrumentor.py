"""Instrumentors, as OpenTelemetry knows them, and libraries that changed."""

import logging
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from qgm_observe.instrumentation import INSTRUMENTORS
from qgm_observe.instrumentation.aer import AerInstrumentor
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.qiskit import QiskitInstrumentor
from qgm_observe.instrumentation.wrapping import Target
from qgm_observe.lifecycle import Recorder


def hook(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return "seen", own(*args, **kwargs)


class GadgetInstrumentor(Instrumentor):
    """Of a library that a test writes."""

    library = "gadgetlib"
    requires = ("gadgetlib >= 1",)
    targets: ClassVar[tuple[Target, ...]] = (
        Target("gadgetlib.device", "Device", "run", hook),
        Target("gadgetlib.device", "Device", "stop", hook),
        Target("gadgetlib.device", "Renamed", "run", hook),
        Target("gadgetlib.moved", "Other", "run", hook),
        Target("gadgetlib.base", "Base", "run", hook, heirs=True),
    )


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A newer version of the library, in which some of what is looked for is gone."""
    folder = tmp_path / "gadgetlib"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "device.py").write_text("class Device:\n    def run(self):\n        return 1\n")
    (folder / "base.py").write_text("class Base:\n    def run(self):\n        return 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    GadgetInstrumentor().uninstrument()
    for name in [name for name in sys.modules if name.startswith("gadgetlib")]:
        del sys.modules[name]


@pytest.fixture
def gadget(library: None, recorder: Recorder) -> ModuleType:
    """The library, loaded while its instrumentor is at work."""
    GadgetInstrumentor().instrument()
    import gadgetlib.base
    import gadgetlib.device

    return gadgetlib


def test_what_a_newer_version_lacks_is_a_gap(
    gadget: Any, noted: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A method, a class and a module that are gone are counted, and the rest is seen."""
    assert gadget.device.Device().run() == ("seen", 1)
    assert sum(value for _, value in noted("qgm.observe.hooks.missing")) == 3


def test_a_gap_is_told_once(
    library: None, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Each gap is logged once, by name, also when the hooks come and go."""
    with caplog.at_level(logging.WARNING, "qgm_observe"):
        for _ in range(2):
            GadgetInstrumentor().instrument()
            import gadgetlib.base
            import gadgetlib.device  # noqa: F401

            GadgetInstrumentor().uninstrument()

    told = sorted(record.message.split()[1] for record in caplog.records)
    assert told == [
        "gadgetlib.device.Device.stop",
        "gadgetlib.device.Renamed.run",
        "gadgetlib.moved",
    ]


def test_heirs_are_seen_and_their_base_is_not(gadget: Any) -> None:
    """Subclasses that define the method are wrapped as they are defined, their base is not."""

    class Heir(gadget.base.Base):
        def run(self):
            return 2

    class Quiet(gadget.base.Base):
        pass

    assert (Heir().run(), Quiet().run()) == (("seen", 2), 0)
    GadgetInstrumentor().uninstrument()
    assert Heir().run() == 2
    assert "__init_subclass__" not in vars(gadget.base.Base)


def test_a_base_with_a_hook_of_its_own_keeps_it(library: None, recorder: Recorder) -> None:
    """A base class's own `__init_subclass__` is called with its arguments, and is back after."""
    GadgetInstrumentor().instrument()
    from gadgetlib import base

    defined = []
    GadgetInstrumentor().uninstrument()

    class Base(base.Base):
        def __init_subclass__(cls, *, name: str) -> None:
            defined.append(name)

    base.Base = Base
    own = vars(Base)["__init_subclass__"]
    GadgetInstrumentor().instrument()

    class Heir(Base, name="heir"):
        def run(self):
            return 3

    assert (defined, Heir().run()) == (["heir"], ("seen", 3))
    GadgetInstrumentor().uninstrument()
    assert vars(Base)["__init_subclass__"] is own


def test_there_is_one_of_each() -> None:
    """An instrumentor is the same object wherever it is made, as OpenTelemetry expects."""
    assert QiskitInstrumentor() is QiskitInstrumentor()
    assert AerInstrumentor() is not QiskitInstrumentor()


def test_each_can_be_used_alone() -> None:
    """One library's hooks come and go without those of another."""
    from qiskit.primitives import StatevectorSampler
    from qiskit_aer.primitives import SamplerV2

    own = vars(SamplerV2)["run"], vars(StatevectorSampler)["run"]
    AerInstrumentor().instrument(skip_dep_check=False)
    assert AerInstrumentor().is_instrumented_by_opentelemetry
    assert (vars(SamplerV2)["run"] is own[0], vars(StatevectorSampler)["run"] is own[1]) == (
        *(False, True),
    )
    AerInstrumentor().uninstrument()

    assert (vars(SamplerV2)["run"], vars(StatevectorSampler)["run"]) == own


def test_opentelemetry_finds_all_of_them() -> None:
    """Each instrumentor is an entry point under its library's name, with what it needs."""
    found = entry_points(group="opentelemetry_instrumentor")
    ours = {each.name: each.load() for each in found if each.value.startswith("qgm_observe.")}

    assert {"qiskit", "qiskit_aer", "qiskit_ibm_runtime"} <= ours.keys()
    for name, instrumentor in ours.items():
        assert instrumentor in INSTRUMENTORS
        assert instrumentor.library == name
        assert instrumentor().instrumentation_dependencies()
