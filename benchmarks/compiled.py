"""The compiled-circuit cache against compiling, and eight processes at once.

The circuit is the reference core's ansatz of 12 qubits with 96 parameters, compiled for a device
of 156 qubits. What is measured is all that a training waits for: the key, the file, the reading of
the circuit; CPU time, median.

    python benchmarks/compiled.py
"""

import hashlib
import math
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qgm_observe as qgm
from qgm_observe.instrumentation.caching import CachedCompiler
from qgm_observe.spend.compiled import CompiledCircuits, key_of
from qgm_observe.training.ansatz import born_circuit

REPETITIONS = 15
PROCESSES, ROUNDS, KEYS, ROOM = 8, 400, 12, 20
ENTRY_BYTES = 20_000
LEAST_RATIO = 10


def median_ms(call: Callable[[], object], repetitions: int = REPETITIONS) -> float:
    """Return the median CPU time of a call in ms."""
    taken = []
    for _ in range(repetitions):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1e3


def compiling(backend: Any, options: dict[str, int]) -> Callable[[Any], Any]:
    """Return what compiles for a backend, as the reference core does it."""
    from qiskit.transpiler import generate_preset_pass_manager

    return lambda each: generate_preset_pass_manager(backend=backend, **options).run(each)


def speed(folder: Path, level: int) -> tuple[float, float, float]:
    """Return ms of compiling, of a hit on disk as in a new process, and of a later hit."""
    from qiskit_ibm_runtime.fake_provider import FakeFez

    backend = FakeFez()
    circuit = born_circuit(12, ("ry", "rz"), "linear", 3)
    options = {"optimization_level": level, "seed_transpiler": 7}
    translate = compiling(backend, options)
    cache = CompiledCircuits(folder)
    remembering = CachedCompiler(backend, cache)
    remembering(circuit, options, translate)
    fresh = [CachedCompiler(backend, cache) for _ in range(REPETITIONS)]
    for each in fresh:  # a process looks at its calibration once
        each.key(circuit, options)
    waiting = iter(fresh)
    twin = born_circuit(12, ("ry", "rz"), "linear", 3)  # as another process builds it
    return (
        median_ms(lambda: translate(circuit)),
        median_ms(lambda: next(waiting)(twin, options, never)),
        median_ms(lambda: remembering(circuit, options, never)),
    )


def first_use(folder: str, level: int, is_cached: bool) -> float:
    """Return ms of the first circuit of this process."""
    from qiskit_ibm_runtime.fake_provider import FakeFez

    qgm.configure(disabled=True)
    backend = FakeFez()
    _ = backend.target  # a training reads it in any case
    circuit = born_circuit(12, ("ry", "rz"), "linear", 3)
    options = {"optimization_level": level, "seed_transpiler": 7}
    began = time.process_time()
    if is_cached:
        CachedCompiler(backend, CompiledCircuits(Path(folder)))(circuit, options, never)
    else:
        compiling(backend, options)(circuit)
    return (time.process_time() - began) * 1e3


def alone(*arguments: Any) -> float:
    """Return the median of `first_use` in three processes, one after the other."""
    taken = []
    for _ in range(3):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            taken.append(pool.apply(first_use, arguments))
    return statistics.median(taken)


def never(_: Any) -> Any:
    """Stand for a compiler that must not be asked."""
    raise AssertionError("compiled although it was in the cache")


def content_of(number: int, calibration: int) -> bytes:
    """Return what compiling a circuit for a calibration gives, different for each."""
    drawn = hashlib.sha256(f"{number} {calibration}".encode()).digest()
    return drawn * (ENTRY_BYTES // len(drawn))


def work(folder: str, own: int) -> tuple[int, int, int]:
    """Look up circuits while calibrations change; return look-ups, hits, wrong contents."""
    cache = CompiledCircuits(Path(folder), most_bytes=ENTRY_BYTES * ROOM)
    hits = wrong = 0
    for turn in range(ROUNDS):
        number, calibration = (turn * 7 + own) % KEYS, turn // 100
        key = key_of(structure=str(number), calibration=str(calibration), backend="b", compiler="c")
        expected = content_of(number, calibration)
        found, is_hit = cache.find(key, lambda kept=expected: kept)  # type: ignore[misc]
        hits += is_hit
        wrong += found != expected
    return ROUNDS, hits, wrong


def together(folder: Path, processes: int = PROCESSES) -> tuple[int, int, int, int]:
    """Return look-ups, hits and wrong contents of all processes, and the bytes that remain."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        told = pool.starmap(work, [(str(folder), own) for own in range(processes)])
    looked, hits, wrong = (sum(column) for column in zip(*told, strict=True))
    return looked, hits, wrong, sum(path.stat().st_size for path in folder.iterdir())


def main() -> int:
    """Print the table; 1 if a first hit is not 10 times as fast, or one is torn or stale."""
    slowest = math.inf
    qgm.configure(disabled=True)
    print("12 qubits, 96 parameters, for 156 qubits; ms of CPU, median")
    print(" " * 8 + f"{'first of a process':>28}{'later, of another':>28}{'later, its own':>28}")
    print(f"{'level':<8}" + f"{'compile':>10}{'hit':>10}{'ratio':>8}" * 3)
    for level in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            slow, disk, memory = speed(Path(folder), level)
            first = alone(folder, level, False), alone(folder, level, True)
        rows = (first, (slow, disk), (slow, memory))
        slowest = min(slowest, first[0] / first[1])
        cells = [f"{one:>10.2f}{hit:>10.2f}{one / hit:>7.0f}x" for one, hit in rows]
        print(f"{level:<8}" + "".join(cells))
    with tempfile.TemporaryDirectory() as folder:
        looked, hits, wrong, size = together(Path(folder))
    bound = ENTRY_BYTES * ROOM
    print(
        f"{PROCESSES} processes, 4 calibrations: {looked:,} look-ups, {hits / looked:.0%} hits, "
        f"{wrong} torn or stale; {size:,} of {bound:,} bytes kept"
    )
    return int(slowest < LEAST_RATIO or wrong > 0 or not 0 < hits <= looked or size > bound)


if __name__ == "__main__":
    sys.exit(main())
