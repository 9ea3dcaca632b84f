"""`qgm-observe render`: shelves from a configuration, and whether they are fresh."""

import subprocess
import sys

import pytest

from qgm_observe.cli import main, render

HUNDRED = """\
objectives:
  - name: always
    service: training
    brief: Nothing ever fails.
    unit: run
    good: {signal: qgm.roots, match: {outcome: success}}
    total: {signal: qgm.roots}
    target: 100 %
"""
DEAD = HUNDRED.replace("100 %", "93 %\n    window: 30d\n    method: burnrate")


@pytest.fixture
def rendered(tmp_path, capsys):
    """A folder in which the alerts were rendered."""
    assert main(["render", str(tmp_path), "--only", "alerts"]) == 0
    capsys.readouterr()
    return tmp_path


def test_it_says_what_it_wrote(tmp_path, capsys):
    """The first rendering writes all files, the second changes none."""
    assert main(["render", str(tmp_path), "--only", "alerts"]) == 0
    first = capsys.readouterr().out
    assert main(["render", str(tmp_path), "--only", "alerts"]) == 0
    second = capsys.readouterr().out

    number = len([path for path in (tmp_path / "alerts").rglob("*") if path.is_file()])
    assert first == f"{tmp_path}/alerts: {number} files, {number} changed\n"
    assert second == f"{tmp_path}/alerts: {number} files, 0 changed\n"


