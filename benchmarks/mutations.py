"""Do the rendered tests notice a wrong rule? Each clause of each rule template is broken in turn.

A template is what one line of code renders: all windows of a recorded count are one, and so is a
selector that an expression repeats. What is broken: each side of `and`, `or` and `unless` is left
out; comparisons are turned around, and `>` becomes `>=`; sums become maxima, maxima minima, and
other functions their like; additions become subtractions, multiplications divisions; numbers are
doubled and halved; ranges, offsets, resolutions and holds made four times as long and as short;
matchers, each of their values, each label of `by` and `on`, and `on ()`, `group_left ()` and
`@ end()` left out; labels that a rule sets are changed; whole rules left out. The promtool tests
that are rendered for the very objective or cause then have to fail. What survives is printed, and
is an error.

    python benchmarks/mutations.py [--quick] [--json] [--only FILE]
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from clauses import SECONDS, of_rule

from qgm_observe.alerts.budget import ERRORS
from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import render
from qgm_observe.slo.promql import FIRST

_HOLD_FACTOR = 16
PROMTOOL = Path(__file__).parents[1] / ".tools" / "bin" / "promtool"
CHOSEN = (
    "training-success",
    "inference-latency",
    "training-in-flight",
    "provider-api",
    "provider-submissions",
    "calibration-age",
    "training-state",
    "training-modes",
    "compile-time-usual",
    "fidelity-residual",
    "inference-xeb",
    "training-valid-shots",
    "inference-sample-cost",
)
"""Shipped objectives of each form: a page by score, histograms, calls by burn rate, shots by two
signals, money a sample; minutes of levels, ages and verdicts, against numbers, levels, quantiles.
"""

OWN = """\
objectives:
  - name: paged-burn
    service: inference
    brief: Requests are answered.
    unit: request
    good: {signal: qgm.roots, match: {kind: inference, outcome: success}}
    total: {signal: qgm.roots, match: {kind: inference, outcome: [success, failure]}}
    target: 99 %
    window: 30d
    method: burnrate
  - name: rare
    service: training
    brief: Rare runs reach their end.
    unit: run
    good: {signal: qgm.roots, match: {outcome: success}}
    total: {signal: qgm.roots, match: {outcome: [success, failure, timeout, lost]}}
    target: 99 %
    events_per_day: 5
  - name: money
    service: training
    brief: Training stays within its money.
    unit: money
    spent: {signal: qgm.cost, match: {kind: training, basis: estimated}}
    cap: 500
"""
EXACT = ("slo-training-success", "slo-inference-latency")
"""Where the exact count of a window is broken inside, and what is recorded of first samples:
each is one function's line everywhere."""

AT_LIMIT = ("slo-paged-burn", "slo-provider-api", "slo-provider-submissions")
"""Where `>` is broken for `>=` in an alert on burn rates: there are never minutes enough to have
a share that is just the limit, and it is one function's line everywhere."""


@dataclass(frozen=True)
class Mutant:
    """A file of rules with one clause broken.

    Attributes:
        file: Its name.
        what: Which rule, and how it is broken.
        group: The rules.
        alert: Whose tests are enough, `None` for what several alerts may rest on.
    """

    file: str
    what: str
    group: dict[str, Any]
    alert: str | None = None


# ------------------------------------------------------------------------------------------ rules


