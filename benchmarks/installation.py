"""What an installation costs: distributions, bytes, and the time to import what it brings.

Each extra is installed from the wheel of this tree into a clean environment of its own, at the
locked versions. Sizes are those of all files of the environment's packages. Import time is
processor time (user and system) of an interpreter that imports what the extra is for, less that of
one that imports nothing: the best of five, compiled before.

Usage: python benchmarks/installation.py [--json] [--write README.md]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
IMPORTS = {
    "": "qgm_observe.lifecycle",
    "otlp": "qgm_observe.telemetry.otel",
    "aer": "qiskit_aer",
    "ibm": "qiskit_ibm_runtime",
    "demo": "qgm_observe.training.qcbm",
}
REPEATS = 5
LINE = "{:<22} {:>13} {:>9} {:>10}  {}"
HEAD = ("pip install", "distributions", "MB", "import ms", "of")


def uv(*words: str | Path) -> None:
    """Run uv, which has to succeed."""
    subprocess.run([UV, *words, "--quiet"], check=True)


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """Make an environment; return its interpreter."""
    locked, python = folder / "locked.txt", folder / "env" / "bin" / "python"
    chosen = ("--extra", extra) if extra else ()
    export = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", *chosen)
    uv(*export, "--project", ROOT, "--output-file", locked)
    uv("venv", "--python", sys.executable, folder / "env")
    wanted = f"qgm-observe[{extra}] @ {wheel.as_uri()}" if extra else str(wheel)
    how = ("--link-mode", "symlink", "--constraint", locked, "--python", python)
    uv("pip", "install", *how, wanted)
    return python


def processor_ms(python: Path, code: str) -> float:
    """Milliseconds of processor time of an interpreter that runs some code: the best."""
    best = float("inf")
    for _ in range(REPEATS + 1):  # the first compiles
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, "-c", code], check=True, cwd="/")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        best = min(best, spent)
    return best * 1e3


def measure(wheel: Path, extra: str) -> dict[str, object]:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        python = install(wheel, extra, Path(folder))
        (packages,) = (Path(folder) / "env" / "lib").glob("python*/site-packages")
        size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())
        module = IMPORTS[extra]
        spent = processor_ms(python, f"import {module}") - processor_ms(python, "pass")
        return {
            "extra": extra,
            "distributions": len(list(packages.glob("*.dist-info"))),
            "megabytes": round(size / 1e6, 1),
            "import_ms": round(spent),
            "module": module,
        }


def lines(rows: list[dict[str, object]]) -> str:
    """The table as text."""
    cells = [HEAD]
    for row in rows:
        name = f"qgm-observe[{row['extra']}]" if row["extra"] else "qgm-observe"
        cells.append((name, *(str(row[key]) for key in list(row)[1:])))  # type: ignore[arg-type]
    return "\n".join(LINE.format(*each).rstrip() for each in cells)


def quote(table: str, readme: Path) -> None:
    """Put the table between the marks of a Markdown file."""
    before, begin, rest = readme.read_text().partition("<!-- packaging:begin -->")
    _, end, after = rest.partition("<!-- packaging:end -->")
    readme.write_text(f"{before}{begin}\n```text\n{table}\n```\n{end}{after}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", type=Path, metavar="README", help="quote the table there too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        how = ("--no-build-isolation", "--offline", "--python", sys.executable)
        uv("build", "--wheel", *how, "--out-dir", folder, ROOT)
        (wheel,) = Path(folder).glob("*.whl")
        rows = [measure(wheel, extra) for extra in IMPORTS]
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(lines(rows))
    if args.write:
        quote(lines(rows), args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
