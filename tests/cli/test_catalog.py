"""`qgm-observe catalog`: the table, the block in a file, and the lock."""

import json
from pathlib import Path

import pytest

from qgm_observe.catalog import SIGNALS, lock
from qgm_observe.cli import main
from qgm_observe.cli.catalog import BEGIN, END, markdown

STALE = f"# Title\n\n{BEGIN}\nold\n{END}\n\nAfter.\n"


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    """A Markdown file with a stale block."""
    path = tmp_path / "README.md"
    path.write_text(STALE)
    return path


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of its own that is fresh."""
    path = tmp_path / "stable.lock"
    path.write_text(lock.lock_text(SIGNALS.values()))
    monkeypatch.setattr(lock, "LOCK", path)
    monkeypatch.chdir(tmp_path)
    return path


def test_the_table_has_a_line_for_every_signal(capsys):
    """Each signal is printed with its exposed name, kind and stability on one line."""
    assert main(["catalog"]) == 0
    lines = capsys.readouterr().out.splitlines()

    for signal in SIGNALS.values():
        (line,) = [x for x in lines if x.split(" ")[0] == signal.name]
        assert [signal.prometheus, signal.kind, signal.unit] == line.split()[1:4]
        assert signal.brief in line
        assert line.split()[-1] == signal.stability


def test_json_describes_every_signal(capsys):
    """Machines get all fields, labels in full."""
    assert main(["catalog", "--format", "json"]) == 0
    told = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}

    assert list(told) == list(SIGNALS)
    assert told["qgm.runs"] == {
        "name": "qgm.runs",
        "prometheus": "qgm_runs_total",
        "kind": "counter",
        "unit": "{run}",
        "labels": ["project", "pipeline", "model", "model_version", "kind", "outcome"],
        "brief": "Runs ended.",
        "stability": "stable",
    }


def test_markdown_names_every_signal_and_explains_every_label(capsys):
    """The Markdown has a row a signal, and below it a row a label."""
    assert main(["catalog", "--format", "markdown"]) == 0
    text = capsys.readouterr().out

    assert text == markdown()
    for signal in SIGNALS.values():
        assert f"| `{signal.name}` | `{signal.prometheus}` | {signal.kind} |" in text
        for label in signal.labels:
            assert f"| `{label.name}` | {label.brief} |" in text


def test_every_row_has_as_many_cells_as_its_head():
    """No text breaks a Markdown table."""
    tables = [
        [line for line in part.splitlines() if line.startswith("|")]
        for part in markdown().split("\n\n")
    ]
    for table in filter(None, tables):
        assert len({line.count("|") for line in table}) == 1


def test_write_fills_the_block_and_nothing_else(readme):
    """What stands around the block stays, and writing twice changes nothing."""
    assert main(["catalog", "--write", str(readme)]) == 0
    once = readme.read_text()
    assert main(["catalog", "--write", str(readme)]) == 0

    assert once == f"# Title\n\n{BEGIN}\n{markdown()}{END}\n\nAfter.\n"
    assert readme.read_text() == once


def test_an_empty_block_is_filled(readme):
    """The two markers one after the other are a block too."""
    readme.write_text(f"{BEGIN}\n{END}\n")

    assert main(["catalog", "--write", str(readme)]) == 0
    assert readme.read_text() == f"{BEGIN}\n{markdown()}{END}\n"


def test_check_shows_what_is_stale(readme, capsys):
    """A stale block is exit code 1 with a diff and the command that helps; the file stays."""
    assert main(["catalog", "--check", str(readme)]) == 1
    told = capsys.readouterr()

    assert "-old" in told.out.splitlines()
    assert any(line.startswith("+| `qgm.runs` |") for line in told.out.splitlines())
    assert told.err == f"{readme} is stale: qgm-observe catalog --write {readme}\n"
    assert readme.read_text() == STALE


def test_check_is_silent_about_a_fresh_block(readme, capsys):
    """A fresh block is exit code 0 and no word."""
    main(["catalog", "--write", str(readme)])

    assert main(["catalog", "--check", str(readme)]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("act", ["--write", "--check"])
def test_a_file_without_the_block_is_bad_input(readme, capsys, act):
    """Exit code 2 and one line that says which lines to add."""
    readme.write_text("# Title\n")

    assert main(["catalog", act, str(readme)]) == 2
    assert capsys.readouterr().err == (
        f"qgm-observe: {readme} has no block to fill: add the lines {BEGIN} and {END}\n"
    )


@pytest.mark.parametrize("act", ["--write", "--check"])
def test_a_file_that_is_not_there_is_bad_input(tmp_path, capsys, act):
    """Exit code 2 and one line."""
    missing = tmp_path / "none.md"

    assert main(["catalog", act, str(missing)]) == 2
    assert capsys.readouterr().err == (
        f"qgm-observe: {missing} cannot be read: write the path of a Markdown file\n"
    )


def test_a_fresh_lock_passes(locked, capsys):
    """Exit code 0 and no word while nothing stable changed."""
    assert main(["catalog", "--check-lock"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_silent_rename_fails_and_cannot_be_locked(locked, capsys):
    """A changed stable signal fails the check, and refreshing does not get around it."""
    before = locked.read_text().replace("qgm.runs ", "qgm.trainings ")
    locked.write_text(before)

    for act in ("--check-lock", "--write-lock"):
        assert main(["catalog", act]) == 1
        assert capsys.readouterr().err.startswith("qgm.trainings: was 'qgm.trainings counter")
    assert locked.read_text() == before


def test_an_announced_rename_can_be_locked(locked, tmp_path, capsys):
    """Once the changelog names the old name, the lock asks to be refreshed, and then is."""
    fresh = locked.read_text()
    locked.write_text(fresh.replace("qgm.runs ", "qgm.trainings "))
    changelog = tmp_path / "CHANGES.md"
    changelog.write_text("## [Unreleased]\n\n- `qgm.trainings` is now `qgm.runs`.\n")
    words = ["catalog", "--changelog", str(changelog)]

    assert main([*words, "--check-lock"]) == 1
    assert "refresh with 'qgm-observe catalog --write-lock'" in capsys.readouterr().err
    assert main([*words, "--write-lock"]) == 0
    assert locked.read_text() == fresh


def test_an_addition_only_asks_for_a_fresh_lock(locked, capsys):
    """A new stable signal needs no word in the changelog."""
    fresh = locked.read_text()
    locked.write_text("".join(x for x in fresh.splitlines(True) if "qgm.steps" not in x))

    assert main(["catalog", "--check-lock"]) == 1
    assert capsys.readouterr().err.startswith("qgm.steps: locked absent, is 'qgm.steps counter")
    assert main(["catalog", "--write-lock"]) == 0
    assert locked.read_text() == fresh
