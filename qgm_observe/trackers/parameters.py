"""Trained parameters as a file: npz without pickle, so that reading one runs no code."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import UsageError

NAME = "parameters"
_LARGEST = 256 * 1024**2


def to_npz(vector: ArrayLike) -> bytes:
    """Return a file with the array `parameters`, float64.

    Raises:
        UsageError: what is given are no finite numbers.
    """
    try:
        array = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("parameters: write an array of numbers") from None
    if not array.size or not np.isfinite(array).all():
        raise UsageError("parameters: write finite numbers, one at least")
    file = io.BytesIO()
    np.savez(file, parameters=array)
    return file.getvalue()


def parameters_of(data: bytes, name: str) -> NDArray[np.float64]:
    """Return parameters from a file's content.

    Args:
        data: What `to_npz` made, an npz file with one array, or a JSON list of numbers.
        name: The file's, for its suffix and for the error.

    Raises:
        UsageError: it holds anything else; pickled objects are refused.
    """
    try:
        if name.endswith(".json"):
            told = json.loads(data)
            told = told.get(NAME) if isinstance(told, dict) else told
            return np.asarray(told, dtype=np.float64)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            key = NAME if NAME in arrays.files else arrays.files[0]
            return np.asarray(arrays[key], dtype=np.float64)
    except (ValueError, TypeError, IndexError, KeyError, OSError, zipfile.BadZipFile):
        raise UsageError(
            f"{name} holds no parameters: write an npz file with one array, or a JSON list"
        ) from None


def read_parameters(path: Path) -> NDArray[np.float64]:
    """Return the parameters of a file, see `parameters_of`.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is larger than 256 MiB: write parameters alone into it")
        return parameters_of(path.read_bytes(), path.name)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
