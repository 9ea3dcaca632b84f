"""README says what is so: its code runs, its blocks are what the commands print."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
PYTHON = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_the_code_runs(code: str, tmp_path: Path) -> None:
    """Every Python block runs as it stands."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_table_of_signals_is_fresh(shell: Shell) -> None:
    """SIGNALS.md is what `qgm-observe catalog` writes."""
    done = shell("catalog", "--check", str(README.with_name("SIGNALS.md")))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cost_table_has_the_rows_of_the_benchmark() -> None:
    """The quoted table has every row that the benchmark prints, each with a figure."""
    block = README.read_text().partition("<!-- lifecycle:begin -->")[2]
    quoted = block.partition("<!-- lifecycle:end -->")[0]
    source = (README.parent / "benchmarks" / "lifecycle.py").read_text()
    names = set(re.findall(r'^ +"([^"]+)": Row\(', source, re.MULTILINE))

    assert len(names) == 10
    for name in names:
        assert re.search(rf"{re.escape(name)} +\d+\.\d+", quoted), name