def mutants(file: str, group: dict[str, Any]) -> Iterator[Mutant]:
    """Yield every way in which a group is broken, once a template; texts are left out."""
    rules = [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]
    templates: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        if _told(rule) not in _KEPT:
            templates.setdefault(_told(rule), []).append(number)
    for name, numbers in templates.items():
        alert = rules[numbers[0]].get("alert")
        is_whole = name.endswith((":count", "_count", "_total", "_bucket")) and name != ERRORS
        is_exact = file in EXACT and is_whole
        for what, made in _broken([rules[number] for number in numbers], is_exact=is_exact):
            changed = dict(zip(numbers, made, strict=True))
            kept = [changed.get(number, rule) for number, rule in enumerate(rules)]
            kept = [rule for rule in kept if rule and _is_wanted(rule, alert)]
            told = f"{name}: {what}"
            if name.startswith(FIRST) and file not in EXACT:
                continue
            is_burn = alert is not None and "slo:sli_error" in str(rules[numbers[0]]["expr"])
            if is_burn and told.endswith("becomes >=") and file not in AT_LIMIT:
                continue
            if not any(re.search(each, f"{file} {told}") for each in EQUIVALENT):
                yield Mutant(file, told, group | {"rules": kept}, alert)


def _told(rule: dict[str, Any]) -> str:
    told = rule.get("record") or " ".join(
        [rule["alert"], *(rule["labels"].get(each, "") for each in ("lost", "seen_by"))]
    )
    return re.sub(r"_rate\w+$", "", told).strip()


def _is_wanted(rule: dict[str, Any], alert: str | None) -> bool:
    """Leave other alerts out, which rest on nothing of this one."""
    return alert is None or rule.get("alert", alert) == alert


Rules = list[dict[str, Any]]


def _broken(rules: Rules, *, is_exact: bool) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    """Yield the rules of a template with the same clause broken in each; an empty one is none."""
    yield "left out", [{} for _ in rules]
    if _told(rules[0]) == _WATCHDOG:
        return
    edits = [list(of_rule(str(rule["expr"]), is_exact)) for rule in rules]
    for number, (what, _) in enumerate(edits[0]):
        yield what, [r | {"expr": e[number][1]} for r, e in zip(rules, edits, strict=True)]
    for part in ("for", "keep_firing_for"):
        if part in rules[0]:
            yield f"without `{part}`", [{k: v for k, v in r.items() if k != part} for r in rules]
            longer = [r | {part: _times(r[part], _HOLD_FACTOR)} for r in rules]
            yield f"longer `{part}`", longer
    for label in rules[0].get("labels", {}):
        if not label.startswith("sloth_"):
            wrong = [r | {"labels": r["labels"] | {label: "wrong"}} for r in rules]
            yield f"another {label}", wrong


def _times(span: str, factor: int) -> str:
    return f"{int(span[:-1]) * SECONDS[span[-1]] * factor}s"


_WATCHDOG = "QgmWatchdog"
"""Of `vector(1)` any number does the same."""

EQUIVALENT = {
    r"^(?!slo-inference-latency ).*slo_errors:count: .*, «0»\) becomes -1$": "what is good is "
    "counted among all in one signal, so that there are never fewer than none",
    r'slo_score:max: .* drop window=~"30m.*1d"$': "the windows left out before are then 3d's own: "
    "with the weights of 95 % its evidence is below -2 as well, and one of 30m is above",
    r'slo_score:max: qgm:slo_score:llr.* drop window="7d"$': "where no window vetoes that of 7d, "
    "none vetoes another, so that the evidence of all of them is there already",
    r"-(in-flight|state|modes|age|usual|xeb|residual) slo:sli_error:ratio: .* becomes (-1|>=)$": (
        "minutes that do not count are no sample and never 0, so that nothing is divided by it"
    ),
    r"-(modes|residual) qgm:slo_slice:(good|counted): qgm_quality_\w+.*: drop \w+=": "both sides "
    "match on all labels, so that what is asked of one holds of the other; left out of both it is "
    "noticed",
    r"«>=» -Inf\).* becomes >$": "no quantile is -Inf, all others are above",
    r"-usual qgm:slo_slice:good: .*«>=» \(3.* becomes >$": "quantiles are quotients of rates, just "
    "so many times another but by rounding; of gauges the same function's line is tried",
    r"Qgm(LayoutEdgeDisabled: count .* max|QualityDrift: max .* statistic\) .* min)$|"
    r"Qgm(Consec|Comp)\w+: max .* min$": "the alert fires when there is any; which number of "
    "several is told, or how many there are, stands in its text alone",
    r"slo_score:threshold: sum.* max$|(slo_threatened:count|QgmSloBurnPage): max\(.* min$|"
    r"QgmSloBurnTicket: max\(qgm:slo_errors.* min$": "one rule records one series of a window",
    r"QgmSloBurnPage: .*«>» on \(\) qgm:s.* becomes >=$": "evidence has six decimals, and a "
    "threshold of 0.5 + 0.5 ln of a whole number above 1 is irrational",
    r"QgmSloBurnTicket: .*\) «>» 2 .* becomes >=$": "in millionths evidence is 747214 E - "
    "54067 N, a multiple of 13, and 2 is none",
    r"QgmTelemetryLost events: sum .* max$": "what is lost has no labels, so that there is one",
    r"slo_first:\w+: \[5m becomes 1200s$": "a first sample that is looked for longer is told more "
    "than once, and what is told twice counts once",
}
"""Broken rules that do the same on all that can happen, and why; they are not counted."""

