"""Devices to train on: an ideal simulator, calibration snapshots, and any backend of Qiskit.

A device pairs a backend, for which circuits are compiled, with a SamplerV2 that runs them, and says
where its noise comes from. What is not known is None, never invented.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Literal, Protocol

from qgm_observe.training.layout import Chain, choose_qubits, largest_group
from qgm_observe.training.targets import MAX_QUBITS
from qgm_observe.training.validation import require_integer

Kind = Literal["ideal", "snapshot", "external"]


class Job(Protocol):
    """What a sampler returns at once: the work goes on."""

    def result(self) -> Any:
        """Wait for the result."""
        ...


class Sampler(Protocol):
    """Qiskit's SamplerV2 interface, as far as training needs it."""

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> Job:
        """Submit circuits with their parameter values."""
        ...


@dataclass(frozen=True, eq=False)
class Device:
    """Where circuits run.

    Attributes:
        name: What the backend calls itself, for instance "fake_fez".
        backend: A Qiskit BackendV2; circuits are compiled for it.
        sampler: A SamplerV2 that runs on the backend.
        kind: "ideal" (no noise), "snapshot" (noise of a calibration snapshot) or "external" (a
            backend of somebody else, for instance hardware).
        qubits: Physical qubits of the snapshot in use, in the order of their new numbers.
        calibrated_at: When the calibration was last updated, in UTC.
        calibration: The whole calibration as the provider told it (Qiskit's `BackendProperties`).
    """

    name: str
    backend: Any
    sampler: Sampler
    kind: Kind
    qubits: Chain | None = None
    calibrated_at: datetime | None = None
    calibration: Any = None

    def seeded(self, seed: int) -> Sampler:
        """Return a sampler whose shots follow from the seed; an external one is left as it is."""
        return self.sampler if self.kind == "external" else _aer_sampler(self.backend, seed)


def load_device(name: str, num_qubits: int, seed: int | None = None) -> Device:
    """Build a simulated device of a few qubits.

    Of a snapshot the best connected chain of qubits is used, see `layout.choose_qubits`; a gate
    with error >= 1 or a readout with error >= 0.5 means disabled and is never picked.

    Args:
        name: "aer" for an ideal simulator, or a snapshot of `qiskit_ibm_runtime.fake_provider`:
            "fez", "fake_fez" and "ibm_fez" are the same.
        num_qubits: How many qubits are in use, from 1 to 16.
        seed: Seed of the device's own sampler; trainings bring seeds of their own.

    Raises:
        ValueError: If the name is unknown or the device has not enough enabled, connected qubits.
        ImportError: If qiskit-aer, or for a snapshot qiskit-ibm-runtime, is not installed.
    """
    require_integer("num_qubits", num_qubits, 1)
    if num_qubits > MAX_QUBITS:
        raise ValueError(f"num_qubits={num_qubits} is refused: use at most {MAX_QUBITS}")
    if name in {"aer", "aer_simulator"}:
        return _ideal_device(seed)
    return _snapshot_device(_snapshot(name), num_qubits, seed)


def device_names() -> tuple[str, ...]:
    """List every name that `load_device` takes, in its short form."""
    return ("aer", *sorted(_snapshots()))


def wrap_backend(backend: Any, sampler: Sampler) -> Device:
    """Use a backend of your own, for instance IBM hardware with its sampler.

    Args:
        backend: A BackendV2. Where it has `properties()`, the calibration date is read from them.
        sampler: A SamplerV2 that runs on the backend. Its shots are not seeded by trainings.
    """
    read = getattr(backend, "properties", None)
    properties = read() if callable(read) else None
    updated = getattr(properties, "last_update_date", None)
    return Device(
        name=backend.name,
        backend=backend,
        sampler=sampler,
        kind="external",
        calibrated_at=_in_utc(updated),
    )


def _ideal_device(seed: int | None) -> Device:
    try:
        from qiskit_aer import AerSimulator
    except ImportError as missing:
        raise ImportError("simulation needs qiskit-aer: pip install qiskit-aer") from missing
    backend = AerSimulator(method="statevector", max_parallel_threads=1)
    backend.name = "aer_simulator"
    return Device("aer_simulator", backend, _aer_sampler(backend, seed), "ideal")


def _snapshot_device(snapshot: Any, num_qubits: int, seed: int | None) -> Device:
    from qgm_observe.training.snapshot import entangling_gates, simulator, usable_qubits

    usable = usable_qubits(snapshot.target)
    gates = entangling_gates(snapshot.target)
    entangler = max(gates, key=lambda gate: len(gates[gate]), default=None)
    edges = gates[entangler] if entangler else {}
    chosen = choose_qubits(usable, edges, num_qubits)
    if not chosen:
        raise ValueError(
            f"device {snapshot.name!r} has no {num_qubits} connected qubits that are enabled: it "
            f"offers {largest_group(usable, edges)} of {snapshot.num_qubits}; choose another device"
        )
    properties = snapshot.properties()
    backend = simulator(snapshot, properties, chosen, entangler)
    return Device(
        name=snapshot.name,
        backend=backend,
        sampler=_aer_sampler(backend, seed),
        kind="snapshot",
        qubits=chosen,
        calibrated_at=_in_utc(properties.last_update_date),
        calibration=properties,
    )


def _aer_sampler(backend: Any, seed: int | None) -> Sampler:
    from qiskit_aer.primitives import SamplerV2

    sampler: Sampler = SamplerV2.from_backend(backend, seed=seed)
    return sampler


def _snapshot(name: str) -> Any:
    known = _snapshots()
    short = name
    for prefix in ("fake_", "ibmq_", "ibm_"):
        short = short.removeprefix(prefix)
    if short not in known:
        near = get_close_matches(short, ["aer", *known], n=2)
        offer = f"did you mean {' or '.join(near)}?" if near else "try aer, fez, torino or manila"
        raise ValueError(f"device {name!r} is unknown: {offer}")
    return known[short]()


def _snapshots() -> Mapping[str, type[Any]]:
    try:
        from qiskit_ibm_runtime import fake_provider
    except ImportError as missing:
        raise ImportError(
            "calibration snapshots need qiskit-ibm-runtime: pip install qiskit-ibm-runtime"
        ) from missing
    return {
        candidate.backend_name.removeprefix("fake_"): candidate
        for candidate in vars(fake_provider).values()
        if isinstance(getattr(candidate, "backend_name", None), str)
    }


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
