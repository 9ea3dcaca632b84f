"""What a job asks for is simulated on the qubits that it uses."""

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler

from qgm_observe.testing.provider import IBMProvider
from qgm_observe.testing.provider.noise import noise, prepared
from qgm_observe.testing.provider.snapshots import Json, load

DEVICE = "ibmq_manila"


def test_idle_qubits_are_left_out() -> None:
    """Of a wide circuit only the qubits remain on which more happens than waiting."""
    circuit = QuantumCircuit(100, 2)
    circuit.delay(100, 7)
    circuit.barrier()
    circuit.x(90)
    circuit.measure([3, 90], [0, 1])

    smaller, _ = prepared(circuit, None)

    assert smaller.num_qubits == 2
    assert [step.operation.name for step in smaller.data] == ["x", "measure", "measure"]
    assert [smaller.find_bit(step.qubits[0]).index for step in smaller.data] == [1, 0, 1]


def test_conditions_survive() -> None:
    """A circuit that acts on a measured bit does so still: both bits are always equal."""
    flags = ClassicalRegister(2, "flags")
    circuit = QuantumCircuit(50)
    circuit.add_register(flags)
    circuit.h(10)
    circuit.measure(10, flags[0])
    with circuit.if_test((flags[0], 1)):
        circuit.x(40)
    circuit.measure(40, flags[1])

    smaller, backend = prepared(circuit, None)
    counts = backend.run(smaller, shots=200, seed_simulator=1).result().get_counts()

    assert smaller.num_qubits == 2
    assert set(counts) == {"00", "11"}


def test_noise_is_that_of_the_qubits_in_use() -> None:
    """The model of qubits 3 and 1 has their readout errors, under the numbers 0 and 1."""
    _, properties = load("fake_manila")
    errors = {value["name"]: value["value"] for value in properties["qubits"][3]}

    model = noise(properties, [3, 1]).to_dict()
    readout = next(
        error["probabilities"]
        for error in model["errors"]
        if error["type"] == "roerror" and error["gate_qubits"] == [(0,)]
    )

    assert readout[0][1] == pytest.approx(errors["prob_meas1_prep0"])
    assert readout[1][0] == pytest.approx(errors["prob_meas0_prep1"])


@pytest.mark.parametrize("primitive", [SamplerV2, Sampler])
def test_samples_get_worse_with_the_calibration(primitive: Any, bell: QuantumCircuit) -> None:
    """With noise a Bell pair errs a little, and much more once the cx gate is calibrated badly."""

    def worse(properties: Json) -> None:
        for gate in properties["gates"]:
            for parameter in gate["parameters"]:
                if (gate["gate"], parameter["name"]) == ("cx", "gate_error"):
                    parameter["value"] = 0.4

    def errors(provider: IBMProvider) -> float:
        job = primitive(mode=backend).run([bell], shots=2_000)
        counts: Callable[[], dict[str, int]] = job.result()[0].data.meas.get_counts
        return sum(n for bits, n in counts().items() if bits in ("01", "10")) / 2_000

    with IBMProvider(["fake_manila"], noise=True, seed=5) as provider:
        backend = provider.service().backend(DEVICE)
        before = errors(provider)
        provider.devices[DEVICE].recalibrate(provider.clock.now, worse)
        after = errors(provider)

    assert 0 < before < 0.12
    assert after > 0.2
