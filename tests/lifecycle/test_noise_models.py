"""Noise models that simulators hold, written once each."""

from types import SimpleNamespace
from typing import Any

import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qgm_observe.lifecycle import noise_models
from qgm_observe.lifecycle.noise_models import NoiseModels, model_of
from qgm_observe.lifecycle.programs import Content
from qgm_observe.providers import noise_content

QUBITS = frozenset({0, 1})


def simulator() -> AerSimulator:
    """One with a model of its own."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["x"])
    return AerSimulator(noise_model=model)


def test_a_model_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each model and set of qubits once, however often it is asked for."""
    written: list[Any] = []
    own = noise_content.content_of

    def counted(model: Any, qubits: Any) -> bytes:
        written.append(model)
        return own(model, qubits)

    monkeypatch.setattr(noise_content, "content_of", counted)
    known, backend = NoiseModels(), simulator()
    first = [known.held(backend, QUBITS) for _ in range(3)]
    assert len(written) == 1
    assert isinstance(first[0], Content)
    assert first[0].blob.kind == "noise_model"
    assert first == [first[0]] * 3

    known.held(backend, frozenset({2}))
    assert known.held(simulator(), QUBITS) == first[0]
    assert len(written) == 3


def test_a_model_is_not_kept_alive() -> None:
    """What is remembered does not hold the model, and the next one at its place is another."""
    known = NoiseModels()
    for chance in (0.1, 0.2):
        model = NoiseModel()
        model.add_all_qubit_quantum_error(depolarizing_error(chance, 1), ["x"])
        backend = AerSimulator(noise_model=model)
        told = known.held(backend, QUBITS)
        assert isinstance(told, Content)
        assert b"%g" % (chance / 4) in told.blob.data
        del model, backend


def test_many_models_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number it is begun anew."""
    monkeypatch.setattr(noise_models, "_KEPT", 2)
    known, backends = NoiseModels(), [simulator() for _ in range(5)]
    for backend in backends:
        known.held(backend, QUBITS)

    assert len(known._written) <= 2


def test_without_a_model_there_is_none() -> None:
    """An ideal simulator and what is no backend have no model."""
    assert model_of(AerSimulator()) is None
    assert model_of("ibm_fez") is None
    assert NoiseModels().held(AerSimulator(), QUBITS) is None


def test_where_no_qubit_is_seen_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of a model is written, and of a large one why it is not."""
    told = NoiseModels().held(simulator(), None)
    assert isinstance(told, Content)
    assert b'"whole":true' in told.blob.data

    model = NoiseModel()
    for qubit in range(3):
        model.add_quantum_error(depolarizing_error(0.1, 1), ["x"], [qubit])
    monkeypatch.setattr(noise_models, "MOST_QUBITS", 2)
    large = NoiseModels().held(AerSimulator(noise_model=model), None)
    assert large == "no qubit in use is seen, and it tells of more than 2"


def test_a_hostile_model_is_a_reason() -> None:
    """What is no model of Aer says why it was not written."""

    class Hostile:
        pass

    backend = SimpleNamespace(_options=SimpleNamespace(noise_model=Hostile()))

    assert NoiseModels().held(backend, QUBITS) == "it cannot be written: AttributeError"
