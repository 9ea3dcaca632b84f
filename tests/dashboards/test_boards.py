"""All boards together: what is on them, how fast and long they are, where names come from."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import qgm_observe
from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.alerts.table import ALERTS, BY_NAME
from qgm_observe.catalog import SIGNALS, Signal, provider_signals, signals
from qgm_observe.dashboards.board import Kind
from qgm_observe.dashboards.expressions import asked
from qgm_observe.dashboards.grafana_rules import panels, targets
from qgm_observe.dashboards.house_rules import signal_of
from qgm_observe.dashboards.panels import board_json, canonical
from qgm_observe.dashboards.shelf import boards, render
from qgm_observe.dashboards.site import BOARDS
from qgm_observe.slo.burn import PAGE

SLUGS = ["executive", "on-call", "debug", "calibration", "slo", "cost", "telemetry"]
MOST_BYTES = 60_000
NOT_ON_A_BOARD: dict[str, str] = {}
"""Signal to the reason why nobody looks at it; a new one has to be placed here or on a board."""


def metrics(boards_):
    return {each.metric for board in boards_ for _, target in targets(board)
            for each in asked(target["expr"])}  # fmt: skip


def test_the_boards_are_there(shipped):
    """Each has its own question, and they link each other in this order."""
    assert [board.slug for board in shipped] == SLUGS == list(BOARDS)
    assert all(board.brief.endswith("?") for board in shipped)
    assert len({board.brief for board in shipped}) == len(SLUGS)


def test_boards_link_each_other(rendered):
    """Every board leads to all others and to the runbooks; every alert's board is there."""
    uids = {board["uid"] for board in rendered.values()}
    for board in rendered.values():
        urls = [link["url"] for link in board["links"]]
        assert {f"/d/{uid}" for uid in uids - {board["uid"]}} <= set(urls)
        assert urls[-1].endswith("/README.md")
    assert {f"qgm-{alert.board}" for alert in ALERTS} <= uids


def test_links_of_panels_lead_to_boards(rendered):
    """No panel leads to a board that is not there."""
    uids = {board["uid"] for board in rendered.values()}
    found = [
        link["url"] for board in rendered.values() for panel in panels(board)
        for link in panel.get("links", ())
    ]  # fmt: skip

    assert found
    assert {re.match(r"/d/([\w-]+)", url).group(1) for url in found} <= uids


def test_runbooks_of_panels_are_those_of_alerts(rendered):
    """Each panel's runbook is named like an alert that is declared."""
    told = {
        name for board in rendered.values() for panel in panels(board)
        for name in re.findall(r"/(\w+)\.md\)", panel["description"])
    }  # fmt: skip

    assert len(told) > 15
    assert told <= set(BY_NAME)


def test_every_page_is_visible_to_who_is_on_call(rendered):
    """The list of alerts takes every page, and what a page rests on is drawn on that board."""
    board = rendered["on-call"]
    (firing,) = [each for each in panels(board) if each["title"] == "Alerts that fire"]
    shown = metrics([board])
    groups = rule_groups(load_configuration()).values()
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["record"]: rule["expr"] for rule in rules if "record" in rule}
    pages = [rule for rule in rules if rule.get("labels", {}).get("severity") == PAGE]

    assert {rule["alert"] for rule in pages} >= {"QgmSloBurnPage", "QgmProviderOutage"}
    assert 'alertname=~"Qgm.+"' in firing["targets"][0]["expr"]
    assert 'severity=~"page|ticket"' in firing["targets"][0]["expr"]
    for rule in pages:
        assert rule["alert"].startswith("Qgm")
        asks = {each.metric for each in asked(rule["expr"])}
        asks |= {each.metric for name in asks for each in asked(recorded.get(name, ""))}
        assert asks & shown, (rule["alert"], asks)


def test_every_signal_is_on_a_board(rendered):
    """Each signal of the catalog can be looked at, or stands in the list with its reason."""
    found = [signal_of(name) for name in metrics(rendered.values())]
    shown = {signal.name for signal in found if signal is not None}

    assert set(SIGNALS) - shown == set(NOT_ON_A_BOARD)
    assert all(len(reason) > 20 for reason in NOT_ON_A_BOARD.values())


def test_every_board_marks_what_happened(rendered):
    """Deployments, calibrations, pages and maintenance are drawn over all charts."""
    for board in rendered.values():
        names = [each["name"] for each in board["annotations"]["list"]]
        assert names == ["Deployments", "Calibrations", "Pages", "Maintenance"]


