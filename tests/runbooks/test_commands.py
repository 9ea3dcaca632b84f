"""Every command that a runbook or an alert names is one of ours and runs from a laptop."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.alerts.table import ALERTS
from qgm_observe.alerts.text import Said, annotations
from qgm_observe.cli import COMMANDS, Parser

SHELF = Path(__file__).parents[2] / "runbooks"
PAGES = sorted(path.name for path in SHELF.glob("*.md"))
ELSEWHERE = re.compile(r"on (that|its own|the) machine", re.IGNORECASE)
REMOTE = {"triage": {"--url"}, "slo": {"--prometheus"}}
"""Command to the option that tells it whom to ask; every other one works on files."""


def parsed(words: list[str]) -> argparse.Namespace:
    """What the real command line reads."""
    name, *rest = words
    parser = Parser(prog=name)
    importlib.import_module(f"qgm_observe.cli.{name}").configure(parser)
    return parser.parse_args(rest)


def blocks(text: str) -> list[str]:
    """Lines of code blocks that are commands of ours."""
    found = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in found for line in block.splitlines() if line.strip()]


def asides(text: str) -> list[tuple[str, str]]:
    """Commands within sentences, with the paragraph or item that they stand in."""
    prose = re.sub(r"```sh\n.*?```", "", text, flags=re.DOTALL)
    return [
        (" ".join(command.split()), item)
        for item in re.split(r"\n\n|\n(?=- |\d+\. )", prose)
        for command in re.findall(r"`(qgm-observe [^`]+)`", item)
    ]


def check_remote(line: str) -> None:
    """Hold that a line is a command of ours that asks an address."""
    program, *words = shlex.split(line)
    assert program == "qgm-observe", line
    assert REMOTE.get(words[0], set()) & set(words), f"asks nobody: {line}"
    parsed(words)


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_blocks_run_from_a_laptop(page: str) -> None:
    """A line to be pasted parses with the real command line and asks an exporter or Prometheus."""
    text = (SHELF / page).read_text()
    found = blocks(text)

    assert found, page
    for line in found:
        check_remote(line)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "README.md"])
def test_commands_for_another_machine_say_so_with_the_reason(page: str) -> None:
    """What works on files or needs keys parses as well, and says where to type it, and why."""
    for command, item in asides((SHELF / page).read_text()):
        words = shlex.split(command)[1:]
        parsed(words)
        assert ELSEWHERE.search(item), f"{page}: where is {command} typed?"
        assert re.search(r"\b(for|which)\b", item), f"{page}: why there?"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_commands_in_alerts_run_from_a_laptop(alert) -> None:
    """What an alert says first and then can be pasted, once Prometheus filled it in."""
    labels = ("pipeline", "device")
    told = annotations(load_configuration(), alert, Said(count="n"), labels)["description"]
    lines = dict(
        line.split(": ", 1) for line in told.splitlines() if line.startswith(("F", "Then"))
    )

    assert lines.keys() == {"First", "Then"}
    for line in lines.values():
        filled = re.sub(r"\{\{ with .*?\}\}(.*?)\{\{ \..*?\}\}\{\{ end \}\}", r"\1some", line)
        check_remote(filled.replace("{{ $externalURL }}", "https://prometheus.example.org"))
    assert lines["First"] != lines["Then"]


def test_an_alert_of_an_objective_asks_for_its_own():
    """Its first command names the objective that its label names, not that of others."""
    rules = [
        rule for group in rule_groups(load_configuration()).values() for rule in group["rules"]
    ]
    alerts = [rule for rule in rules if rule.get("labels", {}).get("service") and "alert" in rule]

    assert alerts
    for rule in alerts:
        told = rule["annotations"]["description"].partition("First: ")[2].partition("\n")[0]
        command = told.replace("{{ $externalURL }}", "https://prometheus.example.org")
        check_remote(command)
        assert parsed(shlex.split(command)[1:]).slo == rule["labels"]["slo"]


def test_no_command_of_the_table_is_unknown() -> None:
    """The commands that an address is known of are commands of ours."""
    assert REMOTE.keys() <= COMMANDS.keys()
