"""A circuit's layout as numbers, from which it is made several times faster than QPY reads one."""

from collections.abc import Sequence
from typing import Any

Told = tuple[list[tuple[str, int, bool]], list[int], list[tuple[int, int]], list[int] | None, int]
"""Registers (name, size, whether ancillas); virtual qubit by physical one; virtual qubits with
their place in the circuit that was compiled; the final permutation, if any; the circuit's width."""


def told(compiled: Any) -> Told | None:
    """Return a compiled circuit's layout, `None` where there is none that can be told so.

    Args:
        compiled: A `qiskit.QuantumCircuit`.

    Source: `qiskit.transpiler.TranspileLayout`.
    """
    layout = compiled.layout
    if layout is None:
        return None
    try:
        found = _told(layout, compiled.qubits)
    except KeyError:  # a qubit of no register
        return None
    return found if made(found, compiled.qubits) == layout else None


def made(numbers: Told, qubits: Sequence[Any]) -> Any:
    """Return the layout that was told of.

    Args:
        numbers: As `told` gave it.
        qubits: Of the compiled circuit.
    """
    from qiskit.circuit import AncillaRegister, QuantumRegister
    from qiskit.transpiler.layout import TranspileLayout

    named, virtual, places, permutation, width = numbers
    registers = [
        (AncillaRegister if is_ancilla else QuantumRegister)(size, name)
        for name, size, is_ancilla in named
    ]
    bits = [bit for register in registers for bit in register]
    final = None if permutation is None else _layout(dict(zip(permutation, qubits, strict=True)))
    initial = _layout({at: bits[number] for at, number in enumerate(virtual)})
    for register in registers:
        initial.add_register(register)
    mapping = {bits[number]: at for number, at in places}
    return TranspileLayout(initial, mapping, final, width, list(qubits))


def _told(layout: Any, qubits: Sequence[Any]) -> Told:
    from qiskit.circuit import AncillaRegister

    initial, final = layout.initial_layout, layout.final_layout
    registers = sorted(initial.get_registers(), key=lambda each: str(each.name))
    bits: dict[Any, int] = {}
    for register in registers:
        bits |= {bit: len(bits) + at for at, bit in enumerate(register)}
    return (
        [(each.name, len(each), isinstance(each, AncillaRegister)) for each in registers],
        [bits[initial[at]] for at in range(len(initial))],
        [(bits[bit], at) for bit, at in layout.input_qubit_mapping.items()],
        None if final is None else [final[bit] for bit in qubits],
        layout._input_qubit_count,  # noqa: SLF001  no public name tells it
    )


def _layout(virtual_of: dict[int, Any]) -> Any:
    """Without the checks of `Layout`, which take most of the time: what is kept was a layout."""
    from qiskit.transpiler import Layout

    made_of = Layout()
    made_of._p2v = virtual_of  # noqa: SLF001  likewise
    made_of._v2p = {bit: at for at, bit in virtual_of.items()}  # noqa: SLF001  likewise
    return made_of
