"""What recording costs, held loosely: the exact figures are the benchmarks'."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "lifecycle.py"


def test_recording_a_job_stays_cheap() -> None:
    """On a machine as busy as it may be, no cost is above twice its budget.

    Nothing is printed, and so nothing is cheap, unless all jobs of the benchmark were recorded.
    """
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--json"], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    rows = {row["work"]: row for row in json.loads(done.stdout)}

    assert rows["caller: `with` blocks"]["x_clock_reads"] <= 2 * 14
    assert rows["caller: marks"]["x_clock_reads"] <= 2 * 6
    assert rows["caller: `with` blocks, traced"]["x_clock_reads"] <= 2 * 14
    assert rows["caller: marks, traced"]["x_clock_reads"] <= 2 * 6
    assert rows["writer: fold and ten spans"]["x_under_sdk"] >= 20 / 2
    assert rows["writer: event and journal row"]["us_per_job"] <= 2 * 50
