"""Distributions over bitstrings that a generative model learns.

Each target is exact: a probability for every bitstring of n qubits, arranged by the integer that
the bitstring spells. Needs numpy alone; only `iris` loads scikit-learn, when it is called.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.training.validation import require_choice, require_integer, require_number

MAX_QUBITS = 16
"""Arrays hold all 2^n bitstrings, so the width of a target is bounded."""

_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Target:
    """A named distribution over the bitstrings of n qubits.

    Attributes:
        name: What the target is called in records.
        probabilities: Shape (2^n,), each at least zero, summing to one; read-only.

    Raises:
        ValueError: If the probabilities do not form a distribution over bitstrings.
    """

    name: str
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        values = np.array(self.probabilities, dtype=np.float64)
        size = values.size
        if values.ndim != 1 or size < 2 or size & (size - 1) or size > 2**MAX_QUBITS:  # noqa: PLR2004
            raise ValueError(
                f"a target needs 2^n probabilities with n from 1 to {MAX_QUBITS}: "
                f"got shape {values.shape}"
            )
        if not np.all(np.isfinite(values)) or values.min() < 0:
            raise ValueError("a target's probabilities must be finite and at least 0")
        if abs(values.sum() - 1) > _TOLERANCE:
            raise ValueError(
                f"a target's probabilities must sum to 1: got {values.sum():.6g}, "
                "divide them by their sum"
            )
        values.setflags(write=False)
        object.__setattr__(self, "probabilities", values)

    @property
    def num_qubits(self) -> int:
        """Number of qubits n whose bitstrings the target covers."""
        return self.probabilities.size.bit_length() - 1

    @property
    def support(self) -> NDArray[np.bool_]:
        """Shape (2^n,): true where the target gives a bitstring a probability above zero."""
        return self.probabilities > 0


def valid_mask(target: Target) -> NDArray[np.bool_]:
    """Mark the bitstrings that are valid samples of a target: shape (2^n,), booleans."""
    return target.support


def bars_and_stripes(rows: int = 2, columns: int = 2) -> Target:
    """Give every image of whole bars or of whole stripes the same probability.

    The image is read row by row, left to right, into the bitstring. There are
    2^rows + 2^columns - 2 valid images, as empty and full count once
    (Benedetti et al., npj Quantum Information 5, 45 (2019)).

    Args:
        rows: Height of the image in pixels.
        columns: Width of the image in pixels.

    Raises:
        ValueError: If a side is below 1 or the image has more than 16 pixels.
    """
    require_integer("rows", rows, 1)
    require_integer("columns", columns, 1)
    _require_width(rows * columns, f"an image of {rows} x {columns} pixels")
    stripes = [np.repeat(_bits(line, rows), columns) for line in range(2**rows)]
    bars = [np.tile(_bits(line, columns), rows) for line in range(2**columns)]
    spelled = {int("".join(map(str, image)), 2) for image in stripes + bars}
    weights = np.zeros(2 ** (rows * columns))
    weights[sorted(spelled)] = 1.0
    return Target(f"bars-and-stripes-{rows}x{columns}", weights / weights.sum())


def gaussian_mixture(
    num_qubits: int = 4,
    modes: Sequence[tuple[float, float, float]] = ((0.6, 0.3, 0.08), (0.4, 0.75, 0.06)),
) -> Target:
    """Integrate a mixture of normal densities over 2^n equal bins of the interval [0, 1].

    Bin k is the bitstring that spells k. What lies outside the interval is cut off and the rest
    normalized.

    Args:
        num_qubits: Number of qubits n.
        modes: Triples (weight, mean, standard deviation), the latter two as parts of the interval.

    Raises:
        ValueError: If a weight or deviation is not above 0, or no mass lies in the interval.
    """
    require_integer("num_qubits", num_qubits, 1)
    _require_width(num_qubits, f"a mixture over {num_qubits} qubits")
    edges = np.linspace(0, 1, 2**num_qubits + 1)
    masses = np.zeros(2**num_qubits)
    for weight, mean, deviation in modes:
        require_number("weight", weight, above=0)
        require_number("standard deviation", deviation, above=0)
        scaled = (edges - mean) / (deviation * math.sqrt(2))
        masses += weight * np.diff([math.erf(edge) for edge in scaled]) / 2
    if masses.sum() <= 0:
        raise ValueError("the modes have no mass in [0, 1]: give means inside the interval")
    return Target(f"gaussian-mixture-{num_qubits}", masses / masses.sum())


def iris(length_bits: int = 3, width_bits: int = 3) -> Target:
    """Bin the petals of Fisher's 150 irises by length and width into bitstrings.

    The first `length_bits` characters spell the bin of the petal length, the rest that of the
    width; bins are equal and span the smallest to the largest measured value. The data ship with
    scikit-learn (`sklearn.datasets.load_iris`; R. A. Fisher, 1936).

    Raises:
        ValueError: If a number of bits is below 1 or both exceed 16 together.
        ImportError: If scikit-learn is not installed.
    """
    require_integer("length_bits", length_bits, 1)
    require_integer("width_bits", width_bits, 1)
    _require_width(length_bits + width_bits, f"{length_bits} + {width_bits} bits")
    petals = _iris_petals()
    cells = _binned(petals[:, 0], length_bits) * 2**width_bits + _binned(petals[:, 1], width_bits)
    counted = np.bincount(cells, minlength=2 ** (length_bits + width_bits))
    return Target(f"iris-petals-{length_bits}x{width_bits}", counted / counted.sum())


TARGETS: Mapping[str, Callable[..., Target]] = {
    "bars-and-stripes": bars_and_stripes,
    "gaussian-mixture": gaussian_mixture,
    "iris": iris,
}
"""The targets by the names that `load_target` takes."""


def load_target(name: str, **options: Any) -> Target:
    """Build a target by name, with the options of its own function.

    Raises:
        ValueError: If the name is unknown; the line lists what there is.
    """
    require_choice("target", name, TARGETS)
    return TARGETS[name](**options)


def as_target(data: Target | Mapping[str, float] | ArrayLike) -> Target:
    """Accept training data in any of its forms.

    Args:
        data: A target; weights by bitstring (for instance counts), which are normalized; or 2^n
            probabilities that sum to one.

    Raises:
        ValueError: If the data do not form a distribution over bitstrings of one length.
    """
    if isinstance(data, Target):
        return data
    if isinstance(data, Mapping):
        return _from_weights(data)
    return Target("custom", np.asarray(data, dtype=np.float64))


def _from_weights(weights: Mapping[str, float]) -> Target:
    widths = {len(bitstring) for bitstring in weights}
    if len(widths) != 1 or any(set(bitstring) - {"0", "1"} for bitstring in weights):
        raise ValueError("weights need bitstrings of one length as keys, for instance {'01': 3}")
    width = widths.pop()
    _require_width(width, f"bitstrings of {width} characters")
    values = np.zeros(2**width)
    for bitstring, weight in weights.items():
        values[int(bitstring, 2)] = weight
    if not values.sum() > 0:
        raise ValueError("weights need a sum above 0")
    return Target("custom", values / values.sum())


def _require_width(num_qubits: int, what: str) -> None:
    if not 1 <= num_qubits <= MAX_QUBITS:
        raise ValueError(f"{what} needs {num_qubits} qubits: use 1 to {MAX_QUBITS}")


def _bits(number: int, width: int) -> list[int]:
    return [number >> place & 1 for place in reversed(range(width))]


def _binned(values: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
    share = (values - values.min()) / (values.max() - values.min())
    cells: NDArray[np.int64] = np.minimum((share * 2**bits).astype(np.int64), 2**bits - 1)
    return cells


def _iris_petals() -> NDArray[np.float64]:
    try:
        from sklearn.datasets import load_iris
    except ImportError as missing:
        raise ImportError(
            "the iris target needs scikit-learn: pip install scikit-learn"
        ) from missing
    return np.asarray(load_iris().data[:, 2:4], dtype=np.float64)
