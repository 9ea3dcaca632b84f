"""A device's calibration: the whole of it in few numbers, and qubits one by one where wanted.

Medians and the like are over values of quality `ok`: what is disabled, suspect or missing is
counted and moves none of them. The p90 is the value that 90 % are no worse than.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from math import ceil
from statistics import median

from qgm_observe.catalog import Signal
from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.page import Sample
from qgm_observe.providers.protocol import Calibration, GateCalibration, Measurement, Quality

Device = tuple[str, str]

_OF_QUBITS = {
    "t1": (signals.DEVICE_T1, signals.QUBIT_T1),
    "t2": (signals.DEVICE_T2, signals.QUBIT_T2),
    "readout_error": (signals.DEVICE_READOUT_ERROR, signals.QUBIT_READOUT_ERROR),
    "prob_meas0_prep1": (None, signals.QUBIT_MEAS0_PREP1),
    "prob_meas1_prep0": (None, signals.QUBIT_MEAS1_PREP0),
}
"""Parameter to the signal of the device, where it has one, and of the qubit."""

_ENDS = 2
_BETTER_HIGH = {"t1", "t2"}
_ONE_QUBIT_GATES = ("sx", "x", "prx", "gpi2", "rx")
"""The first that a device has stands for its one-qubit gates."""

_WHOLE = {
    "t1": (signals.DEVICE_T1, ()),
    "t2": (signals.DEVICE_T2, ()),
    "readout_error": (signals.DEVICE_READOUT_ERROR, ()),
    "error_1q": (signals.DEVICE_GATE_ERROR, ("1q",)),
    "error_2q": (signals.DEVICE_GATE_ERROR, ("2q",)),
    "duration_1q": (signals.DEVICE_GATE_DURATION, ("1q",)),
    "duration_2q": (signals.DEVICE_GATE_DURATION, ("2q",)),
}


def aggregates(calibration: Calibration) -> Iterator[Sample]:
    """Yield what stands for the whole device."""
    device = (calibration.provider, calibration.device)
    for parameter, (signal, _) in _OF_QUBITS.items():
        measured = [told[parameter] for told in calibration.qubits.values() if parameter in told]
        higher = parameter in _BETTER_HIGH
        if signal is not None:
            yield from _spread(signal, device, _values(measured), higher_is_better=higher)
        yield from _times(device, parameter, measured)
    yield from _gates(device, calibration)
    yield from _conditions(device, calibration)
    for parameter, (signal, gate) in _WHOLE.items():
        if parameter in calibration.whole:
            told = _usable(calibration.whole[parameter])
            yield Sample(signal, (*device, *gate, "whole"), told)


def qubits(calibration: Calibration, chosen: Collection[int] | None = None) -> Iterator[Sample]:
    """Yield seven numbers a qubit and one an edge, of chosen qubits or of all.

    An edge is shown with the gate that most pairs of the device can use and it has; that of a
    chosen qubit where both of its qubits are.
    """
    device = (calibration.provider, calibration.device)
    named = {name for name, places in calibration.gates if len(places) == 1}
    gate = next((name for name in _ONE_QUBIT_GATES if name in named), "")
    unusable = disabled(calibration)
    for qubit, told in calibration.qubits.items():
        if chosen is not None and qubit not in chosen:
            continue
        labels = (*device, str(qubit))
        for parameter, (_, signal) in _OF_QUBITS.items():
            yield Sample(signal, labels, _usable(told.get(parameter)))
        own = calibration.gates.get((gate, (qubit,)))
        if own is not None:
            yield Sample(signals.QUBIT_GATE_ERROR, (*labels, gate), _usable(own.error))
        yield Sample(signals.QUBIT_ENABLED, labels, float(qubit not in unusable))
    yield from _edges(device, calibration, chosen)


def used_edges(calibration: Calibration, chosen: Collection[int]) -> Iterator[Sample]:
    """Yield whether each gate between chosen qubits can be used, where the provider tells."""
    device = (calibration.provider, calibration.device)
    for (gate, pair), told in calibration.gates.items():
        if len(pair) == _ENDS and set(pair) <= set(chosen):
            usable = told.error.quality is not Quality.DISABLED
            if told.error.quality is not Quality.MISSING:
                yield Sample(signals.EDGE_ENABLED, (*device, _edge(pair), gate), float(usable))


def disabled(calibration: Calibration) -> set[int]:
    """Return the qubits of which a one-qubit gate is disabled."""
    return {
        places[0]
        for (_, places), told in calibration.gates.items()
        if len(places) == 1 and told.error.quality is Quality.DISABLED
    }


def _gates(device: Device, calibration: Calibration) -> Iterator[Sample]:
    by_gate: dict[str, list[GateCalibration]] = {}
    for (gate, _), told in calibration.gates.items():
        by_gate.setdefault(gate, []).append(told)
    for gate, all_told in by_gate.items():
        enabled = [each for each in all_told if each.error.quality is not Quality.DISABLED]
        errors, durations = _values(e.error for e in enabled), _values(e.duration for e in enabled)
        yield from _spread(signals.DEVICE_GATE_ERROR, (*device, gate), errors)
        yield from _spread(signals.DEVICE_GATE_DURATION, (*device, gate), durations)
        yield from _times(device, f"{gate}_error", [each.error for each in enabled])


def _conditions(device: Device, calibration: Calibration) -> Iterator[Sample]:
    """Count qubits, and the pairs of each gate, by what is wrong with them."""
    if calibration.qubits:
        found = Counter({"disabled": len(disabled(calibration))})
        for told in calibration.qubits.values():
            needed = [told.get(name) for name in ("t1", "t2", "readout_error")]
            found["missing"] += any(each is None or each.value is None for each in needed)
            found["suspect"] += any(each.quality is Quality.SUSPECT for each in told.values())
        for condition in ("disabled", "suspect", "missing"):
            yield Sample(signals.DEVICE_QUBITS, (*device, condition), found[condition])
    pairs: dict[str, Counter[str]] = {}
    for (gate, places), of_gate in calibration.gates.items():
        if len(places) == _ENDS:
            pairs.setdefault(gate, Counter()).update(("all", of_gate.error.quality.value))
    for gate, counted in pairs.items():
        for condition in ("all", "disabled", "suspect", "missing"):
            yield Sample(signals.DEVICE_EDGES, (*device, gate, condition), counted[condition])


def _edges(
    device: Device, calibration: Calibration, chosen: Collection[int] | None
) -> Iterator[Sample]:
    usable: Counter[str] = Counter()
    gates_of: dict[tuple[int, ...], list[str]] = {}
    for (gate, places), told in calibration.gates.items():
        if len(places) == _ENDS:
            usable[gate] += _usable(told.error) is not None
            gates_of.setdefault(places, []).append(gate)
    for pair, gates in gates_of.items():
        if chosen is None or set(pair) <= set(chosen):
            gate = max(gates, key=lambda name: (usable[name], name))
            error = _usable(calibration.gates[gate, pair].error)
            yield Sample(signals.EDGE_ERROR, (*device, _edge(pair), gate), error)


def _times(device: Device, parameter: str, measured: Iterable[Measurement]) -> Iterator[Sample]:
    times = [each.taken_at for each in measured if each.taken_at is not None]
    signal = signals.CALIBRATION_TIME
    yield from _spread(signal, (*device, parameter), times, higher_is_better=True)


def _spread(
    signal: Signal, labels: tuple[str, ...], values: list[float], *, higher_is_better: bool = False
) -> Iterator[Sample]:
    if values:
        ordered = sorted(values, reverse=higher_is_better)
        yield Sample(signal, (*labels, "median"), median(ordered))
        yield Sample(signal, (*labels, "p90"), ordered[ceil(0.9 * len(ordered)) - 1])
        yield Sample(signal, (*labels, "worst"), ordered[-1])


def _values(measured: Iterable[Measurement]) -> list[float]:
    told = map(_usable, measured)
    return [value for value in told if value is not None]


def _usable(measured: Measurement | None) -> float | None:
    return measured.value if measured is not None and measured.quality is Quality.OK else None


def _edge(pair: tuple[int, ...]) -> str:
    return f"{min(pair)}-{max(pair)}"
