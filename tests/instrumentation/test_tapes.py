"""PennyLane's tapes: what a device answered, as counts."""

from collections.abc import Callable
from typing import Any

import pennylane as qml
import pytest

from qgm_observe.instrumentation.tapes import counts_of

SHOTS = 200


def answered(*measured: Any, shots: Any = SHOTS, angle: Any = 0.6) -> tuple[Any, Any]:
    """A batch of one circuit whose first wire is seldom 1, and what a device says of it."""
    operations = [qml.RY(angle, wires=0), qml.PauliX(wires=1)]
    tape = qml.tape.QuantumScript(operations, list(measured), shots=shots)
    return [tape], qml.device("default.qubit", wires=2, seed=5).execute([tape])


@pytest.mark.parametrize("measured", [qml.counts, qml.sample, qml.probs], ids=lambda m: m.__name__)
def test_all_outcomes_of_a_circuit_are_counts(measured: Callable[..., Any]) -> None:
    """Counts, samples and probabilities of shots are the same counts, wire 0 first."""
    counts = counts_of(*answered(measured(wires=[0, 1])))

    assert counts is not None
    assert set(counts) == {"01", "11"}
    assert sum(counts.values()) == SHOTS
    assert counts["01"] > counts["11"]


def test_a_tape_alone_is_a_batch_of_one() -> None:
    """A device that is asked for one circuit answers without a batch around it."""
    (tape,), (answer,) = answered(qml.counts(wires=[0, 1]))

    assert counts_of(tape, answer) == counts_of([tape], (answer,))


@pytest.mark.parametrize(
    ("measured", "options"),
    [
        ([qml.expval(qml.PauliZ(0))], {}),
        ([qml.counts(qml.PauliZ(0))], {}),
        ([qml.probs(wires=[0, 1])], {"shots": None}),
        ([qml.counts(wires=[0, 1])], {"shots": (100, 100)}),
        ([qml.probs(wires=[0, 1])], {"angle": [0.1, 0.2]}),
        ([qml.counts(wires=[0]), qml.counts(wires=[1])], {}),
    ],
    ids=["value", "observable", "exact", "vector", "broadcast", "several"],
)
def test_what_is_no_sample_of_a_circuit_is_none(measured: list[Any], options: Any) -> None:
    """Values, observables, exact, split, broadcast and several measurements have no counts."""
    assert counts_of(*answered(*measured, **options)) is None


def test_the_shifted_circuits_of_a_gradient_are_no_sample() -> None:
    """Several circuits at once are not one circuit's samples."""
    tapes, answers = answered(qml.counts(wires=[0, 1]))

    assert counts_of(tapes * 2, answers * 2) is None
