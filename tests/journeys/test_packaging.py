"""The wheel, installed as users do, outside of the repository: the base and each extra."""

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
Installed = Callable[..., subprocess.CompletedProcess[str]]
AER = """
from qiskit import QuantumCircuit
from qiskit_aer.primitives import SamplerV2
circuit = QuantumCircuit(1)
circuit.h(0)
circuit.measure_all()
counts = SamplerV2(seed=1).run([circuit], shots=64).result()[0].data.meas.get_counts()
print(sum(counts.values()))
"""
SPANS = """
from opentelemetry.sdk.resources import Resource
from qgm_observe.cli.replay import recorded
from qgm_observe.telemetry.otel import spans
print(sum(len(spans(event, Resource({}))) for event in recorded()))
"""
IBM = """
from qgm_observe.instrumentation import instrument
instrument()
from qiskit_ibm_runtime import SamplerV2
print(hasattr(SamplerV2.run, "__wrapped__"))
"""


def run(
    *words: str | Path, cwd: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command without our settings; its own link mode and index stay the user's."""
    environment = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    environment |= {"COLUMNS": "100", "QGM_OBSERVE_STRICT": "0", "UV_PYTHON_DOWNLOADS": "never"}
    environment |= settings
    return subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=100
    )


def uv(*words: str | Path) -> None:
    """Runs uv, which has to succeed."""
    done = run(UV, *words, "--quiet")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and source distribution, by the locked build tool and without a network."""
    folder = tmp_path_factory.mktemp("dist")
    build = ("build", "--no-build-isolation", "--offline", "--python", sys.executable)
    uv(*build, "--out-dir", folder, ROOT)
    return folder


@pytest.fixture(scope="session")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a clean environment with the wheel and one extra, at the locked versions."""

    def make(extra: str) -> Path:
        folder = tmp_path_factory.mktemp(extra or "base")
        locked = folder / "locked.txt"
        chosen = ("--extra", extra) if extra else ()
        export = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", *chosen)
        uv(*export, "--project", ROOT, "--output-file", locked)
        uv("venv", "--python", sys.executable, folder / "env")
        (wheel,) = built.glob("*.whl")
        wanted = f"qgm-observe[{extra}] @ {wheel.as_uri()}" if extra else str(wheel)
        python = folder / "env" / "bin" / "python"
        how = ("--link-mode", "symlink", "--constraint", locked, "--python", python)
        uv("pip", "install", *how, wanted)
        return folder

    return make