def test_rates_of_asking_fit_what_is_asked(rendered):
    """Who is on call sees 30 seconds; calibrations change by the hour at most."""
    assert {slug: board["refresh"] for slug, board in rendered.items()} == {
        "executive": "5m", "on-call": "30s", "debug": "1m", "calibration": "5m", "slo": "1m",
        "cost": "5m", "telemetry": "1m",
    }  # fmt: skip


def test_color_is_never_alone(shipped):
    """A colored stat has its word, a colored table its column of words, a grid its numbers."""
    for board in shipped:
        for panel in board.panels:
            if panel.kind in {Kind.STAT, Kind.TABLE}:
                colored = len(panel.steps) > 1 or any(query.steps for query in panel.queries)
                words = any(query.meanings for query in panel.queries)
                assert words or not colored, panel.title


@pytest.mark.parametrize("slug", SLUGS)
def test_a_board_is_short(rendered, slug):
    """At most 60 kB."""
    assert 10_000 < len(canonical(rendered[slug]).encode()) <= MOST_BYTES


def test_rendering_takes_less_than_a_second():
    """All boards, provisioning and ConfigMaps, in processor time."""
    configuration = load_configuration()
    began = time.process_time()
    files = render(configuration)

    assert time.process_time() - began < 1
    assert len(files) == 18


def test_rendering_gives_the_same_bytes_in_another_process():
    """Neither the order of sets nor the hash seed shows."""
    program = (
        "import hashlib; from qgm_observe.alerts.configuration import load_configuration as load;"
        "from qgm_observe.dashboards.shelf import render;"
        "print(hashlib.sha256(repr(sorted(render(load()).items())).encode()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(told) == 1


def test_boards_narrow_to_the_configured_work():
    """A selector in the configuration is in every query of a signal that has the label."""
    made = boards(load_configuration(selector={"project": "chem"}))
    for board in map(board_json, made):
        for panel, target in targets(board):
            for each in asked(target["expr"]):
                signal = signal_of(each.metric)
                if signal and "project" in signal.label_names:
                    told = [(c.operator, c.value) for c in each.conditions if c.label == "project"]
                    assert ("=", "chem") in told, panel["title"]


def _shown(signal, text):
    return re.search(rf"\b{signal.prometheus}(_bucket|_count|_sum)?\b", text)


def test_a_renamed_signal_is_renamed_on_every_board(monkeypatch):
    """Every signal that a board asks for comes from its one declaration, under its name there."""
    before = "".join(canonical(board_json(each)) for each in boards(load_configuration()))
    renamed = {}
    for module in (signals, provider_signals):
        for name, signal in list(vars(module).items()):
            if isinstance(signal, Signal) and _shown(signal, before):
                renamed[signal] = replace(signal, name=f"{signal.name}.renamed")
                monkeypatch.setattr(module, name, renamed[signal])
    after = "".join(canonical(board_json(each)) for each in boards(load_configuration()))

    assert len(renamed) > 110
    for signal, new in renamed.items():
        assert not _shown(signal, after), signal.name
        assert _shown(new, after), signal.name


def test_one_edit_of_the_catalog_reaches_the_files(tmp_path):
    """The name is edited in its one place in a copy of this package, and rendered anew."""
    source = Path(qgm_observe.__file__).parent
    edited = tmp_path / "edited" / "qgm_observe"
    shutil.copytree(source, edited, ignore=shutil.ignore_patterns("__pycache__"))
    catalog = edited / "catalog" / "signals.py"
    text = catalog.read_text()
    assert text.count('"qgm.runs.stalled"') == 1
    catalog.write_text(text.replace('"qgm.runs.stalled"', '"qgm.runs.stuck"'))
    objectives = edited / "slo" / "objectives.yml"
    objectives.write_text(objectives.read_text().replace("qgm.runs.stalled", "qgm.runs.stuck"))
    program = (
        "import json, sys; from qgm_observe.alerts.configuration import load_configuration as load;"
        "from qgm_observe.dashboards.shelf import render; json.dump(render(load()), sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(edited.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    files = json.loads(done.stdout)
    all_ = "".join(files.values())

    assert "qgm_runs_stuck" in files["boards/qgm-on-call.json"]
    assert "qgm_runs_stalled" not in all_
