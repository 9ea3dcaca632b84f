"""What the encoding does to the data before a circuit ever sees it.

A value outside the encoded range is clipped, distinct rows may fall on one code, a row may not be
encodable at all, and a changed encoding degrades samples without any error. All of it is counted.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import UsageError
from qgm_observe.quality.intervals import clopper_pearson, normal_quantile
from qgm_observe.quality.series import Array, finite_series, open_share
from qgm_observe.records import Estimate

_MOST_BITS = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What has to be equal between training and inference.

    Attributes:
        name: Of the scheme, such as `basis`, `angle` or `amplitude`.
        version: Of the code or the configuration that encodes.
        features: Names in the order of the columns.
        low: Lowest value each feature can encode.
        high: Highest.
        bits: Of each feature, 0 where it is encoded continuously.
    """

    name: str
    version: str
    features: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    bits: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse ranges that fit no feature."""
        sizes = {len(self.low), len(self.high), len(self.bits), len(self.features)}
        if len(sizes) != 1 or not self.features:
            raise UsageError(f"encoding {self.name}: write low, high and bits for each feature")
        for low, high in zip(self.low, self.high, strict=True):
            if not -math.inf < low < high < math.inf:
                raise UsageError(f"encoding {self.name}: write finite ranges with low below high")
        if not all(0 <= bits <= _MOST_BITS for bits in self.bits):
            raise UsageError(f"encoding {self.name}: write 0 to {_MOST_BITS} bits a feature")

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with every part of the encoding."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What of a data set survives the encoding; each a share in [0, 1] with its interval.

    Attributes:
        rows: Rows without a missing or infinite value.
        features: Features that still vary after encoding, of those that vary before.
        clipped: Values outside the range of their feature, of all values of surviving rows.
        collisions: Distinct surviving rows that share their code with another.
    """

    rows: Estimate
    features: Estimate
    clipped: Estimate
    collisions: Estimate


def encoding_mismatch(training: Encoding, inference: Encoding) -> tuple[str, ...]:
    """Name every part in which the inference encoding differs from that of the training."""
    before, now = asdict(training), asdict(inference)
    return tuple(
        f"{part}: {before[part]} in training, {now[part]} in inference"
        for part in before
        if before[part] != now[part]
    )


def transform_coverage(
    raw: ArrayLike, encoded: ArrayLike, encoding: Encoding, level: float = 0.95
) -> Coverage:
    """Count what survives the encoding.

    Args:
        raw: Values as they came, shape (rows, features); missing is NaN.
        encoded: Codes of the same rows, shape (rows, columns); a row that could not be encoded may
            hold anything.
        encoding: Its ranges and the order of the features.
        level: Of the Clopper-Pearson intervals, which speak of the source that the rows are from.

    Raises:
        UsageError: shapes do not fit each other or the encoding.
    """
    open_share("level", level)
    before, codes = _table("raw", raw), _table("encoded", encoded)
    if before.shape[1] != len(encoding.features) or len(codes) != len(before):
        raise UsageError(
            f"raw {before.shape}, encoded {codes.shape}: write {len(encoding.features)} features"
            " and one code a row"
        )
    whole = np.asarray(np.isfinite(before).all(axis=1))
    rows, kept = before[whole], codes[whole]
    clipped = ((rows < encoding.low) | (rows > encoding.high)).sum()
    distinct, shared = _collisions(rows, kept)
    return Coverage(
        rows=_share("encoded_row_share", int(whole.sum()), len(whole), level, 1.0),
        features=_share("encoded_feature_share", *_varying(rows, encoding), level, 1.0),
        clipped=_share("clipped_share", int(clipped), rows.size, level, 0.0),
        collisions=_share("collision_share", shared, distinct, level, None),
    )


