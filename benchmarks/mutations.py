"""Do the rendered tests notice a wrong rule? Each clause of each rule template is broken in turn.

A template is what one line of code renders: all windows of a recorded count are one. A clause is
dropped, turned around, or changed in its number; the promtool tests that are rendered for the very
objective or cause then have to fail. What survives is printed.

    python benchmarks/mutations.py [--quick] [--json] [--only FILE]
"""

import argparse
import copy
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import render

PROMTOOL = Path(__file__).parents[1] / ".tools" / "bin" / "promtool"
CHOSEN = ("training-success", "inference-latency", "training-in-flight", "provider-api")
"""Shipped objectives of each form: a page by score, a histogram, minutes, calls by burn rate."""

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
_SET = re.compile(r"\b(unless|and|or)\b")
_COMPARED = re.compile(r"(?<=[ )])(==|!=|>=|<=|>|<)(?= )")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_NUMBER = re.compile(r"(?<![\w.\"\[])(\d+(?:\.\d+)?)(?![\w.\"])")
_TURNED = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<", "<=": ">"}
_WINDOW = re.compile(r'window=~?"[^"]*"|\b\d+[mhd]\b')


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


def changes(expression: str) -> Iterator[tuple[str, str]]:
    """Yield what is done to an expression, without its windows, and the expression that results."""
    for found in _SET.finditer(expression):
        end = _end_of_operand(expression, found.end())
        text = expression[: found.start()].rstrip() + expression[end:]
        dropped = " ".join(expression[found.start() : end].split())
        yield f"drop {_WINDOW.sub('W', dropped)[:90]}", text
    for found in _COMPARED.finditer(expression):
        turned = _TURNED[found[0]]
        text = expression[: found.start()] + turned + expression[found.end() :]
        yield f"{_around(expression, found)} becomes {turned}", text
    for found in _MATCHER.finditer(expression):
        if found[1] not in {"slo", "source"}:
            text = expression[: found.start()] + expression[found.end() :].removeprefix(",")
            yield f"drop {_WINDOW.sub('W', found[0])}", text.replace(",}", "}")
    for found in _NUMBER.finditer(expression):
        if expression[: found.start()].endswith("vector("):
            continue  # of a watchdog any number is one
        number = float(found[1])
        other = number * 10 + 1 if number else 1.0
        text = expression[: found.start()] + f"{other:g}" + expression[found.end() :]
        yield f"{_around(expression, found)} becomes {other:g}", text


def _around(expression: str, found: re.Match[str]) -> str:
    near = expression[max(0, found.start() - 25) : found.end() + 12]
    return _WINDOW.sub("W", " ".join(near.split()))


def _end_of_operand(expression: str, begin: int) -> int:
    """Return where the right side of a set operator ends: at its parenthesis, or the next one."""
    depth = 0
    for place in range(begin, len(expression)):
        if expression[place] in "({[":
            depth += 1
        elif expression[place] in ")}]":
            depth -= 1
            if depth < 0:
                return place
        elif depth == 0 and _SET.match(expression, place) and expression[place - 1].isspace():
            return place
    return len(expression)


def mutants(file: str, group: dict[str, Any]) -> Iterator[Mutant]:
    """Yield every way in which a group is broken, once a template."""
    templates: dict[str, list[int]] = {}
    for number, rule in enumerate(group["rules"]):
        told = rule.get("record") or rule["alert"] + rule["labels"].get("lost", "")
        told += rule["labels"].get("seen_by", "")
        if told not in _KEPT:
            templates.setdefault(re.sub(r"_rate\w+$", "", told), []).append(number)
    for name, numbers in templates.items():
        alert = group["rules"][numbers[0]].get("alert")
        for what, made in _broken(group, numbers):
            yield Mutant(file, f"{name}: {what}", _only(made, alert), alert)


