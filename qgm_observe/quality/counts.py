"""Counts of bitstrings as they come from a sampler, brought into one sparse form.

Known by their shape alone, no package is imported for them: Qiskit's `BitArray`, counts
dictionaries (keys such as "0110", "01 10", "0x6", 6 or (0, 1, 1, 0)), lists of bitstrings, integer
samples and matrices of bits. A bitstring is read left to right as a binary number, as Qiskit
prints it: "0110" is outcome 6.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import UsageError

MAX_BITS = 62
"""Outcomes are 64-bit integers."""

MAX_DENSE_BITS = 22
"""Where all 2^n outcomes are laid out, so that they stay below 32 MiB an array."""

_MATRIX = 2
_EXACT = 2.0**53


@dataclass(frozen=True, eq=False, slots=True)
class Counts:
    """How often each outcome was measured; outcomes that were not seen are left out.

    Attributes:
        num_bits: Width n of an outcome, 1 to 62.
        outcomes: Shape (m,), int64, ascending, each in [0, 2^n).
        numbers: Shape (m,), int64, shots on each outcome, each at least 1.

    Raises:
        UsageError: The arrays do not form counts, or hold no shot.
    """

    num_bits: int
    outcomes: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def __post_init__(self) -> None:
        require_width(self.num_bits)
        if self.outcomes.shape != self.numbers.shape or self.outcomes.ndim != 1:
            raise UsageError("counts need as many numbers as outcomes, in arrays of one dimension")
        if self.outcomes.size == 0:
            raise UsageError("the counts hold no shots: pass at least one")
        if self.numbers.min() < 1 or np.any(np.diff(self.outcomes) <= 0):
            raise UsageError("counts need ascending outcomes, each with a number above 0")
        if self.outcomes[0] < 0 or self.outcomes[-1] >= 2**self.num_bits:
            raise UsageError(f"outcomes of {self.num_bits} bits lie in 0 to 2^{self.num_bits} - 1")
        self.outcomes.setflags(write=False)
        self.numbers.setflags(write=False)

    @classmethod
    def from_cells(cls, cells: ArrayLike) -> Self:
        """Read an array of shape (2^n,) whose entry i is how often outcome i was measured.

        Raises:
            UsageError: The length is no power of two, or an entry is no count.
        """
        array = whole_numbers(np.asarray(cells))
        if array.ndim != 1 or array.size < _MATRIX or array.size & (array.size - 1):
            raise UsageError(f"cells need the shape (2^n,): got {array.shape}")
        return cls(array.size.bit_length() - 1, *_positive(np.arange(array.size), array))

    @property
    def shots(self) -> int:
        """All shots."""
        return int(self.numbers.sum())


def as_counts(data: Any, num_bits: int | None = None) -> Counts:
    """Accept counts in any form that a sampler returns.

    Args:
        data: `Counts`; a Qiskit `BitArray` (all its circuits pooled); a mapping of outcomes to
            numbers; a list of bitstrings; an array of integer samples of shape (shots,); or a
            matrix of bits of shape (shots, n), most significant bit first.
        num_bits: Width n, needed only where integers do not tell it; without it the widest integer
            does.

    Raises:
        UsageError: The data are empty, hold no shot, or have outcomes of different widths.
    """
    if isinstance(data, Counts):
        found = data
    elif hasattr(data, "num_bits") and hasattr(data, "array"):
        found = _from_register(data)
    elif isinstance(data, Mapping):
        found = _from_mapping(data, num_bits)
    else:
        found = _from_samples(data, num_bits)
    if num_bits is not None and found.num_bits != num_bits:
        raise UsageError(
            f"the outcomes have {found.num_bits} bits, not {num_bits}: measure the same bits"
        )
    return found


def require_width(num_bits: int) -> None:
    """Refuse a width that 64-bit outcomes cannot hold."""
    if not 1 <= num_bits <= MAX_BITS:
        raise UsageError(f"outcomes of {num_bits} bits: use 1 to {MAX_BITS}, or a register of them")


def read_outcomes(keys: list[Any], num_bits: int | None) -> tuple[int, NDArray[np.int64]]:
    """Read the keys of a mapping, or bitstrings, as outcomes of one width.

    Returns:
        The width, and the outcomes of shape (len(keys),).

    Raises:
        UsageError: A key is no bitstring and no integer, or the widths differ.
    """
    if not keys:
        raise UsageError("there are no outcomes: pass at least one")
    texts = [_spelled(key) for key in keys]
    widths = {len(text) for text in texts if isinstance(text, str)}
    if len(widths) > 1:
        raise UsageError(f"bitstrings of different widths {sorted(widths)}: use one width")
    values = [int(text, 2) if isinstance(text, str) else text for text in texts]
    if min(values) < 0:
        raise UsageError(f"outcome {min(values)}: an integer outcome is at least 0")
    width = widths.pop() if widths else (num_bits or max(max(values).bit_length(), 1))
    require_width(width)
    if max(values) >= 2**width:
        raise UsageError(f"outcome {max(values)} needs more than {width} bits: use one width")
    return width, np.array(values, dtype=np.int64)


def whole_numbers(values: NDArray[Any]) -> NDArray[np.int64]:
    """Turn numbers of shots into integers.

    Raises:
        UsageError: One is negative, not finite or not whole (a quasi-probability, for instance).
    """
    if values.dtype.kind not in "iufb":
        raise UsageError("numbers of shots are whole numbers: pass counts, not text or objects")
    if values.size and not (
        np.isfinite(values).all() and values.min() >= 0 and values.max() < _EXACT
    ):
        raise UsageError("numbers of shots are finite and at least 0: pass raw counts")
    whole: NDArray[np.int64] = values.astype(np.int64)
    if np.any(whole != values):
        raise UsageError("numbers of shots are whole: pass raw counts, not probabilities")
    return whole


def _spelled(key: Any) -> str | int:
    """Give a key as a string of 0 and 1, or as an integer."""
    if isinstance(key, tuple):
        key = "".join(str(int(bit)) for bit in key)
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return int(key)
    if isinstance(key, str):
        text = key.replace(" ", "").replace("_", "")
        if text and not text.strip("01"):
            return text
        if text.startswith(("0x", "0b")):
            return _integer(text)
    raise UsageError(f"{key!r} is no outcome: use bitstrings such as '0110', or integers")


def _integer(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"{text!r} is no outcome: use bitstrings such as '0110'") from None


def _positive(
    outcomes: NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Add up equal outcomes, sort them and leave out those without shots."""
    unique, places = np.unique(outcomes, return_inverse=True)
    totals = np.zeros(unique.size, dtype=np.int64)
    np.add.at(totals, places, numbers)
    return unique[totals > 0], totals[totals > 0]


