"""The hooks as a whole: put in place, and taken away."""

import inspect
import subprocess
import sys
from collections.abc import Callable

from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler
from qiskit.primitives.primitive_job import PrimitiveJob
from qiskit.transpiler import PassManager
from qiskit_aer.jobs.aerjob import AerJob
from qiskit_aer.primitives import SamplerV2

from qgm_observe.instrumentation import INSTRUMENTORS, instrument, uninstrument
from qgm_observe.journal import Event

METHODS = [
    (StatevectorSampler, "run"),
    (SamplerV2, "run"),
    (PassManager, "run"),
    (PrimitiveJob, "_submit"),
    (AerJob, "result"),
]

EARLY = """
import sys
from qgm_observe.instrumentation import instrument
instrument()
assert not {"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "numpy"} & sys.modules.keys()
from qiskit.primitives import StatevectorSampler
from qiskit.transpiler.passmanager import PassManager
print(StatevectorSampler.run.__wrapped__.__qualname__, hasattr(PassManager.run, "__wrapped__"))
"""


def test_uninstrument_restores_everything() -> None:
    """After `uninstrument` every method and the import system are as before."""
    own = [vars(owner)[name] for owner, name in METHODS]
    finders = list(sys.meta_path)
    instrument()
    instrument()
    assert all(vars(owner)[name] is not it for (owner, name), it in zip(METHODS, own, strict=True))
    uninstrument()
    uninstrument()

    assert [vars(owner)[name] for owner, name in METHODS] == own
    assert sys.meta_path == finders


def test_early_imports_are_seen(
    hooks: None, bell: QuantumCircuit, finished: Callable[[], list[Event]]
) -> None:
    """Names that were imported before the hooks came are seen, and after they went they are not."""
    sampler = StatevectorSampler(seed=1)
    sampler.run([bell]).result()
    uninstrument()
    sampler.run([bell]).result()

    assert len(finished()) == 1


def test_signatures_stay(hooks: None) -> None:
    """A hooked sampler still tells the parameters of its `run`."""
    assert list(inspect.signature(SamplerV2.run).parameters) == ["self", "pubs", "shots"]


def test_nothing_is_imported_for_the_hooks() -> None:
    """The hooks import no library, and catch it when the script imports it."""
    told = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, check=True
    ).stdout

    assert told == "StatevectorSampler.run True\n"


def test_every_target_exists() -> None:
    """Each method in the list is defined by the class or module that it names."""
    import importlib.util

    installed = [each for each in INSTRUMENTORS if importlib.util.find_spec(each.library)]
    assert len(installed) >= 7
    for target in (target for each in installed for target in each.targets):
        module = importlib.import_module(target.module)
        owner = getattr(module, target.owner) if target.owner else module
        assert target.heirs or callable(vars(owner)[target.method]), target
