"""What pages say, word for word, as Prometheus fills them in when they fire."""

import json
import subprocess
from dataclasses import replace

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.slo.loading import shipped

WORK = 'project="p",model="qcbm",kind="training",source="journal"'
PLACE = 'provider="ibm",device="ibm_fez",region="us-east",execution_mode="job",shot_class="1k"'
SPENT = {
    'qgm:slo_budget:ratio{slo="%s",window="28d"}': "0.05x20",
    'qgm:slo_events:count{slo="%s",window="28d"}': "100x20",
}
"""What objectives record, by the template of their name."""


def roots(pipeline, outcome):
    return f'qgm_roots_total{{{WORK},model_version="3",pipeline="{pipeline}",outcome="{outcome}"}}'


def job(counter, version, further):
    told = f'{WORK},{PLACE},model_version="{version}",pipeline="nightly",{further}'
    return f"{counter}{{{told}}}"


@pytest.fixture
def told(tools, tmp_path):
    """Asks promtool whether a page says these lines, but for what to do and where to look."""

    def check(name, configuration, *, step, series, at, lines, labels=None):
        group = rule_groups(configuration)[name]
        (rule,) = (r for r in group["rules"] if r.get("labels", {}).get("severity") == "page")
        told = {"alert": rule["alert"], "expr": rule["expr"], "labels": {}}
        told |= {"for": rule["for"]} if "for" in rule else {}
        written = rule["annotations"]["description"].splitlines()
        begin = next(n for n, line in enumerate(written) if line.startswith("First:"))
        kept = "\n".join([*written[:begin], written[-1]])
        others = [each for each in group["rules"] if "record" in each]
        rules = [*others, told | {"annotations": {"description": kept}}]
        given = {"groups": [{"name": "g", "rules": rules}]}
        (tmp_path / "rules.json").write_text(json.dumps(given))
        said = {"description": "\n".join(lines)}
        expected = {"exp_labels": labels or {}, "exp_annotations": said}
        test = {
            "interval": step,
            "input_series": [{"series": key, "values": value} for key, value in series.items()],
            "alert_rule_test": [
                {"eval_time": at, "alertname": rule["alert"], "exp_alerts": [expected]}
            ],
        }
        content = {"rule_files": ["rules.json"], "evaluation_interval": step, "tests": [test]}
        (tmp_path / "tests.json").write_text(json.dumps(content))
        done = subprocess.run(
            [tools("promtool"), "test", "rules", tmp_path / "tests.json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (done.stdout + done.stderr).replace("\\n", "\n")

    return check


def test_a_burning_budget_says_how_many_where_and_what_is_left(told):
    """The pipeline with most failures is first; a budget that is gone says how often."""
    told(
        "slo-training-success",
        load_configuration(),
        step="30m",
        series={
            roots("nightly", "success"): "0+1x20",
            roots("nightly", "failure"): "0x6 1 2 3 4x11",
            roots("weekly", "failure"): "0x8 1x12",
        },
        at="5h",
        lines=[
            "Runs or requests fail far more often than was promised.",
            "Promised: Training runs reach their planned end (95 % in 28d).",
            "5 of 9 runs failed in the last 2h.",
            "Most failures of the last day: nightly 4, weekly 1.",
            "Budget left: gone, spent 6.7 times (5 of 15 runs in 28d).",
            "Still spending: 3 of 5 failed in the last hour.",
            "Provider: no device is known to be out of service.",
            (
                "At 10 a day this page is false 0.10 times in 28 days, and comes after a median of "
                "29.7 h at 25%, 13.1 h at 50%, 6.3 h at 100% failing."
            ),
        ],
    )


def test_a_spent_budget_that_burns_on_says_so(told):
    """Where no window is evidence by itself, the whole one is told."""
    told(
        "slo-training-success",
        load_configuration(),
        step="1d",
        series={
            roots("nightly", "success"): "0+375x28",
            roots("nightly", "failure"): "0+25x28",
        },
        at="28d",
        lines=[
            "Runs or requests fail far more often than was promised.",
            "Promised: Training runs reach their planned end (95 % in 28d).",
            "175 of 2800 runs failed in the last 7d, and in 28d more than by chance.",
            "Most failures of the last day: nightly 25.",
            "Budget left: gone, spent 1.2 times (700 of 11200 runs in 28d).",
            "Still spending: 0 of 0 failed in the last hour.",
            "Provider: no device is known to be out of service.",
            (
                "At 10 a day this page is false 0.10 times in 28 days, and comes after a median of "
                "29.7 h at 25%, 13.1 h at 50%, 6.3 h at 100% failing."
            ),
        ],
    )


def test_compilations_that_fail_say_since_when_and_what_changed(told):
    """The shortest window that holds the failures is told, and the models that are new to it."""
    failures = {"3": "0x3 1 2 3x4", "4": "0x3 1 1 1x4"}
    series = {
        job(name, version, further): values
        for version, values in failures.items()
        for name, further in (
            ("qgm_jobs_total", 'outcome="failure"'),
            ("qgm_job_errors_total", 'stage="compile",error_class="compile"'),
        )
    }
    for slo, failed in (("a", 1), ("b", 0), ("c", 50), ("d", 4), ("e", 2)):
        series |= {key % slo: values for key, values in SPENT.items()}
        series[f'qgm:slo_errors:count{{slo="{slo}",window="28d"}}'] = f"{failed}x20"
    told(
        "trend-compilations",
        load_configuration(),
        step="10m",
        series=series,
        at="50m",
        labels={
            "pipeline": "nightly",
            "provider": "ibm",
            "device": "ibm_fez",
            "region": "us-east",
        },
        lines=[
            "No circuit of this pipeline compiles: nothing of it runs.",
            (
                "The last 3 compilations failed, all of them in the last 20m. Changed in the last "
                "day: calibration 0 times; models that fail for the first time: qcbm 3, qcbm 4; "
                "compiler, SDK and encoding stand in the records of the runs."
            ),
            "Budget left: c gone, spent 10.0 times, d 20%, e 60%.",
            "Still spending: 0 of its jobs are in flight.",
            "Provider: no device is known to be out of service.",
            (
                "How often this page is false: not known: it tells a state, and is as good as what "
                "the provider or journal says."
            ),
        ],
    )


def test_an_outage_names_the_devices_that_are_out(told):
    """Each device that is not online stands there with its state; all budgets are whole."""
    state = 'qgm_device_state{{provider="ibm",device="{}",device_state="{}"}}'
    told(
        "device",
        load_configuration(),
        step="1m",
        series={
            'qgm_provider_up{provider="ibm",account="a"}': "1x3 0x9",
            state.format("ibm_fez", "offline"): "0x3 1x9",
            state.format("ibm_oslo", "paused"): "0x3 1x9",
        },
        at="9m",
        labels={"provider": "ibm"},
        lines=[
            "No quantum device can be used, and there is none to fall back to.",
            (
                "For three minutes it has not answered, or no device of it was online; nor was "
                "one of another watched provider."
            ),
            "Budget left: no objective is known to have spent any.",
            "Still spending: 0 of its jobs are in flight.",
            "Provider: ibm_fez offline, ibm_oslo paused.",
            (
                "Expected to be false when the exporter has no network of its own: look at its "
                "page first."
            ),
        ],
    )


def test_a_cap_says_what_is_spent_and_how_fast(told):
    """Money in the window and in the last hour, and what of it is left."""
    (spend,) = (each for each in shipped() if each.name == "quantum-spend")
    configuration = load_configuration()
    paging = replace(configuration, objectives=(replace(spend, severity="page"),))
    told(
        "slo-quantum-spend",
        paging,
        step="10m",
        series={
            f'qgm_cost_usd_total{{{WORK},{PLACE},pipeline="nightly",basis="billed"}}': "0+150x9"
        },
        at="1h20m",
        lines=[
            "The money for this window is spent, or will be within two hours.",
            "Promised: Quantum work costs no more than 1,000 USD in 28 days (28d).",
            "1200.00 of 1000 USD spent in the last 28d.",
            "Budget left: gone, spent 1.2 times (1000 USD in 28d).",
            "Still spending: 900.00 USD in the last hour.",
            "Provider: no device is known to be out of service.",
            "No chance is behind it: it is as good as the estimates and bills that it adds up.",
        ],
    )
