"""What changed in a simulator's noise model."""

import json
import math
from typing import Any

import pytest
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    pauli_error,
)

from qgm_observe.cli.differences import WEIGHTS, Change, compare
from qgm_observe.cli.noise_changes import noise_changes
from qgm_observe.cli.run_facts import RunFacts
from qgm_observe.providers.noise_content import content_of


def model(cx: float, *, readout: float = 0.0, local: float = 0.0) -> NoiseModel:
    """One with an error of every cx, of every readout, and of x on qubit 1 alone."""
    made = NoiseModel()
    made.add_all_qubit_quantum_error(depolarizing_error(cx, 2), ["cx"])
    if readout:
        rows = [[1 - readout, readout], [readout, 1 - readout]]
        made.add_all_qubit_readout_error(ReadoutError(rows))
    if local:
        made.add_quantum_error(pauli_error([("X", local), ("I", 1 - local)]), ["x"], [1])
    return made


def told(made: NoiseModel, qubits: Any = None) -> dict[str, Any]:
    """Its content."""
    content: dict[str, Any] = json.loads(content_of(made, qubits))
    return content


def test_a_larger_error_is_told_as_a_chance() -> None:
    """Of a depolarization of two qubits by p something happens with 15 p / 16."""
    (change,) = noise_changes(told(model(0.005)), told(model(0.09)))

    assert change.name == "cx error"
    assert change.before == pytest.approx(0.005 * 15 / 16)
    assert change.after == pytest.approx(0.09 * 15 / 16)
    assert change.ratio == pytest.approx(18)


def test_the_largest_ratio_is_first() -> None:
    """A readout error that is five times what it was stands before a gate's doubled one."""
    before, after = model(0.01, readout=0.01), model(0.02, readout=0.05)
    found = noise_changes(told(before), told(after))

    assert [each.name for each in found] == ["readout error", "cx error"]
    assert [each.ratio for each in found] == [pytest.approx(5), pytest.approx(2)]


def test_equal_models_do_not_differ_by_what_was_seen() -> None:
    """A model told of some qubits equals the same told of others, or of all."""
    same = model(0.01, readout=0.02, local=0.1)
    for qubits in ([0, 1], [0, 2], [0, 1, 2], None):
        assert noise_changes(told(same, qubits), told(same)) == []
        assert noise_changes(told(same, [1]), told(same, qubits)) == []


def test_an_error_of_a_qubit_that_both_tell_of_counts() -> None:
    """An error of qubit 1 is new where qubit 1 is in use in both runs, and only there."""
    before, after = told(model(0.01)), told(model(0.01, local=0.1))
    (change,) = noise_changes(before, after)

    assert (change.name, change.before, change.ratio) == ("x error", None, math.inf)
    assert change.after == pytest.approx(0.1)
    assert noise_changes(told(model(0.01), [0]), after) == []


def test_an_error_that_is_no_mixture_has_no_number() -> None:
    """Of another damping it is told that it differs."""
    found = []
    for gamma in (0.1, 0.2):
        made = NoiseModel()
        made.add_all_qubit_quantum_error(amplitude_damping_error(gamma), ["sx"])
        found.append(told(made))
    (change,) = noise_changes(*found)

    assert change == ("sx error", None, None, math.inf)


# ----------------------------------------------------------------------------------------- diff


def facts(noise: dict[str, Any] | None, **gaps: str) -> RunFacts:
    """A run that rests on a noise model alone."""
    return RunFacts(run="ab" * 16, noise=noise, gaps=gaps)


def hashed(made: NoiseModel, key: str) -> dict[str, Any]:
    """A content with its hash, as runs have it."""
    return told(made) | {"hash": key * 16}


def test_another_noise_is_a_change_with_its_numbers() -> None:
    """The operation that changed most is named, the others are mentioned."""
    before = facts(hashed(model(0.005, readout=0.01), "a"))
    after = facts(hashed(model(0.09, readout=0.02), "b"))

    assert compare(before, after) == [
        Change(
            *(WEIGHTS["noise model"], "noise model", "cx error", "0.004688", "0.08437"),
            "as well as readout error",
        )
    ]
    assert compare(before, before) == []


def test_contents_that_are_not_kept_are_compared_by_hash() -> None:
    """Where the journal keeps hashes alone, these stand for the models."""
    (change,) = compare(facts({"hash": "a" * 64}), facts({"hash": "b" * 64}))

    assert (change.name, change.before, change.after) == ("noise model", "a" * 12, "b" * 12)


def test_a_noise_model_is_changed_or_unknown_and_never_both() -> None:
    """That a run has none is a change; that it is not known stands among the gaps alone."""
    noise = hashed(model(0.01), "a")
    (change,) = compare(facts(None), facts(noise))

    assert (change.before, change.after) == (None, "a" * 12)
    assert compare(facts(None, noise_model="it cannot be written"), facts(noise)) == []
    assert compare(facts(noise), facts(None, noise_model="it cannot be written")) == []
