"""The shelf `alerts/`: fresh, valid for Prometheus and Kubernetes, and as it is promised."""

import json
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
import yaml

from qgm_observe.alerts.configuration import Thresholds, Written, load_configuration
from qgm_observe.alerts.links import runbook_url
from qgm_observe.alerts.shelf import render
from qgm_observe.alerts.table import ALERTS, BY_NAME
from qgm_observe.documents import load

ROOT = Path(__file__).parents[2]
SHELF = ROOT / "alerts"
SCHEMA = Path(__file__).parent / "schemas" / "prometheusrule.json"
MONEY = """\
objectives:
  - name: training-spend
    service: training
    brief: Training stays within its money.
    unit: money
    spent: {signal: qgm.cost, match: {kind: training, basis: estimated}}
    cap: 500
    window: 28d
  - name: rare-success
    service: training
    brief: Rare runs reach their end.
    unit: run
    good: {signal: qgm.roots, match: {outcome: success}}
    total: {signal: qgm.roots, match: {outcome: [success, failure, timeout, lost]}}
    target: 99 %
    window: 28d
    events_per_day: 5
  - name: batch-success
    service: inference
    brief: Batches of requests are answered.
    unit: request
    good: {signal: qgm.roots, match: {kind: inference, outcome: success}}
    total: {signal: qgm.roots, match: {kind: inference, outcome: [success, failure]}}
    target: 99 %
    window: 30d
    method: burnrate
    events_per_day: 500
"""


