"""How much a provider's result holds, with Qiskit's own sampler."""

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler

from qgm_observe.lifecycle.results import size_of


@pytest.mark.parametrize(
    ("values", "size"),
    [([0.1], (1, 7)), ([[0.1], [0.2], [0.3]], (3, 21)), ([[[0.1], [0.2]]] * 2, (4, 28))],
    ids=["one", "three", "two-by-two"],
)
def test_broadcast_parameters_are_circuits_of_their_own(
    values: list[float], size: tuple[int, int]
) -> None:
    """Each set of parameters counts as a circuit, with its own shots."""
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    circuit.measure_all()

    result = StatevectorSampler(seed=1).run([(circuit, values)], shots=7).result()

    assert size_of(result) == size


def test_what_is_no_result_of_a_sampler_holds_nothing_known() -> None:
    """Nothing else is iterated: that might use up what the script wants to read."""
    once = iter(["counts"])

    assert size_of(once) == (0, 0)
    assert next(once) == "counts"
