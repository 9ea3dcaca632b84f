"""A device's calibration: the whole of it in few numbers, and qubits one by one where wanted.

What stands for a device is computed by `qgm_observe.providers.calibration`: what is disabled,
suspect or missing is counted and moves no median.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from qgm_observe.catalog import Signal
from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.page import Sample
from qgm_observe.providers import calibration as figures
from qgm_observe.providers.calibration import Aggregate, Pair, disabled_qubits, pair_of
from qgm_observe.providers.protocol import Calibration, Measurement, Quality

Device = tuple[str, str]

_ENDS = 2
_ERROR = "_error"
_OF_GATE = {_ERROR: signals.DEVICE_GATE_ERROR, "_duration": signals.DEVICE_GATE_DURATION}
_OF_DEVICE = {
    "t1": signals.DEVICE_T1,
    "t2": signals.DEVICE_T2,
    "readout_error": signals.DEVICE_READOUT_ERROR,
}
_OF_QUBIT = {
    "t1": signals.QUBIT_T1,
    "t2": signals.QUBIT_T2,
    "readout_error": signals.QUBIT_READOUT_ERROR,
    "prob_meas0_prep1": signals.QUBIT_MEAS0_PREP1,
    "prob_meas1_prep0": signals.QUBIT_MEAS1_PREP0,
}
_ONE_QUBIT_GATES = ("sx", "x", "prx", "gpi2", "rx")
"""The first that a device has stands for its one-qubit gates."""

_WHOLE: dict[str, tuple[Signal, tuple[str, ...]]] = {
    **{name: (signal, ()) for name, signal in _OF_DEVICE.items()},
    "error_1q": (signals.DEVICE_GATE_ERROR, ("1q",)),
    "error_2q": (signals.DEVICE_GATE_ERROR, ("2q",)),
    "duration_1q": (signals.DEVICE_GATE_DURATION, ("1q",)),
    "duration_2q": (signals.DEVICE_GATE_DURATION, ("2q",)),
}
"""What is told of the device alone, to its signal and the gate it is shown as."""


def aggregates(calibration: Calibration, watched: Collection[int] = ()) -> Iterator[Sample]:
    """Yield what stands for the whole device.

    Args:
        calibration: Of the device.
        watched: The qubits whose oldest parameter is told apart; all where it is empty.
    """
    device = (calibration.provider, calibration.device)
    for name, figure in figures.aggregates(calibration).items():
        shown = _shown_as(name, calibration)
        if shown is not None:
            signal, gate = shown
            yield from _spread(signal, (*device, *gate), figure)
    for name, figure in figures.measured_at(calibration).items():
        if name in _OF_QUBIT or name.endswith(_ERROR):
            yield from _spread(signals.CALIBRATION_TIME, (*device, name), figure)
    for name, figure in figures.measured_at(_within(calibration, watched)).items():
        if name in _OF_QUBIT or name.endswith(_ERROR):
            yield Sample(signals.CALIBRATION_TIME, (*device, name, "layout"), figure.worst)
    yield from _conditions(device, calibration)
    for name, (signal, gate) in _WHOLE.items():
        if name in calibration.whole:
            told = _usable(calibration.whole[name])
            yield Sample(signal, (*device, *gate, "whole"), told)


def qubits(calibration: Calibration, chosen: Collection[int] | None = None) -> Iterator[Sample]:
    """Yield seven numbers a qubit and one an edge, of chosen qubits or of all.

    An edge has both of its qubits among the chosen ones. It is shown with the gate that most pairs
    of the device can use, among those it has, and with the worse of its directions.
    """
    device = (calibration.provider, calibration.device)
    named = {name for name, places in calibration.gates if len(places) == 1}
    gate = next((name for name in _ONE_QUBIT_GATES if name in named), "")
    disabled = disabled_qubits(calibration)
    for qubit, told in calibration.qubits.items():
        if chosen is not None and qubit not in chosen:
            continue
        labels = (*device, str(qubit))
        for parameter, signal in _OF_QUBIT.items():
            yield Sample(signal, labels, _usable(told.get(parameter)))
        own = calibration.gates.get((gate, (qubit,)))
        if own is not None:
            yield Sample(signals.QUBIT_GATE_ERROR, (*labels, gate), _usable(own.error))
        yield Sample(signals.QUBIT_ENABLED, labels, float(qubit not in disabled))
    yield from _edges(device, calibration, chosen)


def used_edges(calibration: Calibration, chosen: Collection[int]) -> Iterator[Sample]:
    """Yield whether each gate between chosen qubits can be used, where the provider tells."""
    device = (calibration.provider, calibration.device)
    usable: dict[tuple[Pair, str], bool] = {}
    for (gate, places), told in calibration.gates.items():
        is_told = told.error.quality is not Quality.MISSING
        if len(places) == _ENDS and set(places) <= set(chosen) and is_told:
            key = (pair_of(places), gate)
            usable[key] = usable.get(key, False) or told.error.quality is not Quality.DISABLED
    for (pair, gate), is_usable in usable.items():
        yield Sample(signals.EDGE_ENABLED, (*device, _edge(pair), gate), float(is_usable))


def _within(calibration: Calibration, watched: Collection[int]) -> Calibration:
    """The part of a calibration that some qubits, and the gates between them, rest on."""
    if not watched:
        return calibration
    qubits = {qubit: told for qubit, told in calibration.qubits.items() if qubit in watched}
    gates = {key: told for key, told in calibration.gates.items() if set(key[1]) <= set(watched)}
    return replace(calibration, qubits=qubits, gates=gates)


def _shown_as(name: str, calibration: Calibration) -> tuple[Signal, tuple[str, ...]] | None:
    """Return the signal of a figure and, of a gate's, its gate; `None` if it is not shown."""
    if name in _OF_DEVICE:
        return _OF_DEVICE[name], ()
    gates = {gate for gate, _ in calibration.gates}
    for ending, signal in _OF_GATE.items():
        if name.endswith(ending) and name.removesuffix(ending) in gates:
            return signal, (name.removesuffix(ending),)
    return None