def _broken(group: dict[str, Any], numbers: list[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "left out", _without(group, numbers)
    for what in dict.fromkeys(w for n in numbers for w, _ in changes(_expr(group, n))):
        yield what, _changed(group, numbers, what)
    for part in ("for", "keep_firing_for"):
        if any(part in group["rules"][number] for number in numbers):
            yield f"without `{part}`", _shortened(group, numbers, part)


def _only(group: dict[str, Any], alert: str | None) -> dict[str, Any]:
    """Leave other alerts out, which rest on nothing of this one."""
    if alert is None:
        return group
    kept = [rule for rule in group["rules"] if rule.get("alert", alert) == alert]
    return group | {"rules": kept}


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


def _expr(group: dict[str, Any], number: int) -> str:
    return str(group["rules"][number]["expr"])


def _changed(group: dict[str, Any], numbers: list[int], what: str) -> dict[str, Any]:
    """Do the same to all rules of a template, at each place where it reads the same."""
    made = copy.deepcopy(group)
    for number in numbers:
        expression = _expr(group, number)
        for _ in range(20):
            found = next((text for told, text in changes(expression) if told == what), None)
            if found is None or found == expression:
                break
            expression = found
        made["rules"][number]["expr"] = expression
    return made


def _without(group: dict[str, Any], numbers: list[int]) -> dict[str, Any]:
    kept = [rule for number, rule in enumerate(group["rules"]) if number not in numbers]
    return group | {"rules": kept}


def _shortened(group: dict[str, Any], numbers: list[int], part: str) -> dict[str, Any]:
    made = copy.deepcopy(group)
    for number in numbers:
        made["rules"][number].pop(part, None)
    return made


def is_noticed(mutant: Mutant, tests: dict[str, str]) -> bool:
    """Return whether a test of the file fails; a rule that cannot be read is noticed as well."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "rules").mkdir()
        (folder / "tests").mkdir()
        rules = folder / "rules" / f"{mutant.file}.yml"
        rules.write_text(json.dumps({"groups": [mutant.group]}), encoding="utf-8")
        for place, text in tests.items():
            chosen = _tests(text, mutant.alert)
            if chosen:
                (folder / "tests" / place).write_text(chosen, encoding="utf-8")
        files = sorted((folder / "tests").glob("*.yml"))
        done = subprocess.run(
            [PROMTOOL, "test", "rules", *files], capture_output=True, check=False, timeout=120
        )
    return done.returncode != 0


@cache
def _tests(text: str, alert: str | None) -> str:
    """Return the tests of a file that ask for an alert, as JSON; nothing if there are none."""
    document = yaml.safe_load(text)
    if alert is not None:
        asked = f'alertname="{alert}"'
        document["tests"] = [
            t for t in document["tests"] if asked in json.dumps(t).replace("\\", "")
        ]
    return json.dumps(document) if document["tests"] else ""


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
        if any(place.endswith(f"/slo-{name}.yml") for name in names)
    }
    return {**own, **chosen}


def tests_of(file: str, rendered: dict[str, str]) -> dict[str, str]:
    """Return the rendered tests of a rule file, by name."""
    return {
        place.removeprefix("tests/"): text
        for place, text in rendered.items()
        if place.startswith("tests/") and f"../rules/{file}.yml" in text
    }


def measured(only: str | None, every: int) -> tuple[list[Mutant], list[Mutant]]:
    """Return all mutants that were tried, and those that no test noticed."""
    rendered = shelf()
    tried: list[tuple[Mutant, dict[str, str]]] = []
    for place, text in rendered.items():
        file = place.removeprefix("rules/").removesuffix(".yml")
        if place.startswith("rules/") and only in {None, file}:
            group = yaml.safe_load(text)["groups"][0]
            tests = tests_of(file, rendered)
            tried += [(mutant, tests) for mutant in mutants(file, group)]
    tried = tried[::every]
    sys.stderr.write(f"{len(tried)} broken rules\n")
    with ThreadPoolExecutor(2) as pool:
        noticed = list(pool.map(lambda pair: is_noticed(*pair), tried))
    survivors = [mutant for (mutant, _), is_in in zip(tried, noticed, strict=True) if not is_in]
    return [mutant for mutant, _ in tried], survivors


def main() -> int:
    """Print how many mutants the tests notice, and those that they do not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every fifth mutant")
    parser.add_argument("--only", metavar="FILE", help="rules of one file, such as trends")
    parser.add_argument("--json", action="store_true", help="for machines")
    args = parser.parse_args()
    began = time.monotonic()
    tried, survivors = measured(args.only, 5 if args.quick else 1)
    killed = len(tried) - len(survivors)
    if args.json:
        told = {"tried": len(tried), "noticed": killed, "not": [each.what for each in survivors]}
        print(json.dumps(told, indent=2))
        return 0
    for each in survivors:
        print(f"not noticed  {each.file}  {each.what}")
    seconds = time.monotonic() - began
    print(
        f"{killed} of {len(tried)} broken rules are noticed by the rendered tests ({seconds:.0f} s)"
    )
    return 0 if not survivors else 1


if __name__ == "__main__":
    sys.exit(main())
