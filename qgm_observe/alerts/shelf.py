"""The shelf `alerts/`: rule files, their promtool tests, PrometheusRule objects, Alertmanager."""

from collections.abc import Iterator, Mapping
from typing import Any

from qgm_observe.alerts import cause_trials, causes, objective_trials, rules, trends
from qgm_observe.alerts.alertmanager import alertmanager
from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.readme import readme
from qgm_observe.alerts.sample import sample
from qgm_observe.alerts.scenario import Trial
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.catalog.yaml_text import yaml_text
from qgm_observe.slo import loading
from qgm_observe.slo.window import shorthand

HEAD = (
    "# rendered by qgm-observe render DIR --only alerts; change the configuration, not this file\n"
)


def render(configuration: Configuration) -> Mapping[str, str]:
    """Return the files of the shelf, by their place on it."""
    groups = rule_groups(configuration)
    objects = "---\n".join(yaml_text(_custom(name, group)) for name, group in groups.items())
    alerts = {alert for group in groups.values() for alert in _alerts_of(group)}
    return {
        "README.md": readme(configuration, alerts),
        "alertmanager.yml": HEAD + yaml_text(alertmanager(configuration)),
        "config.yml": sample(Written),
        "kubernetes/prometheusrules.yml": HEAD + objects,
        "shipped-objectives.yml": loading.shipped_text(),
        **{f"rules/{name}.yml": _rule_file(group) for name, group in groups.items()},
        **dict(_test_files(configuration, groups)),
    }


def rule_groups(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """Return every rule group by the name of its file, without `.yml`."""
    found = {
        f"slo-{each.name}": rules.group(each, configuration) for each in configuration.objectives
    }
    return found | trends.groups(configuration) | causes.groups(configuration)


def _rule_file(group: dict[str, Any]) -> str:
    return HEAD + yaml_text({"groups": [group]})


def _custom(name: str, group: dict[str, Any]) -> dict[str, Any]:
    """Return the object that prometheus-operator takes."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": f"qgm-{name}",
            "labels": {"app.kubernetes.io/part-of": "qgm-observe"},
        },
        "spec": {"groups": [group]},
    }


def _test_files(
    configuration: Configuration, groups: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    selectors = Selectors(configuration)
    for objective in configuration.objectives:
        name = f"slo-{objective.name}"
        by_step: dict[float, list[Trial]] = {}
        for trial in objective_trials.trials(objective, selectors, groups[name]["rules"]):
            by_step.setdefault(trial.step, []).append(trial)
        for number, (seconds, found) in enumerate(by_step.items()):
            yield _test_file(f"{name}-{shorthand(seconds)}" if number else name, name, found)
    rendered = {name: _alerts_of(group) for name, group in groups.items()}
    files: dict[tuple[str, str], list[Trial]] = {}
    for trial in cause_trials.trials(configuration):
        for name, alerts in rendered.items():
            if trial.alert in alerts and not name.startswith("slo-"):
                files.setdefault((name, shorthand(trial.step)), []).append(trial)
    for (name, step), found in files.items():
        yield _test_file(f"{name}-{step}", name, found)


def _alerts_of(group: dict[str, Any]) -> set[str]:
    return {rule["alert"] for rule in group["rules"] if "alert" in rule}


def _test_file(name: str, rules: str, found: list[Trial]) -> tuple[str, str]:
    document: dict[str, Any] = {
        "rule_files": [f"../rules/{rules}.yml"],
        "evaluation_interval": shorthand(found[0].step),
        "tests": _together([test for each in found for test in each.tests()]),
    }
    return f"tests/{name}.yml", HEAD + yaml_text(document)


def _together(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the same course once, whatever is asked of it and by how many alerts."""
    found: dict[str, dict[str, Any]] = {}
    for test in tests:
        course = {key: value for key, value in test.items() if key != "promql_expr_test"}
        same = found.setdefault(repr(course), {**course, "promql_expr_test": []})
        asked = same["promql_expr_test"]
        asked += [each for each in test["promql_expr_test"] if each not in asked]
    return list(found.values())
