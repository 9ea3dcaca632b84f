"""The rules that the tooling holds for every test, shown on small suites run apart."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OMISSIONS = {
    "skip": "import pytest\ndef test_a(): pytest.skip('no part')\n",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False\n",
    "module": "import pytest\npytest.skip('no part', allow_module_level=True)\n",
}
PASSING = "def test_b(): pass\n"


def run_suite(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the test files of the folder under this project's root conftest."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("omission", "options"),
    [("skip", ()), ("xfail", ()), ("module", ()), ("module", ("-n", "2"))],
)
def test_an_omitted_test_fails_in_ci(
    tmp_path: Path, omission: str, options: tuple[str, ...]
) -> None:
    """In CI a skipped or xfailed test fails the run and is listed, also with workers."""
    (tmp_path / "test_it.py").write_text(OMISSIONS[omission])
    (tmp_path / "test_other.py").write_text(PASSING)

    outcome = run_suite(tmp_path, *options, CI="true")

    left_out = outcome.stdout.partition("left out, which fails in CI")[2]
    assert outcome.returncode == 1, outcome.stdout
    assert "test_it.py" in left_out
    assert "test_other.py" not in left_out


def test_a_complete_run_passes_in_ci(tmp_path: Path) -> None:
    """In CI a run without omissions passes and closes with pytest's own line."""
    (tmp_path / "test_other.py").write_text(PASSING)

    outcome = run_suite(tmp_path, CI="true")

    assert outcome.returncode == 0, outcome.stdout
    assert re.fullmatch(r"=+ 1 passed in \S+ =+", outcome.stdout.splitlines()[-1])


def test_a_skip_is_free_at_home(tmp_path: Path) -> None:
    """Outside CI a skipped test leaves the run green."""
    (tmp_path / "test_it.py").write_text(OMISSIONS["skip"])

    assert run_suite(tmp_path).returncode == 0


@pytest.mark.parametrize(("ci", "word"), [("", "skipped"), ("true", "failed")])
def test_a_missing_program_names_its_command(tmp_path: Path, ci: str, word: str) -> None:
    """A test without its Debian program skips at home, fails in CI, and says how to get it."""
    (tmp_path / "test_it.py").write_text("def test_a(tools): tools('promtool')\n")

    outcome = run_suite(tmp_path, "-rsf", CI=ci)

    assert f"1 {word}" in outcome.stdout
    assert "promtool is not in .tools/bin: run `make tools`" in outcome.stdout


def test_a_test_starts_without_the_settings_of_the_machine(tmp_path: Path) -> None:
    """A test finds an empty home of its own, loud guards, and no setting from outside."""
    (tmp_path / "test_it.py").write_text(
        "import os, pathlib\n"
        "def test_a():\n"
        "    names = [n for n in os.environ if n.startswith(('OTEL_', 'QGM_OBSERVE_'))]\n"
        "    assert names == ['QGM_OBSERVE_STRICT']\n"
        "    assert list(pathlib.Path.home().iterdir()) == []\n"
        "    pathlib.Path.home().joinpath('trace').touch()\n"
        "test_b = test_a\n"
    )

    outcome = run_suite(tmp_path, OTEL_SDK_DISABLED="true", QGM_OBSERVE_JOURNAL="/elsewhere")

    assert "2 passed" in outcome.stdout


@pytest.mark.parametrize("program", ["alertmanager", "amtool", "prometheus", "promtool"])
def test_each_program_starts(tools: Callable[[str], Path], program: str) -> None:
    """Every program that `make tools` brings starts on this machine."""
    outcome = subprocess.run(
        [tools(program), "--version"], capture_output=True, text=True, check=True
    )

    assert f"{program}, version" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_pages_name_targets_that_exist(page: str) -> None:
    """Every `make` command of a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^|; )make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))

    assert named <= targets
