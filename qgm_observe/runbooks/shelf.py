"""The shelf `runbooks/`: a page an alert, two playbooks, an index by severity and failure mode."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.alerts.table import ALERTS, FULL, Alert
from qgm_observe.runbooks.page import BEGIN, END, MODES, body_of, empty_body, head

INDEX = "README.md"
PLAYBOOKS = {
    "provider-outage.md": "a provider, or a device that everything rests on, is gone",
    "major-budget-breach.md": "an objective's budget is gone, or will be within the day",
}
"""Written by people from the first line to the last."""


def render(configuration: Configuration) -> Mapping[str, str]:
    """Return the files of the shelf, by their place on it; bodies are those that are shipped."""
    holds = _holds(configuration)
    pages = {
        f"{alert.name}.md": head(alert, configuration, holds.get(alert.name, "")) + _body(alert)
        for alert in ALERTS
    }
    books = {name: text for name in PLAYBOOKS if (text := _shipped(name)) is not None}
    return {INDEX: _index() + (body_of(_shipped(INDEX) or "") or ""), **pages, **books}


def merged(there: str | None, rendered: str) -> str:
    """Return a rendered file with what people wrote into the file that is there.

    Below the generated part their text is kept; a file without such a part is theirs as a whole.
    """
    if there is None:
        return rendered
    theirs = body_of(there)
    generated, mark, _ = rendered.partition(END)
    return f"{generated}{mark}\n{theirs}" if mark and theirs is not None else there


def _body(alert: Alert) -> str:
    return body_of(_shipped(f"{alert.name}.md") or "") or empty_body()


def _shipped(name: str) -> str | None:
    package = Path(__file__).parents[1]
    inside = package / "_shelves"
    path = (inside if inside.is_dir() else package.parent) / "runbooks" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _holds(configuration: Configuration) -> dict[str, str]:
    """Return for how long each alert's condition has to hold, in every profile."""
    written = configuration.written.model_copy(update={"profile": FULL})
    groups = rule_groups(replace(configuration, written=written))
    rules = [rule for group in groups.values() for rule in group.get("rules", ())]
    return {rule["alert"]: rule["for"] for rule in rules if "alert" in rule and "for" in rule}


# ----------------------------------------------------------------------------------------- index


def _index() -> str:
    lines = [BEGIN, "# Runbooks", "", *_severities(), *_modes(), "## Playbooks", ""]
    lines += [f"- [{name.removesuffix('.md')}]({name}): {why}" for name, why in PLAYBOOKS.items()]
    return "\n".join([*lines, "", END, ""])


def _severities() -> Iterator[str]:
    yield "## By severity"
    yield ""
    yield "| alert | severity | act | owner | profile | users lose |"
    yield "|---|---|---|---|---|---|"
    for each in sorted(ALERTS, key=lambda alert: ("page", "ticket", "info").index(alert.severity)):
        act = each.urgency.replace("-", " ")
        cells = (_link(each), each.severity, act, each.owner, each.profile, each.loses)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _modes() -> Iterator[str]:
    yield "## By failure mode"
    yield ""
    yield "| mode | alerts |"
    yield "|---|---|"
    for mode, name in MODES.items():
        found = ", ".join(_link(each) for each in ALERTS if mode in each.modes)
        yield f"| {mode} {name} | {found} |"
    yield ""


def _link(alert: Alert) -> str:
    return f"[{alert.name}]({alert.name}.md)"