_KEPT = {
    "qgm:slo_budget:ratio",
    "slo:objective:ratio",
    "slo:error_budget:ratio",
    "slo:time_period:days",
    "slo:current_burn_rate:ratio",
    "slo:period_burn_rate:ratio",
    "slo:period_error_budget_remaining:ratio",
    "sloth_slo_info",
}
"""What no alert rests on; it is compared to literals in tests/alerts/test_burn_rules.py."""


# ------------------------------------------------------------------------------------------ trying


class Bench:
    """Runs the tests of a file on broken rules, those first that have noticed the most.

    Args:
        rendered: The shelf.
    """

    def __init__(self, rendered: dict[str, str]) -> None:
        self._rendered = rendered
        self._noticed: dict[str, Counter[str]] = defaultdict(Counter)

    def is_noticed(self, mutant: Mutant) -> bool:
        """Return whether a test fails; a rule that cannot be read is noticed as well."""
        tests = _tests(self._files(mutant.file), mutant.alert)
        noticed = self._noticed[mutant.file + mutant.what.partition(": ")[0]]
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            rules = {"groups": [mutant.group]}
            (folder / "rules.yml").write_text(json.dumps(rules), encoding="utf-8")
            name = mutant.what.partition(": ")[0]
            order = sorted(tests, key=lambda t: (-noticed[t], name not in t, len(t)))
            for test in order:
                (folder / "test.yml").write_text(test, encoding="utf-8")
                words = [PROMTOOL, "test", "rules", folder / "test.yml"]
                if subprocess.run(words, capture_output=True, check=False, timeout=120).returncode:
                    noticed[test] += 1
                    return True
        return False

    def _files(self, file: str) -> tuple[str, ...]:
        return tuple(
            text
            for place, text in self._rendered.items()
            if place.startswith("tests/") and f"../rules/{file}.yml" in text
        )


@cache
def _tests(files: tuple[str, ...], alert: str | None) -> tuple[str, ...]:
    """Return each test that asks for an alert as a file of its own, in JSON."""
    asked = "" if alert is None else f'alertname="{alert}"'
    found = []
    for text in files:
        document = yaml.safe_load(text) | {"rule_files": ["rules.yml"]}
        chosen = [_of_alert(each, alert) for each in document["tests"] if asked in _plain(each)]
        found += [json.dumps(document | {"tests": [each]}) for each in chosen]
    return tuple(found)


def _of_alert(test: dict[str, Any], alert: str | None) -> dict[str, Any]:
    """Leave out what is asked of other alerts, whose rules are left out."""
    if alert is None:
        return test
    asked = [
        each
        for each in test["promql_expr_test"]
        if set(re.findall(r'alertname="(\w+)"', each["expr"])) <= {alert}
    ]
    return test | {"promql_expr_test": asked}