def _conditions(device: Device, calibration: Calibration) -> Iterator[Sample]:
    """Count qubits, and the pairs of each gate, by what is wrong with them."""
    if calibration.qubits:
        for condition, count in figures.qubit_conditions(calibration)._asdict().items():
            if condition != "all":  # that is the fleet's to tell
                yield Sample(signals.DEVICE_QUBITS, (*device, condition), count)
    for gate, counted in figures.edge_conditions(calibration).items():
        for condition, count in counted._asdict().items():
            yield Sample(signals.DEVICE_EDGES, (*device, gate, condition), count)


def _edges(
    device: Device, calibration: Calibration, chosen: Collection[int] | None
) -> Iterator[Sample]:
    usable: Counter[str] = Counter()
    errors: dict[Pair, dict[str, float]] = {}
    for (gate, places), told in calibration.gates.items():
        error = _usable(told.error)
        if len(places) == _ENDS and error is not None:
            usable[gate] += 1
            of_pair = errors.setdefault(pair_of(places), {})
            of_pair[gate] = max(error, of_pair.get(gate, 0.0))
    for pair, by_gate in errors.items():
        if chosen is None or set(pair) <= set(chosen):
            gate = max(by_gate, key=lambda name: (usable[name], name))
            yield Sample(signals.EDGE_ERROR, (*device, _edge(pair), gate), by_gate[gate])


def _spread(signal: Signal, labels: tuple[str, ...], figure: Aggregate) -> Iterator[Sample]:
    yield Sample(signal, (*labels, "median"), figure.median)
    yield Sample(signal, (*labels, "p90"), figure.p90)
    yield Sample(signal, (*labels, "worst"), figure.worst)


def _usable(measured: Measurement | None) -> float | None:
    return measured.value if measured is not None and measured.quality is Quality.OK else None


def _edge(pair: Pair) -> str:
    return f"{pair[0]}-{pair[1]}"
