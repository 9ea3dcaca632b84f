"""How much work a call asks for."""

from types import SimpleNamespace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler

from qgm_observe.instrumentation.pubs import asked_of, coerced, repeatable


@pytest.fixture
def rotation() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    circuit.measure_all()
    return circuit


def test_shots_come_from_the_nearest_place(rotation: QuantumCircuit, bell: QuantumCircuit) -> None:
    """A pub's own shots win over the call's, the call's over the sampler's."""
    sampler = StatevectorSampler(default_shots=1000)
    sets = np.zeros((3, 1))

    assert asked_of(sampler, ([bell],), {})[:2] == (1, 1000)
    assert asked_of(sampler, ([bell],), {"shots": 10})[:2] == (1, 10)
    assert asked_of(sampler, ([(rotation, sets, 5), bell],), {"shots": 10})[:2] == (4, 25)


def test_unknown_shots_are_unknown(bell: QuantumCircuit) -> None:
    """A sampler that leaves its shots to the provider has circuits and no count of shots."""
    assert asked_of(SimpleNamespace(), ([bell],), {})[:2] == (1, None)


def test_options_may_tell_the_shots(bell: QuantumCircuit) -> None:
    """Shots that are set in the sampler's options count."""
    sampler = SimpleNamespace(options=SimpleNamespace(default_shots=64))

    assert asked_of(sampler, (), {"pubs": [bell, bell]})[:2] == (2, 128)


def test_only_iterators_are_replaced() -> None:
    """A list stays the very same object; an iterator becomes a list, by position or name."""
    pubs = [1, 2]

    assert repeatable((pubs,), {})[0][0] is pubs
    assert repeatable((iter(pubs), 5), {"shots": 1}) == (([1, 2], 5), {"shots": 1})
    assert repeatable((), {"pubs": iter(pubs)}) == ((), {"pubs": [1, 2]})


def test_other_arguments_are_no_pubs() -> None:
    """Arguments of a primitive job that are no coerced pubs are told from such."""
    assert coerced(()) is None
    assert coerced((3,)) is None
    assert coerced(([object()],)) is None