def _from_mapping(data: Mapping[Any, Any], num_bits: int | None) -> Counts:
    width, outcomes = read_outcomes(list(data), num_bits)
    numbers = whole_numbers(np.array(list(data.values())))
    return Counts(width, *_positive(outcomes, numbers))


def _from_register(register: Any) -> Counts:
    """Read the packed bits of a BitArray: shape (..., shots, ceil(n / 8)), uint8, big-endian."""
    width = int(register.num_bits)
    require_width(width)
    packed = np.asarray(register.array)
    places = np.int64(256) ** np.arange(packed.shape[-1], dtype=np.int64)[::-1]
    return _tallied(width, (packed.astype(np.int64) @ places).ravel())


def _from_samples(data: Any, num_bits: int | None) -> Counts:
    if isinstance(data, str | bytes) or not hasattr(data, "__len__"):
        raise UsageError(f"{type(data).__name__} is no counts: pass a mapping, samples or BitArray")
    if len(data) == 0:
        raise UsageError("the counts hold no shots: pass at least one")
    if isinstance(data[0], str):
        return _from_mapping(Counter(data), num_bits)
    samples = _array(data)
    if samples.dtype.kind not in "iub":
        raise UsageError("samples are integers or bitstrings; probabilities are a target")
    if samples.ndim == _MATRIX:
        return _from_bits(samples)
    if samples.ndim != 1 or samples.min() < 0 or samples.max() >= 2**MAX_BITS:
        raise UsageError("integer samples have the shape (shots,), each in 0 to 2^62 - 1")
    width = num_bits or max(int(samples.max()).bit_length(), 1)
    return _tallied(width, samples.astype(np.int64))


def _array(data: Any) -> NDArray[Any]:
    try:
        return np.asarray(data)
    except ValueError:
        raise UsageError("samples of different widths: use one width") from None


def _from_bits(bits: NDArray[Any]) -> Counts:
    require_width(bits.shape[1])
    if bits.size == 0 or bits.min() < 0 or bits.max() > 1:
        raise UsageError("a matrix of samples has shape (shots, n) and holds 0 and 1")
    places = np.int64(1) << np.arange(bits.shape[1], dtype=np.int64)[::-1]
    return _tallied(bits.shape[1], bits.astype(np.int64) @ places)


def _tallied(width: int, samples: NDArray[np.int64]) -> Counts:
    return Counts(width, *np.unique(samples, return_counts=True))
