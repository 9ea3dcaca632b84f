"""The hooks' tests against the oldest libraries that they declare, and all tests on other Pythons.

The oldest are what `requires` of the instrumentors allows, all at once in a temporary environment
(PyTorch aside, see torch_steps.py); the newest are those of uv.lock, in the environment that runs
this. A Python is named by its version or its path, and gets the libraries of uv.lock in a temporary
environment. Fails where a test does.

Usage: python benchmarks/versions.py [oldest | newest | PYTHON]...
"""

import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from qgm_observe.instrumentation import INSTRUMENTORS

ROOT = Path(__file__).parent.parent
HOOKS = ROOT / "tests" / "instrumentation"
UV = Path(sys.executable).with_name("uv")
LIBRARIES = {kind.requires[0].split()[0]: kind.requires[0] for kind in INSTRUMENTORS}
LIBRARIES.pop("torch")
TOOLS = ("pytest", "pytest-randomly", "pytest-socket", "pytest-timeout", "pytest-xdist")
USED = ("hypothesis", "ipython", "opentelemetry-instrumentation", "numpy")
UNDECLARED = ("gast",)
"""What PennyLane 0.44.0 imports and does not ask for."""
LATER = ("test_compiling.py::test_transpile_tells_as_well",)
"""Tests of what the oldest lack: a seed of the compiler in QISKIT_TRANSPILER_SEED."""


def locked(folder: Path, interpreter: str) -> Path:
    """Make an environment of another Python with what uv.lock says; returns its interpreter."""
    words = ["--quiet", "--frozen", "--all-extras", "--python", interpreter, "--project", ROOT]
    settings = os.environ | {"UV_PROJECT_ENVIRONMENT": str(folder)}
    subprocess.run([UV, "sync", *words], check=True, env=settings)
    return folder / "bin" / "python"


def oldest(folder: Path) -> Path:
    """Make an environment with the oldest libraries and today's tools; returns its interpreter."""
    python = folder / "bin" / "python"
    tools = [f"{name}=={version(name)}" for name in (*TOOLS, *USED)]
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", python]
    lowest = ["--resolution", "lowest-direct", *LIBRARIES.values(), *UNDECLARED]
    subprocess.run([*install, *lowest, *tools, "--editable", ROOT], check=True)
    return python


def installed(python: Path) -> str:
    """Return the versions of Python and of the libraries in an environment."""
    code = (
        "import platform\nfrom importlib.metadata import version\n"
        f"told = [f'{{n}} {{version(n)}}' for n in {list(LIBRARIES)}]\n"
        "print('Python ' + platform.python_version(), *told, sep=', ')"
    )
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def tested(python: Path, *choice: str | Path) -> tuple[bool, str]:
    """Run tests; returns whether all passed, and pytest's last lines, all where one failed."""
    options = ["-q", "--tb=short", "-p", "no:cacheprovider"]
    options += ["--numprocesses", "2", "--dist", "worksteal"]
    words = [python, "-m", "pytest", *options, *choice]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()
    return done.returncode == 0, lines[-1] if done.returncode == 0 else "\n".join(lines)


def proved(name: str, folder: Path) -> tuple[bool, str]:
    """Set up what is asked for by its name, and run its tests there."""
    if name == "newest":
        python = Path(sys.executable)
    else:
        python = oldest(folder) if name == "oldest" else locked(folder, name)
    print(f"{name}: {installed(python)}", flush=True)
    if name not in {"oldest", "newest"}:
        return tested(python, ROOT / "tests")
    later = [f"--deselect={(HOOKS / each).relative_to(ROOT)}" for each in LATER]
    return tested(python, HOOKS, "-W", "default", *(later if name == "oldest" else ()))


def main() -> int:
    """Print what was tested and what came of it."""
    good = True
    for name in sys.argv[1:] or ("oldest", "newest"):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="qgm-versions-") as folder:
            passed, told = proved(name, Path(folder))
        print(f"{name}: {told}, {time.monotonic() - began:.0f} s with setting up", flush=True)
        good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