def test_a_fresh_shelf_passes_the_check(rendered, capsys):
    """`--check` says nothing and ends with 0."""
    assert main(["render", str(rendered), "--only", "alerts", "--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_stale_shelf_fails_the_check_with_a_readable_difference(rendered, capsys):
    """A changed line, a missing file and one that is rendered no longer are told, and kept."""
    rules = rendered / "alerts" / "rules"
    path = rules / "trend-stalled.yml"
    before = path.read_text().replace('for: "10m"', 'for: "20m"')
    path.write_text(before)
    (rules / "quality.yml").unlink()
    (rules / "old.yml").write_text("# rendered by qgm-observe render\n")

    assert main(["render", str(rendered), "--only", "alerts", "--check"]) == 1
    told = capsys.readouterr()
    assert '-        for: "20m"' in told.out
    assert '+        for: "10m"' in told.out
    assert f"{rules}/quality.yml: is missing" in told.out
    assert f"{rules}/old.yml: is rendered no longer" in told.out
    assert told.err == f"3 files are stale: qgm-observe render {rendered}\n"
    assert path.read_text() == before


def test_what_is_left_over_goes_and_what_is_yours_stays(rendered, capsys):
    """A file with the mark that is rendered no longer is removed; one without it never is."""
    rules = rendered / "alerts" / "rules"
    (rules / "old.yml").write_text("# rendered by qgm-observe render\n")
    (rules / "own.yml").write_text("groups: []\n")

    assert main(["render", str(rendered), "--only", "alerts"]) == 0
    assert capsys.readouterr().out.endswith("0 changed, 1 removed\n")
    assert not (rules / "old.yml").exists()
    assert (rules / "own.yml").exists()


def test_the_settings_on_the_shelf_are_yours(rendered):
    """What was changed in the shelf's own `config.yml` holds, and stays through renderings."""
    config = rendered / "alerts" / "config.yml"
    own = config.read_text().replace("#runbooks_url: ", "runbooks_url: ").replace("example", "own")
    config.write_text(own)
    words = ["render", str(rendered), "--only", "alerts", "--config", str(config)]

    assert main(words) == 0
    assert config.read_text() == own
    assert main([*words, "--check"]) == 0
    rules = rendered / "alerts" / "rules" / "slo-training-success.yml"
    assert "https://runbooks.own.org/" in rules.read_text()


def test_a_selector_narrows_every_signal_that_has_the_label(rendered, tmp_path):
    """`--selector project=chem` stands at work, not at devices; the tests are made to match."""
    words = ["render", str(tmp_path), "--only", "alerts", "--selector", "project=chem"]
    assert main(words) == 0

    success = (tmp_path / "alerts" / "rules" / "slo-training-success.yml").read_text()
    devices = (tmp_path / "alerts" / "rules" / "device.yml").read_text()
    tests = (tmp_path / "alerts" / "tests" / "slo-training-success.yml").read_text()
    assert 'qgm_roots_total{source="journal",kind="training",outcome="success",project="chem"}' in (
        success
    )
    assert 'qgm_device_state{device_state="paused"}' in devices
    assert 'project="chem"' in tests


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("profile: all\n", "config.yml:1: profile: Input should be 'starter' or 'full'"),
        ("profil: full\n", "config.yml:1: profil: unknown; remove it or mend its spelling"),
        ("selector: {team: a}\n", "label 'team': write one of project, pipeline"),
        ("night_begin: '8 pm'\n", "config.yml:1: night_begin:"),
        ("receivers: {boss: 'https://x'}\n", "receiver 'boss': write one of on-call"),
        (
            "maintenance: [{name: a, weekdays: [tue], begin: '06:00', end: '08:00'}]\n",
            "weekday 'tue': write one of monday",
        ),
        ("objectives: [none.yml]\n", "none.yml cannot be read"),
        ("objectives: [hundred.yml]\n", "hundred.yml:8: target 100 %: 100 % leaves no budget"),
        ("objectives: [dead.yml]\n", "always: its page above 14.4x needs 100.8 % errors"),
    ],
)
def test_what_cannot_be_rendered_is_one_line(tmp_path, capsys, settings, told):
    """A wrong setting, and an objective that could never work, say what to write instead."""
    (tmp_path / "hundred.yml").write_text(HUNDRED)
    (tmp_path / "dead.yml").write_text(DEAD)
    path = tmp_path / "config.yml"
    path.write_text(settings)

    assert main(["render", str(tmp_path / "out"), "--config", str(path)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("selector", ["project", "project=", "=chem"])
def test_a_selector_without_its_value_is_refused(tmp_path, capsys, selector):
    """The complaint shows how one is written."""
    with pytest.raises(SystemExit) as ended:
        main(["render", str(tmp_path), "--selector", selector])

    assert ended.value.code == 2
    assert "write LABEL=VALUE, such as project=chem" in capsys.readouterr().err


def test_an_unknown_label_on_the_command_line_is_refused(tmp_path, capsys):
    """Only labels of the catalog that tell work or accounts apart can be selected."""
    assert main(["render", str(tmp_path), "--selector", "team=a"]) == 2
    assert "--selector: write one of project, pipeline" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    """A file where a folder has to be is told."""
    (tmp_path / "alerts").write_text("")

    assert main(["render", str(tmp_path), "--only", "alerts"]) == 2
    assert "cannot be" in capsys.readouterr().err


def test_every_shelf_has_its_module():
    """The table names modules with a function that renders."""
    for name in render.SHELVES.values():
        assert callable(__import__(name, fromlist=["render"]).render)


def test_no_journal_is_read(tmp_path):
    """All shelves are rendered by a process that never loads what opens a journal."""
    script = (
        "import sys; from qgm_observe.cli import main; "
        "code = main(['render', sys.argv[1]]); "
        "found = {'sqlite3', 'qgm_observe.journal'} & sys.modules.keys(); "
        "sys.exit(str(found) if found else code)"
    )
    words = [sys.executable, "-c", script, tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "alerts" / "alertmanager.yml").exists()


def test_help_loads_neither_rules_nor_yaml():
    """The table of shelves is lazy: the front door stays light."""
    script = (
        "import sys, qgm_observe.cli.render; "
        "heavy = [m for m in ('yaml', 'pydantic', 'pandas', 'numpy', 'grafanalib', "
        "'qgm_observe.alerts') if m in sys.modules]; "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