def round_trip_error(raw: ArrayLike, decoded: ArrayLike, step: float) -> Estimate:
    """Estimate what one feature loses on its way through the encoding, as a mean square.

    Args:
        raw: Values before, shape (rows,), in the feature's unit.
        decoded: The same values encoded and decoded again.
        step: Width of one code in the feature's unit, 0 for a continuous encoding.

    Returns:
        The mean squared error in the unit squared, with its normal interval; its floor step^2 / 12
        is what rounding costs (Bennett, Bell System Technical Journal 27, 446 (1948)). With fewer
        than two rows there is a reason and no value.

    Raises:
        UsageError: the shapes differ, or numbers are not finite.
    """
    before, after = finite_series("raw", raw), finite_series("decoded", decoded)
    name = "encoding_squared_error"
    if len(before) != len(after) or not 0 <= step < math.inf:
        raise UsageError("round trip: write as many decoded as raw values, and a step of 0 or more")
    rows = len(before)
    if rows < 2:  # noqa: PLR2004
        return Estimate(name=name, reason=f"insufficient rows: {rows}, needs 2")
    squares = (after - before) ** 2
    value = float(squares.mean())
    reach = normal_quantile(0.95) * float(squares.std(ddof=1)) / math.sqrt(rows)
    return Estimate(
        name=name,
        value=value,
        low=max(value - reach, 0.0),
        high=value + reach,
        floor=step**2 / 12,
        method="normal",
        n=rows,
    )


def code_mismatch(
    training_codes: ArrayLike, inference_codes: ArrayLike, level: float = 0.95
) -> Estimate:
    """Estimate the share of probe rows that inference encodes otherwise than training did.

    Keep some raw rows with the codes that the training gave them, encode them again before serving,
    and a silent mismatch shows before it degrades a sample.

    Args:
        training_codes: Shape (rows,) or (rows, columns).
        inference_codes: Of the same raw rows.
        level: Of the Clopper-Pearson interval.

    Raises:
        UsageError: the shapes differ.
    """
    open_share("level", level)
    before, now = (
        _table("training_codes", training_codes),
        _table("inference_codes", inference_codes),
    )
    if before.shape != now.shape:
        raise UsageError("codes: write as many rows and columns for inference as for training")
    differ = int((before != now).any(axis=1).sum())
    return _share("code_mismatch", differ, len(before), level, 0.0)


def failure_share(failures: Mapping[str, int], rows: int, level: float = 0.95) -> Estimate:
    """Estimate the share of rows that raised an encoding error, from counts by kind of error.

    Raises:
        UsageError: a count is negative, or there are more failures than rows.
    """
    open_share("level", level)
    failed = sum(failures.values())
    if any(count < 0 for count in failures.values()) or failed > rows:
        raise UsageError(f"{failed} failures in {rows} rows: write counts of 0 or more")
    return _share("encoding_failure_share", failed, rows, level, 0.0)


def _varying(rows: Array, encoding: Encoding) -> tuple[int, int]:
    """Features that vary within their range, and those that vary at all."""
    if not len(rows):
        return 0, 0
    low, high = np.array(encoding.low), np.array(encoding.high)
    levels = np.array([2.0**bits if bits else 0.0 for bits in encoding.bits])
    inside = (np.clip(rows, low, high) - low) / (high - low)
    coarse = np.where(levels == 0, inside, np.minimum(np.floor(inside * levels), levels - 1))
    varied = np.ptp(rows, axis=0) > 0
    return int((varied & (np.ptp(coarse, axis=0) > 0)).sum()), int(varied.sum())


def _collisions(rows: Array, codes: Array) -> tuple[int, int]:
    """Distinct rows, and how many of them share their code."""
    if not len(rows):
        return 0, 0
    _, first = np.unique(rows, axis=0, return_index=True)
    _, users = np.unique(codes[first], axis=0, return_counts=True)
    return len(first), int(users[users > 1].sum())


def _share(name: str, part: int, whole: int, level: float, floor: float | None) -> Estimate:
    if not whole:
        return Estimate(name=name, level=level, reason="nothing to count")
    low, high = clopper_pearson(part, whole, level)
    return Estimate(
        name=name,
        value=part / whole,
        low=low,
        high=high,
        level=level,
        floor=floor,
        method="clopper-pearson",
        n=whole,
    )


def _table(name: str, values: ArrayLike) -> Array:
    """A table that may hold NaN for what is missing."""
    try:
        table: NDArray[np.float64] = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: write rows of numbers of one length") from error
    table = table[:, np.newaxis] if table.ndim == 1 else table
    if table.ndim != 2 or not table.shape[1]:  # noqa: PLR2004
        raise UsageError(f"{name}: write rows and columns of numbers, not shape {table.shape}")
    return table
