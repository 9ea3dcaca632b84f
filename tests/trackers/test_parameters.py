"""Parameters go out and come back without pickle."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qgm_observe.errors import UsageError
from qgm_observe.trackers.parameters import parameters_of, read_parameters, to_npz


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e300, 1e300)))
def test_what_is_written_is_read(vector: np.ndarray) -> None:
    """Every vector of finite numbers comes back to the last bit."""
    assert parameters_of(to_npz(vector), "parameters.npz").tobytes() == vector.tobytes()


def test_a_json_list_is_read_as_well(tmp_path: Path) -> None:
    """So is an object with `parameters`, as a description of a trained core has."""
    for content in ([1.5, 2.0], {"parameters": [1.5, 2.0], "seed": 3}):
        file = tmp_path / "model.json"
        file.write_text(json.dumps(content))
        assert read_parameters(file).tolist() == [1.5, 2.0]


def test_a_pickle_is_never_run() -> None:
    """An npz file with objects, and a pickle that bears the name, are refused unread."""

    class Trap:
        def __reduce__(self) -> object:
            return (pytest.fail, ("the pickle ran",))

    file = io.BytesIO()
    np.savez(file, parameters=np.array([Trap()], dtype=object))
    for data in (file.getvalue(), pickle.dumps(Trap())):
        with pytest.raises(UsageError, match="holds no parameters"):
            parameters_of(data, "parameters.npz")


@pytest.mark.parametrize("vector", [[], [float("nan")], [float("inf"), 1.0], ["a"], None])
def test_what_are_no_numbers_is_refused(vector: object) -> None:
    """Nothing, text and what is not finite are one line."""
    with pytest.raises(UsageError, match="parameters: write"):
        to_npz(vector)


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    """A missing file and a damaged one are told by name."""
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 damaged")
    for name, words in (("none.npz", "cannot be read"), ("bad.npz", "holds no parameters")):
        with pytest.raises(UsageError, match=words):
            read_parameters(tmp_path / name)
