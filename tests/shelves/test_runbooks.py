"""The shelf `runbooks/`: a page an alert, fresh heads, whole bodies, commands that run."""

import re
import shlex
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.table import ALERTS, BY_NAME
from qgm_observe.cli import COMMANDS, main
from qgm_observe.runbooks.conditions import FIRES
from qgm_observe.runbooks.page import HEADINGS, MODES, UNWRITTEN, body_of
from qgm_observe.runbooks.priors import SAYS
from qgm_observe.runbooks.shelf import INDEX, PLAYBOOKS, merged, render

from ..runbooks import incidents
from ..runbooks.serving import journal_exporter, prometheus, provider_exporter

SHELF = Path(__file__).parents[2] / "runbooks"
PAGES = sorted(SHELF.glob("*.md"))
RUNBOOKS = [page for page in PAGES if page.name not in {INDEX, *PLAYBOOKS}]
LONGEST = 110
"""Lines of a page: it has to be read at night."""

SHORTEST = 40
"""Characters of a part: less is no advice."""

PLANS = {
    "major-budget-breach": [
        "First half hour",
        "What is frozen while the budget is gone",
        "Who decides",
        "Tell",
        "Back to normal",
        "Afterwards, within five days",
    ],
    "provider-outage": [
        "First ten minutes",
        "Hold the work",
        "Move the work",
        "Tell",
        "Return",
        "Afterwards, within five days",
    ],
}
"""What is to be done in which order, by playbook."""

CLUSTER = r"\bkubectl\b|\bhelm\b|\bnamespace\b|\bssh\b|\.svc\b|\.internal\b|\.corp\b|\bpagerduty\b"


@cache
def rendered() -> dict[str, str]:
    return dict(render(load_configuration()))


def commands(text: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def parts_of(text: str) -> dict[str, str]:
    """Headings of the second level, and what stands below each."""
    _, *parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


EVERY_COMMAND = sorted({line for page in PAGES for line in commands(page.read_text())})


def test_each_alert_has_a_page_and_each_page_an_alert():
    """No alert is without a runbook, and no runbook is left of an alert that is gone."""
    names = {alert.name for alert in ALERTS}

    assert {page.stem for page in RUNBOOKS} == names
    assert {page.name for page in PAGES} == {f"{n}.md" for n in names} | {INDEX, *PLAYBOOKS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_heads_are_fresh(page):
    """The generated part is what the table and the default configuration give today."""
    again = "run: .venv/bin/qgm-observe render . --only runbooks"

    assert merged(page.read_text(), rendered()[page.name]) == page.read_text(), again


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_bodies_are_whole(page):
    """Each runbook has the six parts in their order, all of them written, on one screen or two."""
    text = page.read_text()
    parts = re.findall(r"^## (.+)\n\n(.+)", body_of(text) or "", re.MULTILINE)

    assert [name for name, _ in parts] == list(HEADINGS)
    assert UNWRITTEN not in text
    assert len(text.splitlines()) <= LONGEST
    for part in ("Diagnosis", "Recovery check"):
        assert commands(text.partition(f"## {part}")[2].partition("\n## ")[0]), part


@pytest.mark.parametrize("name", sorted(PLANS))
def test_playbooks_are_whole(name):
    """Each playbook has its steps in their order, and is read on one screen or two."""
    text = (SHELF / f"{name}.md").read_text()

    assert list(parts_of(text)) == PLANS[name]
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != INDEX], ids=lambda page: page.stem)
def test_no_part_is_empty_words(page):
    """Each part of a runbook or playbook says something, in a sentence at least."""
    short = {n: part for n, part in parts_of(page.read_text()).items() if len(part) < SHORTEST}

    assert short == {}


def test_the_playbooks_are_these():
    """Each playbook is held to its literal steps."""
    assert {f"{name}.md" for name in PLANS} == set(PLAYBOOKS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    """Every relative link of a page is a page on this shelf."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (SHELF / link).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_nothing_is_known_only_inside(page):
    """No page asks for a cluster's tools, an internal host, or a machine's path."""
    text = page.read_text()
    hosts = set(re.findall(r"https?://([\w.-]+)", text))

    assert re.search(CLUSTER, text, re.IGNORECASE) is None
    assert {host for host in hosts if not host.endswith("example.org")} == set()
    assert "/root/" not in text
    assert "/home/" not in text


def test_every_mode_of_failure_has_an_alert():
    """F1 to F7 each have an alert, and the index leads from the one to the other."""
    index = (SHELF / INDEX).read_text()

    assert set(MODES) == {"F1", "F2", "F3", "F4", "F5", "F6", "F7"}
    for mode, name in MODES.items():
        answering = [alert.name for alert in ALERTS if mode in alert.modes]
        assert answering, mode
        (row,) = re.findall(rf"^\| {mode} {name} \|.*$", index, re.MULTILINE)
        assert all(f"({alert}.md)" in row for alert in answering)


def test_every_alert_is_spoken_of():
    """Each alert has a condition in words, and a clause that triage says it in."""
    assert set(FIRES) == set(BY_NAME)
    assert set(SAYS) == set(BY_NAME)


def test_every_inline_command_exists():
    """What is named in the text as `qgm-observe ...` is a command of this version."""
    named = {
        found for page in PAGES for found in re.findall(r"`qgm-observe ([a-z]+)", page.read_text())
    }

    assert named
    assert named <= set(COMMANDS)


# --------------------------------------------------------------------------------------- running


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A live exporter of a recorded journal, one of a provider, and a Prometheus."""
    folder = tmp_path_factory.mktemp("runbooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        path = incidents.written(folder / "journal.db", incidents.failing_device(time.time()))
        with (
            journal_exporter(path) as journal,
            provider_exporter() as provider,
            prometheus() as server,
        ):
            yield {
                "$QGM_EXPORTER": journal,
                "$QGM_PROVIDER": provider,
                "$QGM_PROMETHEUS": server,
            }


def test_there_are_commands():
    """Every page but none of the other files holds commands to be run."""
    assert len(EVERY_COMMAND) > len(ALERTS)
    assert [page.name for page in PAGES if not commands(page.read_text())] == []


@pytest.mark.parametrize("line", EVERY_COMMAND)
def test_every_command_runs(line, addresses, capsys):
    """A command of a page, with two addresses put in, answers and ends with 0 or 1."""
    words = [addresses.get(word, word) for word in shlex.split(line)]
    code = main(words[1:])
    shown = capsys.readouterr()

    assert words[0] == "qgm-observe"
    assert not any(word.startswith("$") for word in words)
    assert code in {0, 1}, shown.err
    assert shown.out.strip()
    assert shown.err == ""
