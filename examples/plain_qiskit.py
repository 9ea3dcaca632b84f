"""Teach a small circuit to sample a bell curve; plain Qiskit, with nothing of ours in it.

python examples/plain_qiskit.py
qgm-observe run examples/plain_qiskit.py
"""

import sys

import numpy as np
from qiskit import transpile
from qiskit.circuit.library import real_amplitudes
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

QUBITS, SHOTS = 3, 2000
ITERATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 60

backend = AerSimulator()
circuit = real_amplitudes(QUBITS, reps=2)
circuit.measure_all()
isa_circuit = transpile(circuit, backend, optimization_level=1, seed_transpiler=7)
sampler = SamplerV2(seed=7)

places = np.arange(2**QUBITS)
target = np.exp(-((places - 3.5) ** 2) / 4)
target /= target.sum()


def distributions(parameters: list[np.ndarray]) -> np.ndarray:
    """Sample one distribution for each row of parameters, all rows in one submission."""
    bits = sampler.run([(isa_circuit, parameters)], shots=SHOTS).result()[0].data.meas
    counts = [bits.get_int_counts(row) for row in range(len(parameters))]
    return np.array([[count.get(place, 0) for place in places] for count in counts]) / SHOTS


def loss(distribution: np.ndarray) -> np.ndarray:
    """Return the total variation distance to the target."""
    return np.abs(distribution - target).sum(axis=-1) / 2


# simultaneous perturbation stochastic approximation (Spall, 1992)
rng = np.random.default_rng(7)
angles = rng.normal(0, 1.0, circuit.num_parameters)
for iteration in range(ITERATIONS):
    step = 0.3 / (iteration + 1) ** 0.101
    direction = rng.choice([-1, 1], angles.size)
    plus, minus = loss(distributions([angles + step * direction, angles - step * direction]))
    angles -= 3.0 / (iteration + 5) ** 0.602 * (plus - minus) / (2 * step) * direction
    if iteration % 10 == 0:
        print(f"iteration {iteration:3}  loss {(plus + minus) / 2:.4f}")

learned = distributions([angles])[0]
print(f"after {ITERATIONS} iterations: distance {loss(learned):.4f}")
for place in places:
    print(f"{place:0{QUBITS}b}  target {target[place]:.3f}  learned {learned[place]:.3f}")
