"""The circuit of a Born machine, from Qiskit's library."""

from typing import Any


def born_circuit(num_qubits: int, rotations: tuple[str, ...], entanglement: str, reps: int) -> Any:
    """Build a hardware-efficient circuit that measures every qubit.

    Layers of rotations alternate with layers of CNOT gates. Each parameter is the angle of one
    Pauli rotation, as the parameter-shift rule needs it
    (`qiskit.circuit.library.efficient_su2`; Kandala et al., Nature 549, 242 (2017)).

    Args:
        num_qubits: Number of qubits n.
        rotations: Names of the rotations of a layer.
        entanglement: Which pairs a layer entangles, as Qiskit names it.
        reps: Number of entangling layers.

    Returns:
        A `qiskit.QuantumCircuit` with n (reps + 1) parameters for each rotation of a layer.
    """
    from qiskit.circuit.library import efficient_su2

    circuit = efficient_su2(
        num_qubits, su2_gates=list(rotations), entanglement=entanglement, reps=reps
    )
    circuit.measure_all()
    return circuit
