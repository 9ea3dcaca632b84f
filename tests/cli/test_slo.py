"""`qgm-observe slo`: status, suggest, simulate and lint on the command line."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from qgm_observe.cli import main
from qgm_observe.cli.slo_tables import _wait_row, print_statuses
from qgm_observe.journal import Event, Journal
from qgm_observe.slo import characteristics
from qgm_observe.slo.characteristics import Characteristics
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.suggesting import Wait

from ..slo.test_prometheus import EMPTY, answering

DAY = 86400.0
DEAD = """\
objectives:
  - name: dead
    service: training
    brief: Nobody can page by this.
    unit: run
    good: {signal: qgm.roots, match: {outcome: success}}
    total: {signal: qgm.roots}
    target: 93 %
    window: 30d
    method: burnrate
"""


@pytest.fixture
def journal(tmp_path):
    """Ten training runs a day for ten days, five of which failed for want of quota."""
    path = tmp_path / "journal.db"
    moment = now = time.time()
    with Journal.open(path, clock=lambda: moment) as opened:
        for number in range(100, 0, -1):
            moment = now - number * DAY / 10
            failed = number % 20 == 0
            body = {"kind": "training", "outcome": "failure" if failed else "success"}
            if failed:
                body["error"] = {"class": "quota", "type": "x.Q", "stage": "submit"}
            subject = f"{number:032x}"
            event = Event(
                verb="finished",
                noun="run",
                subject=subject,
                at=moment,
                run=subject,
                body=body,
                id=f"{subject}/finished",
            )
            opened.append([event])
    return path


def test_status_tells_budget_and_who_spent_it(journal, capsys, monkeypatch):
    """5 bad runs of 100 use all of the budget of 95 %, by quota; every line fits 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["slo", "status", "--journal", str(journal)]) == 0
    told = capsys.readouterr().out
    (line,) = (line for line in told.splitlines() if line.startswith("training-success "))

    assert " ".join(line.split()).startswith("training-success 5 of 100 95 % 95 % 0 %")
    assert "spent by cause quota 100%: training-success" in told
    assert "nothing counted in its window: inference-success" in told
    assert max(len(line) for line in told.splitlines()) <= 80


def test_money_has_its_currency(journal, capsys):
    """A cap is told in USD, a count of runs without a unit."""
    main(["slo", "status", "--journal", str(journal)])
    told = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert ["quantum-spend", "0", "of", "1,000", "USD"] in [line[:5] for line in told]
    assert ["training-success", "5", "of", "100", "95"] in [line[:5] for line in told]


@pytest.mark.parametrize("verb", ["status", "lint"])
def test_the_help_names_the_exit_codes(verb, capsys):
    """What a script may rely on stands in the help."""
    with pytest.raises(SystemExit):
        main(["slo", verb, "--help"])
    assert "Exit codes: 0 no" in " ".join(capsys.readouterr().out.split())


def test_a_wait_is_told_in_the_unit_that_people_use():
    """A median of 1,010 s reads as minutes; the bound stays in seconds, as a target is written."""
    wait = Wait(
        provider="ibm",
        device="ibm_fez",
        part="queue",
        jobs=400,
        median=1010.0,
        p95=6000.0,
        bound=7200.0,
    )
    columns = _wait_row(wait)

    assert columns == ("ibm ibm_fez", "queue", "400", "17 min", "1 h 40 min", "7200 s")


def test_status_for_machines(journal, capsys):
    """One JSON list; what is not known is null with its reason."""
    assert main(["slo", "status", "--journal", str(journal), "--json"]) == 0
    found = {each["slo"]: each for each in json.loads(capsys.readouterr().out)}

    assert found["training-success"]["bad"] == 5
    assert found["training-success"]["budget_left"] == pytest.approx(0, abs=1e-9)
    assert found["training-success"]["spent_by"]["cause"] == {"quota": 5}
    assert found["calibration-age"]["ratio"] is None
    assert "--prometheus" in found["calibration-age"]["reason"]


def test_an_overdrawn_budget_is_exit_code_1(journal, capsys, tmp_path):
    """A budget that is gone makes `status` end with 1, for scripts."""
    path = tmp_path / "slo.yml"
    path.write_text(DEAD.replace("93 %", "99 %"))
    assert main(["slo", "status", str(path), "--journal", str(journal)]) == 1
    assert "gone" in capsys.readouterr().out


def test_suggest_tells_what_each_target_costs(journal, capsys):
    """The suggestion stands first, and each target with days kept, budget and pages."""
    assert main(["slo", "suggest", "--journal", str(journal)]) == 0
    told = capsys.readouterr().out
    assert "training-success: 95 % good, 10 a day in 10 days; write target: " in told
    assert "days kept" in told


