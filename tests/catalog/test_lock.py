"""The lock of stable signals: what breaks it, and what does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from qgm_observe.catalog import SIGNALS, Kind, Label, Signal, Stability
from qgm_observe.catalog.lock import LOCK, lock_text, outdated, unannounced

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
MODEL = Label("model", "The model's name.", bound=10)
DEVICE = Label("device", "The device's name.", bound=10)
JOBS = Signal("qgm.jobs", Kind.COUNTER, "{job}", "Jobs.", (MODEL,), stability=Stability.STABLE)
WAIT = Signal("qgm.wait", Kind.GAUGE, "s", "Wait.", (), stability=Stability.STABLE)
TRIAL = Signal("qgm.trial", Kind.GAUGE, "1", "Trial.", (MODEL,))
LOCKED = "qgm.jobs counter {job} model\nqgm.wait gauge s -\n"
SILENT = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Nothing.\n"


def announced(line: str) -> str:
    return f"# Changelog\n\n## [Unreleased]\n\n- {line}\n\n## [0.1.0]\n\n- Older.\n"


def test_a_stable_signal_of_this_catalog_never_changes_unannounced():
    """The committed lock and the catalog differ only where the changelog says so."""
    assert unannounced(LOCK.read_text(), SIGNALS.values(), CHANGELOG.read_text()) == []


def test_the_committed_lock_is_fresh():
    """The committed lock is what `catalog --write-lock` would write."""
    assert LOCK.read_text() == lock_text(SIGNALS.values())


def test_the_lock_has_one_sorted_line_a_stable_signal():
    """Name, kind, unit and labels of stable signals are locked; trial ones are not."""
    assert lock_text([WAIT, TRIAL, JOBS]) == LOCKED


CHANGES = {
    "rename": replace(JOBS, name="qgm.tasks"),
    "unit": replace(JOBS, unit="{task}"),
    "label": replace(JOBS, labels=(MODEL, DEVICE)),
    "kind": replace(JOBS, kind=Kind.GAUGE),
    "withdrawal": replace(JOBS, stability=Stability.EXPERIMENTAL),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_silent_change_breaks_the_lock(change):
    """A rename, and a change of unit, labels, kind or stability, fail while nobody says so."""
    problems = unannounced(LOCKED, [CHANGES[change], WAIT], SILENT)

    assert len(problems) == 1
    assert problems[0].startswith("qgm.jobs: was 'qgm.jobs counter {job} model', is ")
    assert problems[0].endswith("name it in CHANGELOG.md, Unreleased")


@pytest.mark.parametrize("change", CHANGES)
def test_the_changelog_may_announce_any_change(change):
    """The same changes pass once the section Unreleased names the signal."""
    assert unannounced(LOCKED, [CHANGES[change], WAIT], announced("`qgm.jobs` changes.")) == []


@pytest.mark.parametrize(
    "line", ["`qgm.jobs.in_flight` changes.", "`my.qgm.jobs` changes.", "`qgm.jobs_old` goes."]
)
def test_a_longer_name_announces_nothing(line):
    """Only the signal's own name counts, not one that begins or ends alike."""
    assert unannounced(LOCKED, [CHANGES["unit"], WAIT], announced(line)) != []


def test_an_older_section_announces_nothing():
    """What an earlier release said does not excuse a change of today."""
    old = "## [Unreleased]\n\n- Nothing.\n\n## [0.1.0]\n\n- `qgm.jobs` changes.\n"

    assert unannounced(LOCKED, [CHANGES["unit"], WAIT], old) != []
    assert unannounced(LOCKED, [CHANGES["unit"], WAIT], "") != []


def test_an_addition_needs_no_word_but_a_fresh_lock():
    """A new stable signal is fine without the changelog; the lock has to take it in."""
    added = replace(TRIAL, stability=Stability.STABLE)

    assert unannounced(LOCKED, [JOBS, WAIT, added], SILENT) == []
    assert outdated(LOCKED, [JOBS, WAIT, added]) == [
        "qgm.trial: locked absent, is 'qgm.trial gauge 1 model'"
    ]
    assert outdated(LOCKED, [JOBS, WAIT]) == []


def test_a_changed_brief_or_order_breaks_nothing():
    """Words may be improved and declarations moved."""
    assert outdated(LOCKED, [WAIT, replace(JOBS, brief="All jobs.")]) == []
