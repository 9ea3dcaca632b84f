"""Violent ends and long lives; the full figures are those of `benchmarks/robustness.py`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "robustness.py"


@pytest.fixture(scope="module")
def measured() -> Any:
    """One round of each end, and a tenth of the jobs."""
    words = [sys.executable, BENCHMARK, "--json", "--rounds", "1", "--jobs", "100000"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_to_a_violent_end(measured: Any) -> None:
    """After `os._exit`, SIGTERM and SIGKILL all submissions are there, and all but fresh jobs."""
    for row in measured["kills"]:
        assert row["submissions"] > 10
        assert row["jobs"] > 100
        assert row["submissions lost"] == 0
        assert row["older jobs lost"] == 0
        assert row["lost of it"] <= row["last second"]
        assert row["damaged"] == 0


@pytest.mark.slow
def test_what_was_in_flight_is_lost_and_no_success(measured: Any) -> None:
    """The run of a killed process ends as `lost` as soon as somebody looks."""
    assert [row["not lost though open"] for row in measured["kills"]] == [0, 0, 0]


@pytest.mark.slow
def test_memory_is_flat(measured: Any) -> None:
    """A hundred thousand jobs in one process grow its memory by less than 5 MB."""
    assert len(measured["memory"]["megabytes"]) == 10
    assert measured["memory"]["growth"] < 5
