"""The hooks against the oldest versions of the libraries that we declare, and the newest.

Each column is an environment of its own in a temporary folder; each row a file of tests. The oldest
are those of the extras in pyproject.toml and of `requires` of the instrumentors. Run
`python benchmarks/versions.py oldest` for one of them alone; without an argument the newest are
those of the environment that runs this.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")
LIBRARIES = {
    "qiskit": "2.6.0",
    "qiskit-aer": "0.18.0",
    "qiskit-ibm-runtime": "0.51.0",
    "scipy": "1.15.0",
    "pennylane": "0.44.0",
    "qiskit-algorithms": "0.4.0",
    "qiskit-machine-learning": "0.9.0",
}
TOOLS = ("pytest>=9.2", "pytest-randomly", "pytest-socket", "pytest-timeout", "pytest-xdist")
OURS = ("hypothesis", "ipython", "rich", "platformdirs", "prometheus-client")
UNDECLARED = ("gast",)
"""What PennyLane 0.44.0 imports and does not ask for."""
TESTS = (
    "test_scipy.py",
    "test_optimizers.py",
    "test_pennylane.py",
    "test_primitives.py",
    "test_compiling.py",
    "test_provider_jobs.py",
    "test_subclasses.py",
    "test_instrument.py",
)


def environment(folder: Path) -> Path:
    """Make an environment with the oldest versions; returns its interpreter."""
    python = folder / "bin" / "python"
    oldest = [f"{name}=={version}" for name, version in LIBRARIES.items()]
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, *oldest, *TOOLS, *OURS, *UNDECLARED, "--editable", ROOT], check=True)
    return python


def installed(python: Path) -> str:
    """Return the versions of the libraries in an environment."""
    code = (
        "from importlib.metadata import version\n"
        f"print(*(f'{{n}} {{version(n)}}' for n in {list(LIBRARIES)}), sep=', ')"
    )
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def outcome(python: Path, file: str) -> str:
    """Run a file of tests and return pytest's last line."""
    path = ROOT / "tests" / "instrumentation" / file
    if not path.exists():
        return "no such file"
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=line", "-W", "default"]
    done = subprocess.run(
        [python, "-m", "pytest", *options, path],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()
    return lines[-1].strip("= ") if lines else f"exit code {done.returncode}"


def main() -> None:
    """Print the table."""
    wanted = sys.argv[1:] or ["oldest", "newest"]
    with tempfile.TemporaryDirectory(prefix="qgm-versions-") as folder:
        columns = {
            name: environment(Path(folder)) if name == "oldest" else Path(sys.executable)
            for name in wanted
        }
        for name, python in columns.items():
            print(f"{name}: {installed(python)}")
        for file in TESTS:
            for name, python in columns.items():
                print(f"{file:24} {name:7} {outcome(python, file)}", flush=True)


if __name__ == "__main__":
    main()
