"""What Amazon Braket's replies say, from their JSON: devices, calibration, windows, tasks.

Source: the schemas of amazon-braket-schemas (`braket.device_schema`: device service properties v1,
standardized gate model QPU properties v1 to v3, device execution windows) and the service model
of Braket in botocore. The JSON is read as it is: the schemas' own examples say `us` where version
2 allows `s` alone, and a value whose unit is not known is missing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from typing import Any

from qgm_observe.providers.calibration import canonical_json, judged_error, judged_qubit
from qgm_observe.providers.protocol import (
    MISSING,
    Calibration,
    DeviceInfo,
    GateCalibration,
    GateKey,
    Measurement,
)

Json = Mapping[str, Any]

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
UNLIMITED_SHOTS = 2**62
"""Local simulators name the largest integer, which is no limit."""
SYMMETRIC_GATES = frozenset({"cz", "iswap", "xx", "ms", "zz", "swap", "xy"})
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def device_info(name: str, capabilities: Json, *, is_simulator: bool, region: str) -> DeviceInfo:
    """Return what a device is, from its capabilities as JSON."""
    paradigm = capabilities.get("paradigm") or {}
    most = (_service(capabilities).get("shotsRange") or (0, 0))[1]
    return DeviceInfo(
        provider="braket",
        name=name,
        num_qubits=paradigm.get("qubitCount"),
        edges=tuple(sorted(_edges(paradigm))),
        native_gates=tuple(paradigm.get("nativeGateSet") or ()),
        max_shots=most if 0 < most < UNLIMITED_SHOTS else None,
        is_simulator=is_simulator,
        region=region,
    )


def calibration(device: str, capabilities: Json, observed_at: float) -> Calibration | None:
    """Return a device's calibration, `None` where its capabilities hold none.

    A fidelity becomes an error. The gate `1q` stands for randomized benchmarking of a qubit, and
    `1q_simultaneous` for that of all qubits at once.
    """
    standardized, own = capabilities.get("standardized"), capabilities.get("provider")
    if not standardized and not (own or {}).get("fidelity"):
        return None
    standard: Json = standardized or {}
    taken_at = updated_at(capabilities)
    singles = (standard.get("oneQubitProperties") or {}).items()
    pairs = (standard.get("twoQubitProperties") or {}).items()
    gates = {key: gate for qubit, of in singles for key, gate in _one_qubit(int(qubit), of)}
    gates |= {key: gate for pair, of in pairs for key, gate in _two_qubit(pair, of)}
    return Calibration(
        provider="braket",
        device=device,
        observed_at=observed_at,
        taken_at=taken_at,
        qubits={int(qubit): _qubit(of) for qubit, of in singles if "T1" in of or _readouts(of)},
        gates=gates,
        whole=_whole(standard) or _averages(own or {}),
        raw=canonical_json({"standardized": standardized, "provider": own}),
    )


def updated_at(capabilities: Json) -> float | None:
    """Return when the device's properties last changed, epoch seconds; without a zone it is UTC."""
    standard = capabilities.get("standardized") or {}
    text = standard.get("updatedAt") or _service(capabilities).get("updatedAt")
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def queue(told: Iterable[Json] | None) -> tuple[int | None, bool]:
    """Return how many tasks wait, and whether that is a lower bound (">4000").

    Both priorities count; the queue of hybrid jobs is another one.
    """
    sizes = [
        str(each.get("queueSize", ""))
        for each in told or ()
        if each.get("queue") == "QUANTUM_TASKS_QUEUE"
    ]
    found = [re.fullmatch(r"\s*(>?)\s*(\d+)\s*", size) for size in sizes]
    matches = [match for match in found if match]
    if not matches or len(matches) < len(sizes):
        return None, False
    return sum(int(match[2]) for match in matches), any(match[1] for match in matches)


def is_open(windows: Sequence[Json], at: float) -> bool:
    """Tell whether an instant lies in one of the windows in which a device executes."""
    moment = datetime.fromtimestamp(at, UTC).replace(microsecond=0)
    return any(
        start <= moment <= end
        for window in windows
        for back in (0, 1)
        for start, end in _span(window, moment - timedelta(days=back))
    )


def next_opening(windows: Sequence[Json], at: float) -> float | None:
    """Return when the next window opens, epoch seconds, `None` without windows."""
    moment = datetime.fromtimestamp(at, UTC)
    starts = [
        start
        for window in windows
        for ahead in range(8)
        for start, _ in _span(window, moment + timedelta(days=ahead))
        if start > moment
    ]
    return min(starts).timestamp() if starts else None


def windows(capabilities: Json) -> Sequence[Json]:
    """Return the windows in which a device executes."""
    return _service(capabilities).get("executionWindows") or ()


def _service(capabilities: Json) -> Json:
    return capabilities.get("service") or {}


