"""Objectives as a Prometheus' rules hold them: what an alert is about, where its file is not known.

Only what our own rules record is read: counts of what counted and of what was bad, and the budget.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import SIGNALS, Kind
from qgm_observe.errors import UsageError
from qgm_observe.runbooks.scope import NO_VALUE
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Unit
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.promql import FIRST
from qgm_observe.slo.window import Window

EVENTS, ERRORS, BUDGET = "qgm:slo_events:count", "qgm:slo_errors:count", "qgm:slo_budget:ratio"
"""What rules record of an objective on counts."""

_SELECTOR = re.compile(r'(?<![\w:])(qgm_\w+)\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}')
_CONDITION = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
_SHARE = re.compile(r"vector\(([\d.]+)\)")
_FACTOR = re.compile(r"[\d.]+ \* clamp_min")
_NAMES = {signal.prometheus: signal for signal in SIGNALS.values()}


def evaluated(server: Prometheus, known: Iterable[Objective]) -> tuple[list[Objective], list[str]]:
    """Return the objectives that a Prometheus evaluates, and the names of those that nobody knows.

    Those of minutes, of money, in `burnrate` or with a factor only their files tell.

    Args:
        server: Where it evaluates none but these by name, all that are known are returned.
        known: Taken where the rules count the same, or do not tell what they count.

    Raises:
        UsageError: the server cannot be asked, or tells no rules.
    """
    rules = server.rules()
    told = {rule.get("labels", {}).get("slo", "") for rule in rules if _is_ours(rule)}
    by_name = {each.name: each for each in known}
    names = told - NO_VALUE
    wanted = names if names - by_name.keys() else by_name.keys() | set()
    for each in _read(rules):
        here = by_name.get(each.name)
        if here is None or not _is_same(here, each):
            by_name[each.name] = each
    found = [each for name, each in by_name.items() if name in wanted]
    return found, sorted(names - by_name.keys())


def _is_ours(rule: Mapping[str, Any]) -> bool:
    name = str(rule.get("name", ""))  # of first samples trends record some as well
    return name.startswith(("qgm:", "slo:")) and not name.startswith(FIRST)


def _is_same(one: Objective, other: Objective) -> bool:
    """Return whether two count the same, and promise the same of it."""
    if not (isinstance(one.indicator, Ratio) and isinstance(other.indicator, Ratio)):
        return False
    parts = [
        [{(m.label, frozenset(m.values), m.negated) for m in each.matchers} for each in part]
        for indicator in (one.indicator, other.indicator)
        for part in (indicator.total, indicator.good)
    ]
    promises = [(each.target, each.window) for each in (one, other)]
    return promises[0] == promises[1] and parts[:2] == parts[2:]


def _read(rules: Iterable[Mapping[str, Any]]) -> list[Objective]:
    by_slo: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for rule in rules:
        slo = rule.get("labels", {}).get("slo")
        if slo and rule.get("name") in (EVENTS, ERRORS, BUDGET):
            by_slo[slo][rule["name"]] = rule
    found = (_objective(slo, rules) for slo, rules in sorted(by_slo.items()))
    return [each for each in found if each is not None]


def _objective(slo: str, rules: Mapping[str, Mapping[str, Any]]) -> Objective | None:
    if rules.keys() != {EVENTS, ERRORS, BUDGET}:
        return None
    counted, bad = str(rules[EVENTS]["query"]), str(rules[ERRORS]["query"])
    share = _SHARE.fullmatch(str(rules[BUDGET]["query"]))
    if share is None or _FACTOR.search(counted) or _FACTOR.search(bad):
        return None
    try:
        total = tuple(_selections(counted))
        good = tuple(each for each in _selections(bad) if each not in total)
        return Objective(
            name=slo,
            service=str(rules[BUDGET]["labels"].get("service", "")),
            brief="",
            indicator=Ratio(Unit.RUN, good, total),
            target=1 - Decimal(share[1]),
            window=Window(str(rules[BUDGET]["labels"]["window"])),
        )
    except (LookupError, UsageError):  # rules of other hands, or of another version
        return None


def _selections(query: str) -> Iterator[Selection]:
    for name, conditions in dict.fromkeys(_SELECTOR.findall(query)):
        signal = _NAMES.get(name) or _NAMES[name.rpartition("_")[0]]
        told = _CONDITION.findall(conditions)
        bound = next((float(value) for label, _, value in told if label == "le"), None)
        chosen = tuple(_matchers(told))
        yield Selection(signal, chosen, bound if signal.kind is Kind.HISTOGRAM else None)


def _matchers(conditions: Iterable[tuple[str, str, str]]) -> Iterator[Matcher]:
    for label, operator, text in conditions:
        if label in ("source", "le"):
            continue
        value = re.sub(r"\\(.)", r"\1", text)
        values = [value]
        if "~" in operator:
            values = [re.sub(r"\\(.)", r"\1", each) for each in re.split(r"(?<!\\)\|", value)]
        yield Matcher(label, tuple(values), negated=operator.startswith("!"))