def _plain(test: dict[str, Any]) -> str:
    return json.dumps(test).replace("\\", "")


def shelf(names: tuple[str, ...] = CHOSEN) -> dict[str, str]:
    """Return the rendered shelf with all alerts, and objectives of each form."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "own.yml").write_text(OWN, encoding="utf-8")
        (folder / "config.yml").write_text(
            "profile: full\nobjectives: [own.yml]\n", encoding="utf-8"
        )
        own = render(load_configuration(folder / "config.yml"))
    shipped = render(load_configuration())
    chosen = {
        place: text
        for place, text in shipped.items()
        if any(re.search(rf"/slo-{name}(-\d+[mhd])?\.yml$", place) for name in names)
    }
    return {**own, **chosen}


def all_mutants(rendered: dict[str, str], only: str | None = None) -> list[Mutant]:
    """Return the mutants of all rule files, or of one."""
    found: list[Mutant] = []
    for place, text in rendered.items():
        file = place.removeprefix("rules/").removesuffix(".yml")
        if place.startswith("rules/") and only in {None, file}:
            found += mutants(file, yaml.safe_load(text)["groups"][0])
    return found


def wholes(rendered: dict[str, str], only: str | None = None) -> list[Mutant]:
    """Return the rules of each file, and of each alert in it, with nothing broken."""
    found: list[Mutant] = []
    for place, text in rendered.items():
        file = place.removeprefix("rules/").removesuffix(".yml")
        if not place.startswith("rules/") or only not in {None, file}:
            continue
        group = yaml.safe_load(text)["groups"][0]
        alerts = {rule.get("alert") for rule in group["rules"]}
        for alert in sorted(filter(None, alerts)):
            kept = [rule for rule in group["rules"] if _is_wanted(rule, alert)]
            found.append(Mutant(file, f"{alert}: whole", group | {"rules": kept}, alert))
        found.append(Mutant(file, "all: whole", group))
    return found


def measured(only: str | None, every: int) -> tuple[list[Mutant], list[Mutant]]:
    """Return all mutants that were tried, and those that no test noticed."""
    rendered = shelf()
    tried = all_mutants(rendered, only)[::every]
    sys.stderr.write(f"{len(tried)} broken rules\n")
    bench = Bench(rendered)
    with ThreadPoolExecutor(2) as pool:
        whole = wholes(rendered, only)
        for each, is_failing in zip(whole, pool.map(bench.is_noticed, whole), strict=True):
            if is_failing:
                sys.exit(f"{each.file} {each.what}, nothing is broken, and yet a test fails")
        noticed = list(pool.map(bench.is_noticed, tried))
    return tried, [mutant for mutant, is_in in zip(tried, noticed, strict=True) if not is_in]


def main() -> int:
    """Print how many mutants the tests notice, file by file, and those that they do not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every fifth mutant")
    parser.add_argument("--only", metavar="FILE", help="rules of one file, such as device")
    parser.add_argument("--json", action="store_true", help="for machines")
    args = parser.parse_args()
    began = time.monotonic()
    tried, survivors = measured(args.only, 5 if args.quick else 1)
    of_file, lost = (Counter(each.file for each in found) for found in (tried, survivors))
    if args.json:
        files = {file: {"tried": n, "noticed": n - lost[file]} for file, n in of_file.items()}
        print(json.dumps({"files": files, "not": [each.what for each in survivors]}, indent=2))
        return 1 if survivors else 0
    for each in survivors:
        print(f"not noticed  {each.file}  {each.what}")
    for file, number in sorted(of_file.items()):
        print(f"{file:<28} {number - lost[file]:>5} of {number}")
    killed, seconds = len(tried) - len(survivors), time.monotonic() - began
    print(
        f"{killed} of {len(tried)} broken rules are noticed by the rendered tests ({seconds:.0f} s)"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
