import numpy as np

from qgm_observe.training.ansatz import born_circuit
from qgm_observe.training.provenance import circuit_hash, library_versions, values_hash


def test_circuits_that_are_built_alike_have_one_hash():
    """Structure alone counts: a copy agrees, bound values do not appear in the free circuit."""
    one, two = (born_circuit(3, ("ry",), "linear", 2) for _ in range(2))

    assert circuit_hash(one) == circuit_hash(two)
    assert len(circuit_hash(one)) == 64


def test_any_change_of_structure_changes_the_hash():
    """Width, depth, rotations, entanglement and a bound angle each give another hash."""
    circuits = [
        born_circuit(3, ("ry",), "linear", 2),
        born_circuit(4, ("ry",), "linear", 2),
        born_circuit(3, ("ry",), "linear", 1),
        born_circuit(3, ("rx",), "linear", 2),
        born_circuit(3, ("ry",), "circular", 2),
        born_circuit(3, ("ry",), "reverse_linear", 2),
        born_circuit(3, ("ry",), "linear", 2).assign_parameters([0.1] * 9),
    ]

    assert len({circuit_hash(circuit) for circuit in circuits}) == len(circuits)


def test_arrays_are_told_apart_by_their_last_bit():
    """Equal numbers have one hash in any memory layout, the next double has another."""
    values = np.array([0.25, 0.75])

    assert values_hash(values) == values_hash(np.array([0.25, 9, 0.75, 9])[::2])
    assert values_hash(values) != values_hash(np.nextafter(values, 1))


def test_only_installed_libraries_are_named():
    """Versions are those of the installed distributions; what is missing is left out."""
    versions = library_versions()

    assert versions["numpy"] == np.__version__
    assert all(versions.values())
