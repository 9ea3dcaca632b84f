"""`qgm-observe shots`: plans on the command line."""

import json
import subprocess
import sys

import pytest

from qgm_observe.cli import main


def test_shots_for_a_half_width_are_told(capsys):
    """The number comes first, and the formula is named."""
    assert main(["shots", "--half-width", "0.02", "--ratio", "0.8"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1537 shots for a half-width of 0.02 at level 0.95",
        "formula: N = z^2 sd^2 / h^2",
    ]


def test_a_ratio_is_compared_with_what_it_drops_to(capsys):
    """A drop of 0.05 from 0.8 takes 1,092 shots an arm, with the deviation of each."""
    assert main(["shots", "--change", "0.05", "--ratio", "0.8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shots"] == pytest.approx(1092, abs=2)


def test_jobs_that_differ_are_planned_by_job(capsys):
    """With a between-job deviation the jobs and the useful shots a job are told."""
    words = ["shots", "--change", "0.02", "--sd", "0.4", "--job-sd", "0.01"]
    assert main(words) == 0
    told = capsys.readouterr().out

    assert "beyond 1600 shots a job, run more jobs instead" in told
    assert main([*words, "--shots-per-job", "400", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["shots"] == 400 * plan["jobs"]
    assert plan["useful_shots_per_job"] == 1600


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--half-width", "0.1"], "--ratio 0.8"),
        (["--half-width", "0.1", "--ratio", "1"], "between 0 and 1"),
        (["--half-width", "-1", "--sd", "1"], "above 0"),
        (["--half-width", "0.1", "--sd", "1", "--power", "0.9"], "--power does not go with"),
        (["--change", "0.1", "--sd", "1", "--level", "0.9"], "--level does not go with"),
        (["--change", "0.1", "--sd", "1", "--shots-per-job", "9"], "--job-sd"),
        (["--change", "1e-9", "--sd", "1"], "ask for a larger"),
        (["--change", "nan", "--sd", "1"], "above 0"),
    ],
)
def test_bad_input_is_one_line(words, advice, capsys):
    """Exit code 2 and one line that says what to write instead."""
    assert main(["shots", *words]) == 2
    told = capsys.readouterr()

    assert told.out == ""
    assert told.err.count("\n") == 1
    assert advice in told.err


def test_an_aim_is_required(capsys):
    """Without a width and a change the parser says which to give."""
    with pytest.raises(SystemExit) as ended:
        main(["shots", "--ratio", "0.8"])

    assert ended.value.code == 2
    assert "--half-width --change" in capsys.readouterr().err


def test_planning_loads_no_numpy():
    """The command needs the standard library only, so that it answers at once."""
    program = (
        "import sys; from qgm_observe.cli import main; "
        "main(['shots', '--half-width', '0.1', '--sd', '1']); "
        "sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
