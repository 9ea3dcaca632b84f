"""Rules evaluated over data of the past, as a Prometheus that was there would have recorded them.

A real Prometheus answers every expression; what it answers is stored as the rule's series. Rules
that rest on recorded ones come in a later round. An alert is stored as `ALERTS` where its
expression held for its `for`, looked at each minute, and since when as `ALERTS_FOR_STATE`;
`keep_firing_for` is left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from qgm_observe.alerts import shelf
from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.slo.prometheus import Prometheus

from .month import END, HOUR, START
from .recorded import NEAR, WEEK, backfill, running, samples

Rule = dict[str, Any]
SPANS = ((START, WEEK, 6 * HOUR), (WEEK, NEAR - HOUR, HOUR), (NEAR, END, 300.0))
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TEMPLATE = re.compile(r"\{\{ with \$labels\.(\w+) \}\}.*?\{\{ else \}\}(\w+)\{\{ end \}\}")


def evaluate(
    groups: Sequence[Mapping[str, Any]], data: Path, prometheus: Path, promtool: Path
) -> None:
    """Record rules over the month, as often as there are samples."""
    for rules in rounds(groups):
        with running(prometheus, data) as url, ThreadPoolExecutor(2) as pool:
            server = Prometheus(url)
            told = pool.map(partial(_recorded, server), rules)
            lines = [line for each in told for line in each]
        backfill(promtool, lines, data)


def rounds(groups: Sequence[Mapping[str, Any]]) -> Iterator[list[Rule]]:
    """Yield rules such that each rests on rules of earlier rounds alone."""
    left = [_recording(rule) for group in groups for rule in group["rules"]]
    while left:
        waiting = {rule["record"] for rule in left}
        pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(waiting)))
        now = [rule for rule in left if not set(pattern.findall(rule["expr"])) - {rule["record"]}]
        assert now, f"rules rest on one another: {sorted(waiting)}"
        yield now
        left = [rule for rule in left if rule not in now]


def _recording(rule: Mapping[str, Any]) -> Rule:
    if "record" in rule:
        return dict(rule)
    expr, held = f"({rule['expr']})", _seconds(rule.get("for", "0s"))
    if held:
        expr = f"(count_over_time({expr}[{held}s:1m]) >= {held // 60})"
    labels = {**rule.get("labels", {}), "alertname": rule["alert"], "alertstate": "firing"}
    return {"record": "ALERTS", "expr": f"{expr} * 0 + 1", "labels": labels}


def _seconds(text: str) -> int:
    parts = re.findall(r"(\d+)([smhd])", text)
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def _recorded(server: Prometheus, rule: Rule) -> list[str]:
    lines = []
    for start, end, step in SPANS:
        for found, points in server.matrix(rule["expr"], start, end, step):
            labels = found | {
                name: _TEMPLATE.sub(lambda part, found=found: found.get(part[1]) or part[2], text)
                for name, text in rule.get("labels", {}).items()
            }
            labels.pop("__name__", None)
            lines += _text(rule["record"], labels, points)
            if rule["record"] == "ALERTS":
                del labels["alertstate"]
                lines += _text("ALERTS_FOR_STATE", labels, list(_since(points, step)))
    return lines


def _since(points: Sequence[tuple[float, float]], step: float) -> Iterator[tuple[float, float]]:
    """When an alert that fires began to."""
    began = before = float("-inf")
    for at, _ in points:
        began = began if at - before <= step else at
        before = at
        yield at, began


def _text(name: str, labels: Mapping[str, str], points: Sequence[tuple[float, float]]) -> list[str]:
    inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return [f"{name}{{{inner}}} {value!r} {at:.0f}\n" for at, value in points]


def record(folder: Path, prometheus: Path, promtool: Path) -> None:
    """Make the month in `folder/data`: what was scraped, then what rules say of it."""
    data = folder / "data"
    backfill(promtool, samples(folder), data)
    texts = shelf.render(load_configuration(None, {}))
    rules = [yaml.safe_load(text) for place, text in texts.items() if place.startswith("rules/")]
    evaluate([group for each in rules for group in each["groups"]], data, prometheus, promtool)