@pytest.fixture
def installed(environment: Callable[[str], Path], request: pytest.FixtureRequest) -> Installed:
    """Runs a program of an environment with one extra, in a folder of its own."""
    folder = environment(request.param)

    def call(program: str, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return run(folder / "env" / "bin" / program, *words, cwd=folder, **settings)

    return call


def test_the_wheel_holds_what_is_read_at_run_time(built: Path) -> None:
    """The recorded run, the lock of signals and the mark of types are inside, tests are not."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {
        "qgm_observe/cli/recorded.jsonl.gz",
        "qgm_observe/catalog/stable.lock",
        "qgm_observe/py.typed",
    } <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"qgm_observe"}
    assert len(names) == len({name.lower() for name in names})


def test_the_source_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    """From the source distribution alone the same wheel is built, byte for byte."""
    (source,) = built.glob("*.tar.gz")
    (wheel,) = built.glob("*.whl")
    with tarfile.open(source) as archive:
        # our own archive; Debian 12's Python 3.11.2 knows no filter yet
        archive.extractall(
            tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {})
        )
    (folder,) = tmp_path.iterdir()
    build = ("build", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable)
    uv(*build, "--out-dir", tmp_path / "again", folder)

    assert (tmp_path / "again" / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize("installed", [""], indirect=True)
def test_the_base_installation_works(installed: Installed) -> None:
    """Help, catalog, replay into a journal, its info; what needs an extra names it."""
    helped = installed("qgm-observe", "--help")
    catalog = installed("qgm-observe", "catalog", "--check-lock", "--changelog", "none.md")
    replay = ("demo", "--replay", "--port", "0", "--json", "--journal", "journal.db")
    replayed = installed("qgm-observe", *replay)
    told = installed("qgm-observe", "journal", "info", "--journal", "journal.db")
    demo = installed("qgm-observe", "demo", "--port", "0", "--journal", "other.db")
    spans = installed("python", "-c", "import qgm_observe.telemetry.otel")
    named = {
        words[0]: installed("qgm-observe", *words).stderr.rstrip()
        for words in (
            ("render", "ops"),
            ("slo", "lint"),
            ("cost", "journal.db"),
            ("export", "journal"),
        )
    }

    assert [done.returncode for done in (helped, catalog, replayed, told)] == [0] * 4
    assert '"outcome": "success"' in replayed.stdout
    assert "events" in told.stdout
    assert demo.returncode == 2
    assert "pip install 'qgm-observe[demo]'" in demo.stderr.splitlines()[-1]
    assert "qgm-observe[otlp]" in spans.stderr.splitlines()[-1]
    extras = {"render": "render", "slo": "slo", "cost": "guard", "export": "export"}
    assert named == {
        command: f"qgm-observe: {command} needs more packages: pip install 'qgm-observe[{extra}]'"
        for command, extra in extras.items()
    }


@pytest.mark.parametrize("installed", ["aer"], indirect=True)
def test_the_extra_aer_records_a_plain_script(installed: Installed) -> None:
    """An unmodified script on Aer is recorded, and prints what it prints."""
    installed("python", "-c", f"import pathlib; pathlib.Path('script.py').write_text({AER!r})")
    done = installed("qgm-observe", "run", "--journal", "journal.db", "script.py")

    assert (done.returncode, done.stdout) == (0, "64\n"), done.stderr
    assert "1 success" in done.stderr


def _exits(installed: Installed, *calls: str) -> dict[str, int]:
    installed("qgm-observe", "demo", "--replay", "--port", "0", "--journal", "journal.db")
    return {call: installed("qgm-observe", *call.split()).returncode for call in calls}


@pytest.mark.parametrize("installed", ["slo"], indirect=True)
def test_the_extra_slo_judges(installed: Installed) -> None:
    """Every verb of `slo` works with it alone."""
    assert _exits(
        installed,
        "slo lint",
        "slo status --journal journal.db",
        "slo suggest --journal journal.db",
        "slo simulate --target 0.95 --events-per-day 10",
    ) == {
        "slo lint": 0,
        "slo status --journal journal.db": 0,
        "slo suggest --journal journal.db": 0,
        "slo simulate --target 0.95 --events-per-day 10": 0,
    }


@pytest.mark.parametrize("installed", ["render"], indirect=True)
def test_the_extra_render_writes_all_shelves(installed: Installed) -> None:
    """Rules, boards and runbooks are written with it alone, and are fresh then."""
    assert _exits(installed, "render ops", "render ops --check") == {
        "render ops": 0,
        "render ops --check": 0,
    }


@pytest.mark.parametrize("installed", ["export"], indirect=True)
def test_the_extra_export_follows_a_journal(installed: Installed) -> None:
    """The sidecar of journals reads its plan, without a path that of the user's own journal."""
    done = installed("qgm-observe", "export", "journal", "--check", QGM_OBSERVE_JOURNAL="mine.db")

    assert (done.returncode, done.stderr) == (0, "")
    assert "follows 0 journals now, others when they appear: mine.db;" in done.stdout


@pytest.mark.parametrize("installed", ["guard"], indirect=True)
def test_the_extra_guard_tells_costs(installed: Installed) -> None:
    """What a journal cost is told with it alone."""
    assert _exits(installed, "cost journal.db") == {"cost journal.db": 0}


@pytest.mark.parametrize("installed", ["otlp"], indirect=True)
def test_the_extra_otlp_makes_spans(installed: Installed) -> None:
    """The recorded run becomes spans where the extra is installed."""
    done = installed("python", "-c", SPANS)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


@pytest.mark.parametrize("installed", ["ibm"], indirect=True)
def test_the_extra_ibm_is_hooked(installed: Installed) -> None:
    """The provider's sampler is wrapped when a script imports it."""
    done = installed("python", "-c", IBM)

    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


@pytest.mark.parametrize("installed", ["demo"], indirect=True)
def test_the_extra_demo_trains(installed: Installed) -> None:
    """Two iterations of the demo train and tell, into the journal that the environment names."""
    words = ("demo", "--port", "0", "--iterations", "2", "--json")
    done = installed("qgm-observe", *words, QGM_OBSERVE_JOURNAL="mine.db")
    told = installed("qgm-observe", "journal", "info", "--journal", "mine.db")

    assert done.returncode == 0, done.stderr
    assert '"steps": 2' in done.stdout
    assert told.returncode == 0, told.stderr
