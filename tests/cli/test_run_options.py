"""Options of `qgm-observe run` that are settings of what it records."""

import subprocess
import sys
from pathlib import Path

import pytest

from qgm_observe.cli import main

COMMAND = Path(sys.executable).with_name("qgm-observe")
TELLING = """\
from qgm_observe.lifecycle import recorder
print(recorder().settings.loss_floor)
"""


def test_the_loss_floor_is_a_setting(tmp_path: Path) -> None:
    """The script's steps have the floor that the command line names."""
    (tmp_path / "train.py").write_text(TELLING)
    options = ("--journal", "journal.db", "--no-summary", "--loss-floor", "0.25")
    told = subprocess.run(
        [COMMAND, "run", *options, "train.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (told.stdout, told.stderr) == ("0.25\n", "")


def test_a_loss_floor_is_a_finite_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and one line, before the script begins."""
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("print('never')")

    assert main(["run", "--journal", "j.db", "--loss-floor", "nan", "train.py"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "qgm-observe: loss_floor nan: write a finite number\n")
