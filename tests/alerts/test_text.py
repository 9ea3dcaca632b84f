"""What alerts say, and where they lead: templates, links, and no command that could do harm."""

import re

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.links import board_url, runbook_url
from qgm_observe.alerts.table import ALERTS, BY_NAME
from qgm_observe.alerts.text import Said, annotations
from qgm_observe.cli import COMMANDS


def test_a_board_is_linked_with_its_variables_and_time():
    """Labels that are variables are filled in, others are left out; time is six hours till now."""
    url = board_url("https://g/", "debug", ("device", "answer"), slo="a b")

    assert url == (
        "https://g/d/qgm-debug?var-slo=a%20b&var-device={{ $labels.device | urlquery }}"
        '&from={{ with query "(time() - 21600) * 1000" }}'
        '{{ . | first | value | printf "%.0f" }}{{ end }}&to=now'
    )


def test_a_runbook_is_a_page_by_the_name_of_its_alert():
    """The address ends with the alert's name, with one slash before it."""
    assert runbook_url("https://r/", "QgmRunStalled") == "https://r/QgmRunStalled.md"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_commands_of_alerts_exist(alert):
    """What is to be typed is a command of ours, and nothing of a label reaches a shell raw."""
    told = annotations(load_configuration(), alert, Said(count="n"), ("pipeline", "device"))
    commands = re.findall(r"qgm-observe (\w+)", told["description"])

    assert len(commands) >= 2
    assert set(commands) <= COMMANDS.keys()
    (first,) = (line for line in told["description"].splitlines() if line.startswith("First:"))
    assert first.count("reReplaceAll") == first.count("$labels.") == 2


def test_the_order_is_that_of_the_questions_asked():
    """Loss, count, budget, spending, provider, commands, links, then how often it is false."""
    said = Said(count="3 of 4.", spending="Still.", budget="half", false="Never false.")
    told = annotations(load_configuration(), BY_NAME["QgmSloBurnPage"], said, ())

    heads = [line.split(" ")[0] for line in told["description"].splitlines()]
    assert heads == [
        "Runs", "3", "Budget", "Still.", "Provider:", "First:", "Then:", "Escalate",
        "Runbook:", "Board:", "Never",
    ]  # fmt: skip


def test_every_alert_has_all_that_the_table_promises():
    """Names are told apart; severity goes with urgency; each loss is a sentence."""
    assert len(BY_NAME) == len(ALERTS)
    urgency = {"page": {"now"}, "ticket": {"today", "this-week"}, "info": {"never"}}
    for alert in ALERTS:
        assert re.fullmatch(r"Qgm[A-Z]\w+", alert.name)
        assert alert.urgency in urgency[alert.severity], alert.name
        assert alert.loses.endswith("."), alert.name
