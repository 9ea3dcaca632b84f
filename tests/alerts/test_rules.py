"""Rules from objectives, as promtool reads and runs them."""

import json
import subprocess
from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.rules import groups
from qgm_observe.alerts.rules import rules as rules_of
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.window import Window

TRAINING = next(each for each in shipped() if each.name == "training-success")
WINDOWS = "30m|1h|2h|6h|12h|1d|3d|7d"
LABELS = 'project="p",pipeline="l",model="m",model_version="1",kind="training"'


def rules(objective):
    return list(rules_of(objective, Configuration(Written(), (objective,))))


@pytest.fixture
def promtool(tools, tmp_path):
    """Runs promtool on rules, and on tests of them."""

    def run(objectives, tests=None):
        path = tmp_path / "rules.json"
        made = groups(Configuration(Written(), tuple(objectives)))
        path.write_text(json.dumps({"groups": made}))
        words = ["check", "rules", "--lint-fatal", path]
        if tests is not None:
            content = {"rule_files": [str(path)], "evaluation_interval": "10m", "tests": tests}
            (tmp_path / "tests.json").write_text(json.dumps(content))
            words = ["test", "rules", tmp_path / "tests.json"]
        done = subprocess.run(
            [tools("promtool"), *words], capture_output=True, text=True, check=False, timeout=100
        )
        return done.returncode, done.stdout + done.stderr

    return run


def scenario(outcomes, alerts, name="QgmSloBurnPage"):
    """Failures and successes each ten minutes, and for which objectives an alert fires when."""
    series = [
        {
            "series": f'qgm_roots_total{{{LABELS},outcome="{outcome}",source="journal"}}',
            "values": values,
        }
        for outcome, values in outcomes.items()
    ]
    asked = f'count by (slo, severity) (ALERTS{{alertname="{name}",alertstate="firing"}})'
    return {
        "interval": "10m",
        "input_series": series,
        "promql_expr_test": [
            {
                "expr": asked,
                "eval_time": at,
                "exp_samples": [
                    {"labels": f'{{slo="{slo}",severity="page"}}', "value": 1} for slo in firing
                ],
            }
            for at, firing in alerts.items()
        ],
    }


def test_every_shipped_objective_passes_the_lint(promtool):
    """Promtool finds nothing in the rules of all shipped objectives."""
    code, told = promtool(shipped())
    assert code == 0, told


@pytest.mark.parametrize(
    ("outcomes", "alerts"),
    [
        # one failure among idle hours
        ({"success": "0x30", "failure": "0x3 1x26"}, {"40m": False, "2h": False, "5h": False}),
        # a second failure, two hours after the first; held for an hour at least
        (
            {"success": "0x60", "failure": "0x3 1x11 2x45"},
            {"2h": False, "2h40m": True, "3h": True},
        ),
        # nothing at all
        ({"success": "0x60", "failure": "0x60"}, {"1h": False, "10h": False}),
        # twenty clean runs after two failures
        (
            {"success": "0x20 0+1x40", "failure": "0x3 1x11 2x46"},
            {"2h40m": True, "10h": False},
        ),
    ],
)
def test_the_page_needs_a_second_failure(promtool, outcomes, alerts):
    """One failure is silent, the second pages, idle is silent, and clean runs end it."""
    firing = {at: ["training-success"] if fires else [] for at, fires in alerts.items()}
    code, told = promtool([TRAINING], [scenario(outcomes, firing)])
    assert code == 0, told


def at(target, design_effect):
    """Training's runs at a target, a thousand a day: enough for any budget to be judged."""
    changed = {"target": Decimal(target), "design_effect": design_effect, "events_per_day": 1000.0}
    return replace(TRAINING, name=f"at-{target[2:]}-{design_effect:.0f}", **changed)