def test_suggest_refuses_to_guess(journal, capsys, monkeypatch, tmp_path):
    """Of two days nothing is suggested; what is missing, and what to do meanwhile, is told."""
    monkeypatch.setenv("COLUMNS", "80")
    since = datetime.now(UTC) - timedelta(days=2)
    left_out = f"2000-01-01/{since.replace(tzinfo=None).isoformat()}"
    monkeypatch.setenv("TZ", "UTC")
    assert main(["slo", "suggest", "--journal", str(journal), "--exclude", left_out]) == 0
    told = capsys.readouterr().out

    assert told.startswith("too little history, ")
    assert "for a target (needed: 7 d and 20 events):" in told
    assert told.endswith("keep the shipped targets until then\n")
    assert "write target" not in told
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    ("bad", "total", "shown"),
    [(0, 9_999, "0 of 9,999"), (1_122, 81_920, "1,122 of 81.9k"), (12.5, 2e6, "12.50 of 2.0M")],
)
def test_large_counts_leave_room(bad, total, shown, capsys, monkeypatch):
    """With the longest shipped name and a large count a row still fits 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    objective = SimpleNamespace(
        name="inference-compile-time",
        target=Decimal("0.95"),
        is_degraded=False,
        indicator=SimpleNamespace(unit="run"),
    )
    status = {"bad": bad, "total": total, "ratio": 0.863, "left": 1.0, "spent_by": {}}
    status |= {"burn": {DAY: 0.7, 3 * DAY: 1.7}, "exhausted_in": 12.96 * DAY, "reason": None}
    print_statuses([SimpleNamespace(objective=objective, **status)])
    row = capsys.readouterr().out.splitlines()[1]

    assert f"inference-compile-time  {shown}".split() == row.split()[:4]
    assert row.split()[-4:] == ["0.7x", "1.7x", "13", "d"]  # of one day, of three, what is left


RARE = """\
objectives:
  - name: rare
    service: training
    brief: Rare runs reach their end.
    unit: run
    good: {signal: qgm.roots, match: {outcome: success}}
    total: {signal: qgm.roots, match: {outcome: [success, failure]}}
    target: 99 %
    events_per_day: 2
