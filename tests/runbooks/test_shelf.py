"""Tests of what is rendered, and of what people wrote being kept."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.alerts.configuration import Configuration, Thresholds, load_configuration
from qgm_observe.alerts.table import ALERTS, BY_NAME
from qgm_observe.cli import main
from qgm_observe.runbooks.conditions import condition, false_alerts, thresholds
from qgm_observe.runbooks.page import BEGIN, END, HEADINGS, UNWRITTEN, body_of, empty_body, head
from qgm_observe.runbooks.shelf import merged, render


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    """What is shipped."""
    return load_configuration()


def test_a_head_tells_the_tables_facts(configuration):
    """Severity, owner, escalation, urgency, condition and the first command stand in the head."""
    text = head(BY_NAME["QgmQueueAbnormal"], configuration, "30m")

    for line in (
        "# QgmQueueAbnormal",
        "| severity | ticket, act today |",
        "| owner | on-call; then provider |",
        "| for | 30m |",
        "| set by | `queue_times`, `queue_jobs` below `thresholds:` |",
        "| answers | F2 slow jobs |",
    ):
        assert line in text.splitlines()


OWN = """\
objectives:
  - name: chem-training
    service: chem
    brief: Trainings of chem end well.
    unit: run
    good: {signal: qgm.roots, match: {project: chem, outcome: success}}
    total: {signal: qgm.roots, match: {project: chem}}
    target: 95 %
    window: 28d
  - name: chem-spend
    service: chem
    brief: Chem spends at most 20 USD a day.
    unit: money
    spent: {signal: qgm.cost, match: {project: chem, basis: estimated}}
    cap: 20
    window: 1d
"""


def test_a_head_names_ones_own_objectives_and_their_files(configuration, tmp_path):
    """What is not shipped no command knows by itself: the page tells its names and files."""
    (tmp_path / "my own.yml").write_text(OWN)
    (tmp_path / "config.yml").write_text('objectives: ["my own.yml"]\n')
    own = load_configuration(tmp_path / "config.yml")
    burn, spend = (head(BY_NAME[name], own, "") for name in ("QgmSloBurnPage", "QgmSpendCap"))

    assert "| guards | `chem-training`; one alone: `--slo NAME`; " in burn
    assert "| guards | `chem-spend`; one alone: `--slo NAME`; " in spend
    assert "`--objectives 'my own.yml'`" in burn
    assert "| guards |" not in head(BY_NAME["QgmQueueAbnormal"], own, "30m")
    assert "| guards |" not in head(BY_NAME["QgmSloBurnPage"], configuration, "")


def test_the_first_command_asks_everybody_who_could_know(configuration):
    """The exporter and the Prometheus always; the provider's exporter where that one tells it."""
    queue = head(BY_NAME["QgmQueueAbnormal"], configuration, "30m")
    burn = head(BY_NAME["QgmSloBurnPage"], configuration, "")
    first, last = "--url $QGM_EXPORTER", "--prometheus $QGM_PROMETHEUS"

    assert f"qgm-observe triage QgmQueueAbnormal {first} --url $QGM_PROVIDER {last}" in queue
    assert f"qgm-observe triage QgmSloBurnPage {first} {last}" in burn


def test_conditions_hold_the_configured_numbers(configuration):
    """A threshold that is configured otherwise is told otherwise."""
    told = configuration.written.model_copy(update={"thresholds": Thresholds(queue_times=3)})
    changed = replace(configuration, written=told)

    assert "than 2 times its p95" in condition("QgmQueueAbnormal", configuration)
    assert "than 3 times its p95" in condition("QgmQueueAbnormal", changed)
    assert thresholds("QgmQuotaLow") == ["quota_hours"]
    assert thresholds("QgmWatchdog") == []


def test_expected_false_pages_come_from_the_objectives(configuration):
    """Objectives that page by score are told with their expected false pages, no others."""
    told = false_alerts("QgmSloBurnPage", configuration)

    assert told.startswith("training-success: 0.1")
    assert "inference-success" in told
    assert "inference-latency" not in told


def test_false_rows_of_three_are_computed(configuration):
    """At 10 a day and 2.5 % failing, 280 x 0.025^3 x 0.975 = 0.004 rows of three in 28 days."""
    told = false_alerts("QgmConsecutiveFailures", configuration)

    assert "training-success: 0.004" in told


def test_rendering_is_the_same_each_time(configuration):
    """Two renderings of one configuration are equal, a page an alert among them."""
    first, second = render(configuration), render(configuration)

    assert first == second
    assert {f"{alert.name}.md" for alert in ALERTS} <= set(first)


def test_another_address_of_boards_is_in_every_head():
    """The configured address of the boards is what pages link to."""
    configuration = load_configuration()
    told = configuration.written.model_copy(update={"boards_url": "https://g.example.org/x/"})
    text = render(replace(configuration, written=told))["QgmWatchdog.md"]

    assert "(https://g.example.org/x/d/qgm-on-call)" in text


def test_rendering_anew_keeps_what_people_wrote(tmp_path, capsys):
    """A changed body stays, a changed head does not, and then nothing is stale."""
    words = ["render", str(tmp_path), "--only", "runbooks"]
    assert main(words) == 0
    page = tmp_path / "runbooks" / "QgmWatchdog.md"
    generated, mark, body = page.read_text().partition(END)
    page.write_text(f"{generated}changed by hand\n{mark}{body}\nAsk Ada.\n")
    capsys.readouterr()

    assert main([*words, "--check"]) == 1
    assert "-changed by hand" in capsys.readouterr().out
    assert main(words) == 0
    assert page.read_text() == f"{generated}{mark}{body}\nAsk Ada.\n"
    assert main([*words, "--check"]) == 0


def test_a_playbook_that_is_there_is_left_alone(tmp_path):
    """A playbook is people's from its first line: rendering does not touch theirs."""
    words = ["render", str(tmp_path), "--only", "runbooks"]
    book = tmp_path / "runbooks" / "provider-outage.md"
    assert main(words) == 0
    assert book.read_text().startswith("# Playbook")
    book.write_text("Ours.\n")

    assert main(words) == 0
    assert book.read_text() == "Ours.\n"


@given(st.text(), st.text().filter(lambda text: END not in text))
def test_any_body_is_kept(body, old):
    """Whatever stands below the mark comes out of a rendering as it went in."""
    there = f"{BEGIN}\n{old}\n{END}\n{body}"

    assert merged(there, f"{BEGIN}\nnew\n{END}\nshipped") == f"{BEGIN}\nnew\n{END}\n{body}"


def test_a_new_alert_gets_headings_to_fill():
    """A page without a body has all headings, each marked as not written."""
    text = empty_body()

    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert text.count(UNWRITTEN) == len(HEADINGS)
    assert body_of("no marks here") is None
