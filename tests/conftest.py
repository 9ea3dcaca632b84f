"""What holds for every test: a home of its own, loud guards, and no skip in CI."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"
TOOLS = Path(__file__).parent.parent / ".tools" / "bin"
FOREIGN_SETTINGS = ("QGM_OBSERVE_", "OTEL_", "XDG_", "COLUMNS", "FORCE_COLOR", "NO_COLOR")

settings.register_profile("qgm-observe", deadline=None, print_blob=True)
settings.load_profile("qgm-observe")

_home_numbers = itertools.count()


@pytest.fixture(autouse=True)
def isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gives each test an empty home and none of the machine's settings.

    Under our own tests the guard that keeps telemetry from breaking a training raises again what
    it caught, so that no failure of ours stays hidden.
    """
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_home_numbers))
    home.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN_SETTINGS)]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("QGM_OBSERVE_STRICT", "1")
        yield


@pytest.fixture(scope="session")
def tools() -> Callable[[str], Path]:
    """Finds a program of `make tools` by name; without it a test skips, and in CI fails."""

    def find(program: str) -> Path:
        path = TOOLS / program
        if path.exists():
            return path
        absent = pytest.fail if IN_CI else pytest.skip
        return absent(f"{program} is not in .tools/bin: run `make tools`")

    return find


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, which take seconds to make: each test takes a copy."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    code = "import sys; from mlflow import MlflowClient as C; C(sys.argv[1]).search_experiments()"
    environ = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    words = [sys.executable, "-c", code, f"sqlite:///{path}"]
    subprocess.run(words, check=True, capture_output=True, env=environ)
    return path


@pytest.fixture
def mlflow_uri(mlflow_template: Path, tmp_path: Path) -> str:
    """The address of an MLflow database of the test's own; artifacts go beside it."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    shutil.copy(mlflow_template, folder / "mlflow.db")
    return f"sqlite:///{folder}/mlflow.db"


def _unrun(config: pytest.Config) -> list[str]:
    """The skipped and xfailed tests of a CI run, each once, as two workers report a collection."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not IN_CI or reporter is None:  # a worker has no reporter: its controller judges
        return []
    reports = [*reporter.getreports("skipped"), *reporter.getreports("xfailed")]
    return sorted({report.nodeid for report in reports})


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a CI run that left out a test: in CI every part is there."""
    if session.exitstatus == pytest.ExitCode.OK and _unrun(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Lists the tests that a CI run left out."""
    if unrun := _unrun(config):
        terminalreporter.section("left out, which fails in CI", red=True)
        terminalreporter.write_line("\n".join(unrun))