"""


def test_a_budget_of_few_events_is_told_over_90_days(tmp_path, capsys):
    """A run failed 60 days ago, in the report and out of the window; that it is long is said."""
    path, moment = tmp_path / "journal.db", time.time()
    with Journal.open(path, clock=lambda: moment) as opened:
        now = moment
        for number, outcome in ((100, "failure"), (60, "failure"), (5, "success")):
            moment = now - number * DAY
            body, run = {"kind": "training", "outcome": outcome}, f"{number:032x}"
            event = {"verb": "finished", "noun": "run", "subject": run, "run": run, "at": moment}
            opened.append([Event(**event, body=body, id=run)])
    (tmp_path / "slo.yml").write_text(RARE)
    words = ["slo", "status", str(tmp_path / "slo.yml"), "--journal", str(path)]

    assert main(words) == 1
    told = capsys.readouterr().out
    assert "rare  1 of 2" in told
    assert "degraded, so told over 90d: rare" in told
    assert main([*words, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["degraded"], found["window"], found["reported_over"]) == (True, "28d", "90d")


def test_simulate_tells_false_pages_and_delays(capsys):
    """A target at a rate has false pages and hours, from the table."""
    words = ["slo", "simulate", "--target", "95%", "--events-per-day", "10", "--json"]
    assert main(words) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["false_pages"] <= 0.3
    assert found["hours"][2] < found["hours"][0]


def test_simulate_knows_the_shipped_objectives(capsys):
    """Each objective by score is told at the traffic that it declares."""
    assert main(["slo", "simulate"]) == 0
    told = capsys.readouterr().out
    assert "training-success" in told
    assert "independent" in told


def test_simulate_counts_what_fails_together_as_one(tmp_path, capsys):
    """40 events a day with a design effect of 4 behave as 10 independent ones."""
    text = RARE.replace("events_per_day: 2", "events_per_day: 40\n    design_effect: 4")
    (tmp_path / "slo.yml").write_text(text.replace("99 %", "95 %"))

    assert main(["slo", "simulate", str(tmp_path / "slo.yml"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["slo"], found["target"], found["events_per_day"]) == ("rare", "0.95", 10)


def test_exact_is_simulated_now(capsys, monkeypatch):
    """With --exact the simulation is asked at that traffic; without it the table, which differs."""

    def simulated(target, events_per_day):
        return Characteristics(
            target=str(target),
            events_per_day=events_per_day,
            false_pages=7.25,
            false_at_budget=8.5,
            hours=(30.0, 8.0, 2.0),
        )

    monkeypatch.setattr(characteristics, "characterize", simulated)
    words = ["slo", "simulate", "--target", "95%", "--events-per-day", "10"]
    main([*words, "--exact"])
    exact = capsys.readouterr().out
    main(words)

    row = " ".join(exact.splitlines()[1].split())
    assert row == "- 95 % 10 7.25 8.50 30.0 h 8.0 h 2.0 h"
    assert "7.25" not in capsys.readouterr().out


def test_lint_asks_how_long_counts_are_kept(capsys):
    """28 days fit the 90 that are kept by default, and not 20."""
    assert main(["slo", "lint", "--retention-days", "20"]) == 1
    told = capsys.readouterr().out
    longer = "its window of 28 days is longer than the 20 days that are kept"
    assert f"refused  training-success: {longer}" in told


def test_suggest_looks_at_so_many_days(journal, capsys):
    """Of ten days with ten runs a day the last three days and a bit hold thirty."""
    assert main(["slo", "suggest", "--journal", str(journal), "--days", "3.05", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["objectives"]
    (found,) = (each for each in told if each["objective"] == "training-success")
    assert (found["events"], found["is_founded"]) == (30, False)


def test_what_status_excludes_does_not_count(journal, capsys):
    """The one run of an interval, which failed, is neither bad nor counted: 4 of 99."""
    began, ended = (
        datetime.fromtimestamp(time.time() - days * DAY, UTC).isoformat() for days in (2.05, 1.95)
    )
    words = ["--journal", str(journal), "--exclude", f"{began}/{ended}", "--json"]
    assert main(["slo", "status", *words]) == 0
    found = {each["slo"]: each for each in json.loads(capsys.readouterr().out)}
    assert (found["training-success"]["bad"], found["training-success"]["total"]) == (4, 99)


def test_the_token_goes_to_the_prometheus(capsys, monkeypatch, tmp_path):
    """The token of the environment stands in the header of each question, and in no output."""
    monkeypatch.setenv("QGM_OBSERVE_PROMETHEUS_TOKEN", "canary-0123")
    (tmp_path / "slo.yml").write_text(RARE)
    seen = []
    with answering(200, EMPTY, seen) as url:
        main(["slo", "status", str(tmp_path / "slo.yml"), "--prometheus", url])
    told = capsys.readouterr()

    assert set(seen) == {"Bearer canary-0123"}
    assert "canary" not in told.out + told.err


def test_lint_refuses_the_dead(tmp_path, capsys):
    """A page that no error ratio reaches is refused with exit code 1."""
    path = tmp_path / "slo.yml"
    path.write_text(DEAD)
    assert main(["slo", "lint", str(path)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("refused  dead: its page above 14.4x needs 100.8 % errors")
    assert "1 objective, 1 refused, 0 weak" in told


def test_lint_finds_nothing_in_the_shipped(capsys):
    """The shipped objectives are sound."""
    assert main(["slo", "lint"]) == 0
    assert "0 refused, 0 weak" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["status", "--journal", "/nowhere/j.db"], "/nowhere/j.db"),
        (["status", "/nowhere/slo.yml"], "/nowhere/slo.yml"),
        (["status", "--prometheus", "localhost:9090"], "http://localhost:9090"),
        (
            [
                *("status", "--prometheus", "http://127.0.0.1:1"),
                *("--exclude", "2026-02-01/2026-02-02"),
            ],
            "write --journal PATH in place of --prometheus",
        ),
        (["simulate", "--target", "95%"], "both --target"),
        (["simulate", "--target", "100%", "--events-per-day", "5"], "no budget"),
        (["simulate", "--target", "40%", "--events-per-day", "5"], "above 0.5"),
    ],
)
def test_bad_input_is_one_line(words, advice, capsys):
    """Exit code 2 and one line that says what to write instead."""
    assert main(["slo", *words]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert advice in told.err


@pytest.mark.parametrize(
    "option", [["--exclude", "yesterday"], ["--exclude", "2026-02-02/2026-02-01"]]
)
def test_maintenance_is_two_times(option, capsys):
    """What is no interval is refused with an example."""
    with pytest.raises(SystemExit) as ended:
        main(["slo", "status", *option])
    assert ended.value.code == 2
    assert "2026-10-01T12:00/2026-10-01T18:00" in capsys.readouterr().err


def test_what_the_rules_evaluate_is_told_without_a_file(monkeypatch, capsys):
    """With a Prometheus the objectives are those of its rules; what only a file tells is named."""
    own = {"slo": "chem-training", "window": "28d"}
    work = 'qgm_roots_total{source="journal",project="chem",outcome'
    counted = f'sum({work}=~"success|failure"}})'
    rules = [
        {"name": "qgm:slo_events:count", "query": counted, "labels": own},
        {"name": "qgm:slo_errors:count", "query": f'{work}="success"}}', "labels": own},
        {"name": "qgm:slo_budget:ratio", "query": "vector(0.1)", "labels": own},
        {"name": "qgm:slo_spent:usd", "query": "sum(x)", "labels": {"slo": "chem-spend"}},
    ]

    def vector(_, query, now):
        good = 'outcome="success"' in query
        return [({}, 95.0 if good else 100.0)] if 'project="chem"' in query else []

    monkeypatch.setattr(Prometheus, "rules", lambda _: rules)
    monkeypatch.setattr(Prometheus, "vector", vector)

    assert main(["slo", "status", "--prometheus", "http://127.0.0.1:9", "--json"]) == 0
    told = capsys.readouterr()
    (found,) = json.loads(told.out)
    assert (found["slo"], found["bad"], found["total"]) == ("chem-training", 5, 100)
    assert found["budget_left"] == pytest.approx(0.5)
    assert told.err.endswith("evaluated there, write their files: chem-spend\n")


def test_lint_loads_no_pandas():
    """Checking objectives needs neither pandas nor a simulation."""
    program = (
        "import sys; from qgm_observe.cli import main; main(['slo', 'lint']); "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'numpy', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
