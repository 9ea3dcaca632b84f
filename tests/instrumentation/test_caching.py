"""The compiler that remembers: the same circuit as compiling gives, and never that of another."""

import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.catalog import signals
from qgm_observe.instrumentation.caching import CachedCompiler, structure_of
from qgm_observe.spend.compiled import CompiledCircuits
from qgm_observe.training.ansatz import born_circuit
from qgm_observe.training.devices import load_device
from qgm_observe.training.qcbm import QCBM

OPTIONS = {"optimization_level": 1, "seed_transpiler": 7}


@pytest.fixture
def cache(tmp_path, recorder):
    return CompiledCircuits(tmp_path / "compiled")


@pytest.fixture
def backend():
    return FakeManilaV2()


def never(_):
    raise AssertionError("compiled although it was kept")


def translate(backend):
    return lambda each: generate_preset_pass_manager(backend=backend, **OPTIONS).run(each)


def ansatz(name: str = "a") -> QuantumCircuit:
    circuit = born_circuit(3, ("ry", "rz"), "linear", 2)
    circuit.name = name
    return circuit


def test_a_kept_circuit_equals_a_compiled_one(cache, backend):
    """Read back for a circuit built anew, gates, qubits and that circuit's parameters are there."""
    CachedCompiler(backend, cache)(ansatz(), OPTIONS, translate(backend))
    circuit = ansatz("b")
    again = CachedCompiler(backend, cache)(circuit, OPTIONS, never)

    assert again == translate(backend)(circuit)
    assert set(again.parameters) == set(circuit.parameters)


def test_a_later_look_up_is_from_memory(cache, backend):
    """Within a process an equal circuit comes back, though the folder is gone."""
    compiler = CachedCompiler(backend, cache)
    circuit = ansatz()
    first = compiler(circuit, OPTIONS, translate(backend))
    for path in cache.folder.iterdir():
        path.unlink()

    again = compiler(circuit, OPTIONS, never)

    assert again == first
    assert again.parameters == first.parameters


def test_what_is_done_to_a_circuit_is_not_done_to_the_kept_one(cache, backend):
    """Whether it was compiled, read back or remembered: a caller may change it in place."""
    circuit = ansatz()
    untouched = translate(backend)(circuit)
    for compiler in (CachedCompiler(backend, cache), CachedCompiler(backend, cache)):
        for _ in range(2):
            found = compiler(circuit, OPTIONS, translate(backend))
            assert found == untouched
            found.remove_final_measurements()


def test_a_gate_of_the_users_own_is_none_of_qiskits(backend, cache):
    """A gate that bears a library gate's name is told apart by what it is made of."""
    inner = QuantumCircuit(1, name="h")
    inner.x(0)
    own, plain = QuantumCircuit(1), QuantumCircuit(1)
    own.append(inner.to_gate(), [0])
    plain.h(0)

    assert structure_of(own) != structure_of(plain)


def test_another_calibration_compiles_anew(cache, backend):
    """A changed error makes another key at once; the same numbers as new objects do not."""
    compiler = CachedCompiler(backend, cache)
    before = compiler.key(ansatz(), OPTIONS)
    told = backend.properties().to_dict()
    backend._props_dict, backend._target = dict(told), None  # as after a refresh
    assert compiler.key(ansatz(), OPTIONS) == before

    gate = next(each for each in told["gates"] if each["gate"] == "cx")
    error = next(each for each in gate["parameters"] if each["name"] == "gate_error")
    error["value"] *= 1.5
    backend._props_dict, backend._target = dict(told), None

    assert compiler.key(ansatz(), OPTIONS) != before


def test_another_compiler_compiles_anew(cache, backend, monkeypatch):
    """What an older Qiskit compiled is not found by a newer one."""
    compiler = CachedCompiler(backend, cache)
    before = compiler.key(ansatz(), OPTIONS)
    monkeypatch.setattr("qiskit.__version__", "99.0.0")

    assert compiler.key(ansatz(), OPTIONS) != before


def test_options_and_device_are_part_of_the_key(cache, backend):
    """Another optimization level or another device is another circuit."""
    compiler = CachedCompiler(backend, cache)
    simulator = load_device("aer", 3).backend
    keys = {
        compiler.key(ansatz(), OPTIONS),
        compiler.key(ansatz(), OPTIONS | {"optimization_level": 2}),
        CachedCompiler(simulator, cache).key(ansatz(), OPTIONS),
    }

    assert len(keys) == 3


def _plain() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(1, 0)
    return circuit


def _custom(angle: float) -> QuantumCircuit:
    inner = QuantumCircuit(1, name="mine")
    inner.rx(angle, 0)
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])
    return circuit


def _conditional(angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(angle, 0)
    return circuit


def test_the_structure_is_all_that_compiling_sees():
    """Qubits, angles and what is inside of own gates and branches count; names do not."""
    swapped = QuantumCircuit(2, 1)
    swapped.h(1)
    swapped.cx(1, 0)
    swapped.measure(0, 0)
    different = [_plain(), swapped, _custom(0.1), _custom(0.2), _conditional(0.1)]
    different += [_conditional(0.2), ansatz()]

    assert structure_of(ansatz("a")) == structure_of(ansatz("b"))
    assert len({structure_of(each) for each in different}) == len(different)


def test_a_file_that_is_no_circuit_is_compiled_over(recorder, cache, backend, monkeypatch):
    """What cannot be read costs a compilation, outside of our own tests' strictness."""
    compiler = CachedCompiler(backend, cache)
    cache.put(compiler.key(ansatz(), OPTIONS), b"no circuit")
    monkeypatch.setattr(recorder.guard, "strict", False)
    circuit = ansatz()

    assert compiler(circuit, OPTIONS, translate(backend)) == translate(backend)(circuit)


def test_look_ups_and_hits_are_counted(recorder, cache, backend):
    """Two look-ups, one of them a hit, by provider and device, on the process's own page."""
    compiler = CachedCompiler(backend, cache)
    compiler(ansatz(), OPTIONS, translate(backend))
    compiler(ansatz(), OPTIONS, never)
    counted = [(signal, number, labels) for signal, number, labels in recorder.counted]
    where = ("local", "fake_manila")

    assert counted == [
        (signals.COMPILE_LOOKUPS, 1, where),
        (signals.COMPILE_LOOKUPS, 1, where),
        (signals.COMPILE_HITS, 1, where),
    ]


def test_the_reference_core_uses_it(cache):
    """Two trainings on the same device compile once, and learn the same as without a cache."""
    target = {"00": 0.5, "11": 0.5}
    device = load_device("manila", 2, seed=3)
    plain = QCBM(device, shots=64, seed=3).fit(target, iterations=2)
    first = QCBM(device, shots=64, seed=3, compiler=CachedCompiler(device.backend, cache))
    second = QCBM(device, shots=64, seed=3, compiler=CachedCompiler(device.backend, cache))

    assert first.fit(target, iterations=2).losses == plain.losses
    assert second.fit(target, iterations=2).losses == plain.losses
    assert len(list(cache.folder.iterdir())) == 1