def rules(folder=SHELF):
    """Every rule with the name of its file."""
    for path in sorted((folder / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield path.stem, rule


def alerting(folder=SHELF):
    return [(name, rule) for name, rule in rules(folder) if "alert" in rule]


@pytest.fixture(scope="session")
def full(tmp_path_factory):
    """The shelf with all alerts, and objectives for money, for batches, and with little budget."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "own.yml").write_text(MONEY)
    (folder / "config.yml").write_text("profile: full\nobjectives: [own.yml]\n")
    for place, text in render(load_configuration(folder / "config.yml")).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def promtool(tools, *words):
    done = subprocess.run(
        [tools("promtool"), *words], capture_output=True, text=True, check=False, timeout=100
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_what_is_rendered_today():
    """Each file is the text that the shipped configuration gives, and no other file is there."""
    rendered = render(load_configuration())
    there = {
        str(path.relative_to(SHELF)): path.read_text()
        for path in SHELF.rglob("*")
        if path.is_file()
    }
    stale = sorted(
        place for place in {*rendered, *there} if there.get(place) != rendered.get(place)
    )

    assert stale == [], "run: .venv/bin/qgm-observe render . --only alerts"


def test_rendering_again_gives_the_same_bytes():
    """Rendering depends on the configuration alone."""
    assert render(load_configuration()) == render(load_configuration())


@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_promtool_finds_nothing_in_the_rules(tools, full, shelf):
    """Every rule file passes `promtool check rules --lint-fatal`, one by one."""
    folder = SHELF if shelf == "shipped" else full
    files = sorted((folder / "rules").glob("*.yml"))
    code, told = promtool(tools, "check", "rules", "--lint-fatal", *files)

    assert code == 0, told


@pytest.mark.slow
@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_every_rendered_test_passes(tools, full, shelf):
    """All promtool tests of the shelf pass: two at a time, within 60 seconds on two cores."""
    folder = SHELF if shelf == "shipped" else full
    files = sorted((folder / "tests").glob("*.yml"))
    halves = [files[0::2], files[1::2]]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda half: promtool(tools, "test", "rules", *half), halves))

    assert [told for code, told in outcomes if code] == []


ASKED = re.compile(r'ALERTS\{alertname="(\w+)",alertstate="firing"(?:,(?:lost|seen_by)="(\w+)")?')


@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_every_alert_is_tried(full, shelf):
    """Each alert of each file is tested to fire, and but for the watchdog to be silent."""
    folder = SHELF if shelf == "shipped" else full
    fires, silent = set(), set()
    for path in (folder / "tests").glob("*.yml"):
        document = yaml.safe_load(path.read_text())
        (file,) = (Path(name).stem for name in document["rule_files"])
        for each in (asked for test in document["tests"] for asked in test["promql_expr_test"]):
            for found in ASKED.findall(each["expr"]):
                (fires if each.get("exp_samples") else silent).add((file, *found))
    named = {
        (file, rule["alert"], rule["labels"].get("lost") or rule["labels"].get("seen_by", ""))
        for file, rule in alerting(folder)
    }

    assert named - fires == set()
    assert named - silent == {("telemetry", "QgmWatchdog", "")}


def test_the_starter_profile_keeps_its_promise():
    """At most 12 alerts and 4 pages in the starter profile, those that are rendered today too."""
    starter = [alert for alert in ALERTS if alert.profile == "starter"]
    pages = {alert.name for alert in ALERTS if alert.severity == "page"}
    rendered = {rule["alert"] for _, rule in alerting()}

    assert len(starter) == 12
    assert pages == {
        "QgmSloBurnPage",
        "QgmProviderOutage",
        "QgmCompilationFailing",
        "QgmSpendCap",
    }
    assert rendered == {alert.name for alert in starter}


def test_the_full_profile_renders_every_alert(full):
    """With `profile: full` and an objective of money each row of the table has its rule."""
    assert {rule["alert"] for _, rule in alerting(full)} == set(BY_NAME)


def test_every_failure_mode_has_an_alert():
    """F1 to F7 of the requirements are answered, and by the starter profile all but data drift."""
    answered = {mode: {a.profile for a in ALERTS if mode in a.modes} for mode in MODES}

    assert [mode for mode in MODES if not answered[mode]] == []
    assert [mode for mode in MODES if "starter" not in answered[mode]] == ["F6"]


MODES = [f"F{number}" for number in range(1, 8)]


@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_every_alert_carries_what_routes_and_inhibition_compare(full, shelf):
    """Labels of the table, all of `group_by` and `equal`, and none of a job or a run."""
    folder = SHELF if shelf == "shipped" else full
    configuration = yaml.safe_load((folder / "alertmanager.yml").read_text())
    compared = {label for rule in configuration["inhibit_rules"] for label in rule.get("equal", [])}
    wanted = compared | {*configuration["route"]["group_by"]} - {"alertname"}
    settled = ("severity", "owner", "urgency", "layer", "escalation")

    assert compared == {"slo", "pipeline", "provider", "device"}
    for name, rule in alerting(folder):
        assert wanted - set(rule["labels"]) == set(), (name, rule["alert"])
        assert all(rule["labels"].values())
        alert = BY_NAME[rule["alert"]]
        assert {each: rule["labels"][each] for each in settled} == {
            each: getattr(alert, each) for each in settled
        }
        assert not re.search(r"\b(job_id|run_id|subject)\b", rule["expr"])


@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_every_rule_has_a_static_slo(full, shelf):
    """Rules of an objective name it, recorded ones too; all others say that they are about none.

    But for first samples that a trend records, which causes record as well.
    """
    folder = SHELF if shelf == "shipped" else full
    for name, rule in rules(folder):
        is_first = name.startswith("trend-") and "slo_first" in rule.get("record", "")
        none = name if is_first else "none"
        wanted = name.removeprefix("slo-") if name.startswith("slo-") else none
        assert rule.get("labels", {}).get("slo") == wanted, (name, rule)


@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_a_series_is_recorded_by_one_rule(full, shelf):
    """Two groups that record the same series would refuse each other's samples as out of order."""
    folder = SHELF if shelf == "shipped" else full
    recorded = Counter(
        (rule["record"], *sorted(rule["labels"].items()))
        for _, rule in rules(folder)
        if "record" in rule
    )

    assert [each for each, times in recorded.items() if times > 1] == []


@pytest.mark.parametrize("shelf", ["shipped", "full"])
def test_no_recorded_series_of_ours_divides(full, shelf):
    """What is recorded under `qgm:` is counts and weighted sums; only sloth's names are ratios."""
    folder = SHELF if shelf == "shipped" else full
    dividing = [
        rule["record"] for _, rule in rules(folder) if "record" in rule and " / " in rule["expr"]
    ]

    assert [name for name in dividing if not name.startswith("slo:")] == []
    guarded = [
        rule["expr"]
        for _, rule in rules(folder)
        if rule.get("record", "").startswith("slo:sli_error:ratio_rate")
    ]
    assert guarded
    assert all(expression.endswith("> 0)") for expression in guarded)


def test_every_alert_says_what_is_needed_in_order():
    """Loss, count, budget, spending, provider, command, links and false alerts, in this order."""
    for _, rule in alerting():
        text = rule["annotations"]["description"]
        alert = BY_NAME[rule["alert"]]
        runbook = runbook_url(Written().runbooks_url, alert.name)
        parts = [
            alert.loses,
            "Budget",
            "Provider:",
            "First: qgm-observe triage",
            runbook,
            "/d/qgm-",
        ]
        places = [text.index(part) for part in parts]

        assert places == sorted(places)
        assert rule["annotations"]["runbook_url"] == runbook
        assert f"/d/qgm-{alert.board}?" in rule["annotations"]["dashboard_url"]
        if rule["labels"]["severity"] != "info":
            *_, board, last = text.splitlines()
            assert board.startswith("Board: ")
            assert re.search(r"\bfalse\b|\bchance\b", last), last
    pages = [rule for _, rule in alerting() if rule["alert"] == "QgmSloBurnPage"]
    assert len(pages) == 2
    for rule in pages:
        *_, last = rule["annotations"]["description"].splitlines()
        assert re.search(r"this page is false \d+\.\d\d times in 28 days", last)


def test_objects_for_kubernetes_are_valid_and_hold_the_same_rules():
    """Each PrometheusRule passes the operator's schema, named by a DNS label: the rule files."""
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    objects = list(yaml.safe_load_all((SHELF / "kubernetes" / "prometheusrules.yml").read_text()))
    groups = {}
    for each in objects:
        assert list(schema.iter_errors(each)) == []
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", each["metadata"]["name"])
        groups[each["metadata"]["name"].removeprefix("qgm-")] = each["spec"]["groups"]

    files = {path.stem: path for path in (SHELF / "rules").glob("*.yml")}
    assert groups == {name: yaml.safe_load(p.read_text())["groups"] for name, p in files.items()}


def test_the_sample_has_every_setting_at_its_default(tmp_path):
    """Uncommented, `config.yml` is the default; each setting and threshold stands in it."""
    text = (SHELF / "config.yml").read_text()
    (tmp_path / "config.yml").write_text(re.sub(r"^( *)#(?=\w)", r"\1", text, flags=re.MULTILINE))

    assert load(tmp_path / "config.yml", Written) == Written()
    for name in (*Written.model_fields, *Thresholds.model_fields):
        assert re.search(rf"^ *#{name}:", text, re.MULTILINE), name
