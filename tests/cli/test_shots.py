"""`qgm-observe shots`: plans on the command line."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event, open_journal


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
        (["--compare", "abcd", "efgh", "--sd", "1"], "--sd does not go with"),
        (["--change", "0.1", "--sd", "1", "--score", "linear_xeb"], "--score does not go with"),
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


def recorded(path: Path, shots: int, scores: list[float]) -> str:
    """A run whose jobs had so many shots and these valid-shot ratios."""
    made = itertools.count()
    run = f"{shots:032x}"

    def event(verb: str, noun: str, subject: str, **body: Any) -> Event:
        return Event(
            verb=verb, noun=noun, subject=subject, run=run, at=1.0, body=body,
            id=f"{run}/{next(made)}",
        )  # fmt: skip

    rows = [event("opened", "run", run, start=float(shots))]
    for number, score in enumerate(scores):
        job = f"{shots:016x}{number:016x}"
        rows += [
            event("estimate", "job", job, name="valid_shot_ratio", value=score),
            event("finished", "job", job, outcome="success", shots=shots, start=1.0, duration=1.0),
        ]
    with open_journal(path) as journal:
        journal.append(rows)
    return run


def test_runs_are_compared_job_by_job(tmp_path, capsys):
    """By Welch's test over the jobs a difference of 0.1 is found, and none where there is none."""
    path = tmp_path / "journal.db"
    few = recorded(path, 256, [0.71, 0.69, 0.70, 0.72, 0.68])
    many = recorded(path, 4096, [0.81, 0.79, 0.80, 0.82, 0.78])
    same = recorded(path, 1024, [0.68, 0.72, 0.70, 0.71, 0.69])
    where = ["--journal", str(path)]

    assert main(["shots", "--compare", few, many, *where]) == 0
    told = capsys.readouterr().out
    assert "valid_shot_ratio: +0.1 from the first run to the second" in told
    assert "5 and 5 scores, 256 and 4,096 shots a job" in told
    assert main(["shots", "--compare", few, many, *where, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["difference"]["low"] > 0.07
    assert found["p"] < 1e-4
    assert main(["shots", "--compare", few, same, *where, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["difference"]["low"] < 0 < found["difference"]["high"]


def test_one_job_is_no_comparison(tmp_path, capsys):
    """With one job in an arm nothing is said but why, and the exit code is 1."""
    path = tmp_path / "journal.db"
    runs = recorded(path, 256, [0.7]), recorded(path, 512, [0.7, 0.8])

    assert main(["shots", "--compare", *runs, "--journal", str(path)]) == 1
    assert "cannot tell, insufficient jobs: 1" in capsys.readouterr().out


def test_a_score_that_a_run_has_not(tmp_path, capsys):
    """The error names those that it has."""
    path = tmp_path / "journal.db"
    runs = recorded(path, 256, [0.7]), recorded(path, 512, [0.7])
    words = ["shots", "--compare", *runs, "--journal", str(path), "--score", "linear_xeb"]

    assert main(words) == 2
    assert "one of its own (valid_shot_ratio)" in capsys.readouterr().err
    assert main([*words[:-1], "hellinger"]) == 2
    assert "one that reads the same at any number of shots" in capsys.readouterr().err