def test_every_target_pages_at_the_same_failure(promtool):
    """The second failure in a row pages at any target, the seventh where four fail as one.

    Each adds ln 5, or a quarter of it, and 0.5 + 0.5 ln 56 = 2.51 is the least threshold. Clean
    runs, of which eight or nine refute that a quarter fails, end the page of any target.
    """
    alone, batched = ([at(each, effect) for each in ("0.9", "0.99", "0.999")] for effect in (1, 4))
    first, all_ = ([each.name for each in found] for found in (alone, alone + batched))
    worse = {"success": "0x12", "failure": "0x3 1+1x8"}
    over = {"success": "0x20 0+1x40", "failure": "0x3 1x11 2x46"}
    tests = [
        scenario(worse, {"40m": [], "50m": first, "90m": first, "100m": all_}),
        scenario(over, {"2h20m": [], "2h40m": first, "10h": []}),
    ]

    code, told = promtool(alone + batched, tests)
    assert code == 0, told


def test_constants_are_those_of_the_tested_rules():
    """The rendered numbers are the ones that were tested against simulation."""
    texts = {rule.get("record"): rule["expr"] for rule in rules(TRAINING)}
    assert texts["qgm:slo_score:llr"] == (
        f'1.845827 * qgm:slo_errors:count{{slo="training-success",window=~"{WINDOWS}"}} - '
        'on (window) 0.236389 * qgm:slo_events:count{slo="training-success"}'
    )
    assert texts["qgm:slo_score:threshold"].endswith(", 56))")


@pytest.mark.parametrize("window", ["28d", "30d"])
def test_a_burn_rate_alert_passes_the_lint(promtool, window):
    """Burn rates with pages and tickets pass as well, at 28 and at 30 days."""
    code, told = promtool([replace(TRAINING, method="burnrate", window=Window(window))])
    assert code == 0, told


@pytest.mark.parametrize("method", ["score", "burnrate"])
@pytest.mark.parametrize(("service", "waits"), [("training", "ticket"), ("inference", None)])
def test_only_what_is_about_training_may_wait_at_night(method, service, waits):
    """With `overnight: ticket` pages of training say so by a label, and those of inference never.

    Without the setting no alert has the label; what is recorded never has it.
    """
    objective = replace(TRAINING, name=f"{service}-success", service=service, method=method)
    for setting, expected in (("page", None), ("ticket", waits)):
        configuration = Configuration(Written(overnight=setting), (objective,))
        made = list(rules_of(objective, configuration))
        labels = {rule["alert"]: rule["labels"] for rule in made if "alert" in rule}
        assert labels["QgmSloBurnPage"].get("overnight") == expected
        assert labels["QgmSloBurnTicket"].get("overnight") == expected
        assert not any("overnight" in rule["labels"] for rule in made if "record" in rule)


def test_the_rest_of_the_shelf_is_told_at_night():
    """Of all rules of the full shelf only those of objectives of training have the label."""
    training = {f"slo-{each.name}" for each in shipped() if each.service == "training"}
    groups = rule_groups(Configuration(Written(overnight="ticket", profile="full"), shipped()))
    alerts = [
        (name, rule["alert"], rule["labels"])
        for name, group in groups.items()
        for rule in group["rules"]
        if "alert" in rule
    ]

    assert {name for name, _, labels in alerts if "overnight" in labels} == training
    pages = {
        (name, alert)
        for name, alert, labels in alerts
        if labels["severity"] == "page" and "overnight" not in labels
    }
    assert pages == {
        ("slo-inference-success", "QgmSloBurnPage"),
        ("slo-quantum-spend", "QgmSpendCap"),
        ("trend-compilations", "QgmCompilationFailing"),
        ("device", "QgmProviderOutage"),
    }


def test_a_degraded_objective_makes_a_ticket_of_each_failure():
    """A budget of less than five events never pages."""
    tiny = replace(TRAINING, target=Decimal("0.99"), events_per_day=2)
    assert [rule["alert"] for rule in rules(tiny) if "alert" in rule] == ["QgmSloBurnTicket"]
    assert {rule["labels"].get("severity") for rule in rules(tiny)} == {None, "ticket"}