def _edges(paradigm: Json) -> set[tuple[int, int]]:
    told = paradigm.get("connectivity") or {}
    if told.get("fullyConnected"):
        return set(combinations(range(paradigm.get("qubitCount") or 0), 2))
    graph = (told.get("connectivityGraph") or {}).items()
    pairs = ((int(one), int(other)) for one, others in graph for other in others)
    return {(min(pair), max(pair)) for pair in pairs}


def _span(window: Json, day: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give the window that begins on a day, if one does; it may end on the next."""
    named = window.get("executionDay")
    number = day.weekday()
    fits = {"Everyday": True, "Weekdays": number < 5, "Weekend": number > 4}  # noqa: PLR2004  Friday is 4
    if not fits.get(str(named), named == DAYS[number]):
        return
    start, end = (
        datetime.combine(day.date(), time.fromisoformat(window[name]), UTC)
        for name in ("windowStartHour", "windowEndHour")
    )
    if start != end:
        yield start, end if start < end else end + timedelta(days=1)


# --------------------------------------------------------------------------------- calibration


def _qubit(told: Json) -> dict[str, Measurement]:
    readouts = _readouts(told)
    return judged_qubit(
        {
            "t1": _duration(told.get("T1")),
            "t2": _duration(told.get("T2")),
            "readout_error": _error(readouts[0]) if readouts else MISSING,
        }
    )


def _readouts(told: Json) -> list[Json]:
    return [each for each in told.get("oneQubitFidelity") or () if _method(each) == "READOUT"]


def _one_qubit(qubit: int, told: Json) -> Iterator[tuple[GateKey, GateCalibration]]:
    names = {
        "RANDOMIZED_BENCHMARKING": "1q",
        "SIMULTANEOUS_RANDOMIZED_BENCHMARKING": "1q_simultaneous",
    }
    for each in told.get("oneQubitFidelity") or ():
        name = names.get(_method(each) or "")
        if name:
            yield (name, (qubit,)), GateCalibration(_error(each))


def _two_qubit(pair: str, told: Json) -> Iterator[tuple[GateKey, GateCalibration]]:
    """Give each gate of a pair once, as its first method measured it."""
    seen = set()
    for each in told.get("twoQubitGateFidelity") or ():
        name = str(each["gateName"]).lower()
        first, second = (int(qubit) for qubit in pair.split("-"))
        toward = each.get("direction") or {}
        if name in SYMMETRIC_GATES or not toward:
            qubits = (min(first, second), max(first, second))
        else:
            qubits = (int(toward["control"]), int(toward["target"]))
        if (name, qubits) not in seen:
            seen.add((name, qubits))
            yield (name, qubits), GateCalibration(_error(each))


def _whole(standard: Json) -> dict[str, Measurement]:
    """What version 3 tells of the device as a whole."""
    found = {
        "t1": _duration(standard.get("T1")),
        "t2": _duration(standard.get("T2")),
        "readout_duration": _duration(standard.get("readoutDuration")),
        "duration_1q": _duration(standard.get("singleQubitGateDuration")),
        "duration_2q": _duration(standard.get("twoQubitGateDuration")),
        "readout_error": _first_error(standard.get("readoutFidelity")),
        "error_1q": _first_error(standard.get("singleQubitFidelity")),
        "error_2q": _first_error(standard.get("twoQubitGateFidelity")),
    }
    return {name: each for name, each in found.items() if each.value is not None}


def _averages(own: Json) -> dict[str, Measurement]:
    """What IonQ tells of its devices: averages; its T1 and T2 name no unit and are left out."""
    means = {name: of for name, of in (own.get("fidelity") or {}).items() if "mean" in of}
    timing = own.get("timing") or {}
    names = {"1Q": "1q", "2Q": "2q"}
    found = {f"error_{ours}": _mean(means.get(theirs)) for theirs, ours in names.items()}
    found |= {
        f"duration_{ours}": _duration({"value": timing.get(theirs), "unit": "s"})
        for theirs, ours in names.items()
    }
    found["readout_error"] = _mean(means.get("spam"))
    return {name: each for name, each in found.items() if each.value is not None}


def _mean(told: Json | None) -> Measurement:
    if told is None:
        return MISSING
    return _error({"fidelity": told["mean"], "fidelityType": {"name": "MEAN"}})


def _first_error(told: Sequence[Json] | None) -> Measurement:
    return _error(told[0]) if told else MISSING


def _error(told: Json) -> Measurement:
    spread = told.get("standardError")
    value = 1 - float(told["fidelity"])
    return judged_error(Measurement(value, standard_error=spread, method=_method(told)))


def _method(told: Json) -> str | None:
    name = (told.get("fidelityType") or {}).get("name")
    return str(name) if name else None


def _duration(told: Json | None) -> Measurement:
    scale = SECONDS.get(str((told or {}).get("unit")))
    if told is None or scale is None or told.get("value") is None:
        return MISSING
    spread = told.get("standardError")
    return Measurement(
        told["value"] * scale, standard_error=None if spread is None else spread * scale
    )
