"""PennyLane's tapes: how much a batch of them asks for, and what a device answered as counts.

Source: `pennylane.devices.Device.execute` and `pennylane.measurements` of 0.44 and 0.45.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from qgm_observe.instrumentation.pubs import Asked


def asked_of(tapes: Any) -> Asked:
    """Return circuits and shots of a tape or a batch of them; a broadcast one counts as many."""
    batch = _batch(tapes)
    circuits = [getattr(tape, "batch_size", None) or 1 for tape in batch]
    shots = [tape.shots.total_shots for tape in batch]
    total = None if None in shots else sum(c * s for c, s in zip(circuits, shots, strict=True))
    return Asked(circuits=sum(circuits), shots=total or None)


def counts_of(tapes: Any, answer: Any) -> dict[str, int] | None:
    """Return the counts of one tape that measures all its outcomes; wire 0 stands first.

    A batch of several is no sample of one circuit: a gradient shifts each of them. Without shots,
    for several measurements, for observables and for parameters broadcast there are none.
    """
    batch = _batch(tapes)
    if len(batch) != 1 or len(batch[0].measurements) != 1:
        return None
    (tape,) = batch
    (measured,), shots = tape.measurements, tape.shots
    if not shots.total_shots or shots.has_partitioned_shots or tape.batch_size is not None:
        return None
    if measured.obs is not None or measured.mv is not None:
        return None
    value = answer if hasattr(tapes, "shots") else answer[0]
    read = _READ.get(type(measured).__name__)
    return None if read is None else read(value, shots.total_shots)


def _batch(tapes: Any) -> list[Any]:
    is_many = isinstance(tapes, Iterable) and not hasattr(tapes, "shots")
    return list(tapes) if is_many else [tapes]


def _counted(value: Any, _: int) -> dict[str, int]:
    return {str(outcome): int(number) for outcome, number in value.items() if number}


def _sampled(value: Any, shots: int) -> dict[str, int]:
    rows = value.reshape(shots, -1).tolist()
    return dict(Counter("".join(str(int(bit)) for bit in row) for row in rows))


def _of_probabilities(value: Any, shots: int) -> dict[str, int]:
    probabilities = value.tolist()
    bits = (len(probabilities) - 1).bit_length()
    counts = (round(each * shots) for each in probabilities)
    return {f"{number:0{bits}b}": count for number, count in enumerate(counts) if count}


_READ = {"CountsMP": _counted, "SampleMP": _sampled, "ProbabilityMP": _of_probabilities}
"""How the answer to each measurement becomes counts."""
