"""Counts of bitstrings as arrays and as dictionaries.

A bitstring is read left to right as a binary number, as Qiskit prints it: the string "0110" is
index 6 of an array of 16 entries, and its last character belongs to qubit 0.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qgm_observe.training.targets import Target


def tally(counts: Mapping[str, int], num_qubits: int) -> NDArray[np.int64]:
    """Arrange a dictionary of counts by bitstring index.

    Args:
        counts: How often each bitstring was measured.
        num_qubits: Length n of each bitstring.

    Returns:
        Counts of shape (2^n,).

    Raises:
        ValueError: If a key is no bitstring of length n.
    """
    arranged = np.zeros(2**num_qubits, dtype=np.int64)
    for bitstring, count in counts.items():
        if len(bitstring) != num_qubits or set(bitstring) - {"0", "1"}:
            raise ValueError(f"{bitstring!r} is no bitstring of {num_qubits} qubits")
        arranged[int(bitstring, 2)] += count
    return arranged


def by_bitstring(counts: NDArray[np.int64]) -> dict[str, int]:
    """Name the measured entries of a counts array of shape (2^n,) by their bitstrings."""
    width = len(counts).bit_length() - 1
    return {f"{index:0{width}b}": int(counts[index]) for index in np.flatnonzero(counts)}


def count_register(register: Any) -> NDArray[np.int64]:
    """Count the bitstrings of a sampler's register.

    Args:
        register: A `qiskit.primitives.BitArray` of n bits, for one circuit or a list of circuits.

    Returns:
        Counts of shape (circuits, 2^n).
    """
    place_values = 256 ** np.arange(register.array.shape[-1])[::-1]
    spelled = np.atleast_2d(register.array @ place_values)
    return np.stack([np.bincount(row, minlength=2**register.num_bits) for row in spelled])


def distribution(counts: Mapping[str, int], num_qubits: int) -> NDArray[np.float64]:
    """Turn a dictionary of counts into relative frequencies of shape (2^n,).

    Raises:
        ValueError: If a key is no bitstring of length n, or nothing was counted.
    """
    arranged = tally(counts, num_qubits)
    total = arranged.sum()
    if total < 1:
        raise ValueError("there are no counts: a distribution needs at least one shot")
    return np.asarray(arranged / total, dtype=np.float64)


def valid_shot_ratio(counts: Mapping[str, int], target: Target) -> float:
    """Give the share of shots that fall on bitstrings the target can produce, in [0, 1].

    The share is a mean of a bounded per-shot score, hence unbiased at every number of shots.

    Raises:
        ValueError: If a key is no bitstring of the target, or nothing was counted.
    """
    return float(distribution(counts, target.num_qubits)[target.support].sum())
