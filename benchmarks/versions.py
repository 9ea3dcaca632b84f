"""The hooks' tests against the oldest libraries that the hooks declare, and the newest.

The oldest are what `requires` of the instrumentors allows, all at once in a temporary environment
(PyTorch aside, see torch_steps.py); the newest are those of uv.lock, in the environment that runs
this. Fails where a test does.

Usage: python benchmarks/versions.py [oldest | newest]
"""

import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from qgm_observe.instrumentation import INSTRUMENTORS

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")
LIBRARIES = {kind.requires[0].split()[0]: kind.requires[0] for kind in INSTRUMENTORS}
LIBRARIES.pop("torch")
TOOLS = ("pytest", "pytest-randomly", "pytest-socket", "pytest-timeout", "pytest-xdist")
USED = ("hypothesis", "ipython", "opentelemetry-instrumentation", "numpy")
UNDECLARED = ("gast",)
"""What PennyLane 0.44.0 imports and does not ask for."""
LATER = ("test_compiling.py::test_transpile_tells_as_well",)
"""Tests of what the oldest lack: a seed of the compiler in QISKIT_TRANSPILER_SEED."""


def environment(folder: Path) -> Path:
    """Make an environment with the oldest libraries and today's tools; returns its interpreter."""
    python = folder / "bin" / "python"
    tools = [f"{name}=={version(name)}" for name in (*TOOLS, *USED)]
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", python]
    oldest = ["--resolution", "lowest-direct", *LIBRARIES.values(), *UNDECLARED]
    subprocess.run([*install, *oldest, *tools, "--editable", ROOT], check=True)
    return python


def installed(python: Path) -> str:
    """Return the versions of the libraries in an environment."""
    code = (
        "from importlib.metadata import version\n"
        f"print(*(f'{{n}} {{version(n)}}' for n in {list(LIBRARIES)}), sep=', ')"
    )
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def tested(python: Path, skipped: tuple[str, ...]) -> tuple[bool, str]:
    """Run the tests; returns whether all passed, and pytest's last lines, all where one failed."""
    tests = ROOT / "tests" / "instrumentation"
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-W", "default"]
    options += ["--numprocesses", "2", "--dist", "worksteal"]
    options += [f"--deselect={tests.relative_to(ROOT) / name}" for name in skipped]
    words = [python, "-m", "pytest", *options, tests]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()
    return done.returncode == 0, lines[-1] if done.returncode == 0 else "\n".join(lines)


def main() -> int:
    """Print what was tested and what came of it."""
    good = True
    with tempfile.TemporaryDirectory(prefix="qgm-versions-") as folder:
        for name in sys.argv[1:] or ("oldest", "newest"):
            began = time.monotonic()
            is_oldest = name == "oldest"
            python = environment(Path(folder)) if is_oldest else Path(sys.executable)
            print(f"{name}: {installed(python)}", flush=True)
            passed, told = tested(python, LATER if is_oldest else ())
            print(f"{name}: {told}, {time.monotonic() - began:.0f} s with setting up", flush=True)
            good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
