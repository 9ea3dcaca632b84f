"""The habits of CONTRIBUTING that a machine can hold: sizes, reasons, rooms and doors."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("qgm_observe", "tests", "benchmarks", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
ROOMS = ["catalog", "cli", "instrumentation", "journal", "lifecycle", "records", "telemetry"]
VIOLATIONS = {  # a planted import: what import-linter says about it
    (
        "journal/rows.py",
        "qgm_observe.telemetry",
    ): "qgm_observe.journal.rows -> qgm_observe.telemetry",
    ("gadgets/__init__.py", "json"): "- qgm_observe.gadgets",
    ("training/core.py", "qgm_observe.errors"): "qgm_observe.training.core -> qgm_observe.errors",
    (
        "lifecycle/demo.py",
        "qgm_observe.training",
    ): "qgm_observe.lifecycle.demo -> qgm_observe.training",
    ("journal/circuits.py", "qiskit"): "qgm_observe.journal.circuits -> qiskit",
    ("telemetry/rows.py", "sqlite3"): "qgm_observe.telemetry.rows -> sqlite3",
    ("telemetry/text.py", "prometheus_client"): "qgm_observe.telemetry.text -> prometheus_client",
    (
        "records/work.py",
        "qgm_observe.records.shots",
    ): "No cycles are allowed in qgm_observe.records.",
    (
        "records/shots.py",
        "qgm_observe.records.work",
    ): "No cycles are allowed in qgm_observe.records.",
}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Walks over the functions of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Counts the lines of a function's body without its docstring."""
    first = function.body[1:2] if ast.get_docstring(function) else function.body[:1]
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


def test_files_stay_readable() -> None:
    """No file is longer than 400 lines, and no function's body longer than 60."""
    texts = {path: path.read_text() for path in SOURCES}
    long_files = [
        str(path.relative_to(ROOT))
        for path, text in texts.items()
        if len(text.splitlines()) > MAX_FILE_LINES
    ]
    long_functions = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path, text in texts.items()
        for function in functions(ast.parse(text))
        if body_lines(function) > MAX_FUNCTION_LINES
    ]

    assert long_files == []
    assert long_functions == []


def test_every_relaxed_rule_has_a_reason() -> None:
    """Each lint rule that pyproject.toml switches off says why on its own line."""
    text = (ROOT / "pyproject.toml").read_text()
    relaxed = re.findall(r'^ +"[A-Z]+[0-9]*",.*$', text, re.MULTILINE)

    assert len(relaxed) > 20
    assert [line for line in relaxed if not re.search(r"# .{10,}", line)] == []


def test_every_third_party_import_has_a_door() -> None:
    """What the package imports is the standard library or a package with listed doors."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    doors = next(c for c in contracts["contracts"] if c["id"] == "doors")["forbidden_modules"]
    graph = grimp.build_graph("qgm_observe", include_external_packages=True, cache_dir=None)
    foreign = {
        module.partition(".")[0] for module in graph.modules if not module.startswith("qgm_observe")
    }

    assert foreign - sys.stdlib_module_names <= set(doors)


def test_the_map_shows_every_room() -> None:
    """The map in CONTRIBUTING lists the rooms and modules of the package, and no others."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE)
    mapped = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    package = ROOT / "qgm_observe"
    rooms = {init.parent.name for init in package.glob("*/__init__.py")}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "version"}

    assert mapped == rooms | modules


def lint_sample(folder: Path) -> str:
    """Runs this project's import contracts on a package of the same name in the folder."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    outcome = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return outcome.stdout


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A package with today's rooms, all of them empty."""
    package = tmp_path / "qgm_observe"
    for room in [*ROOMS, "training"]:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    for module in ("__init__", "errors", "settings", "version"):
        (package / f"{module}.py").touch()
    return tmp_path


def test_empty_rooms_keep_every_contract(sample: Path) -> None:
    """The import contracts hold for a package whose rooms are empty."""
    assert "5 kept, 0 broken" in lint_sample(sample)


def test_planted_imports_are_reported(sample: Path) -> None:
    """Import-linter reports every import that leaves its layer or its door, or runs in a circle."""
    for place, module in VIOLATIONS:
        path = sample / "qgm_observe" / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"import {module}\n")

    report = lint_sample(sample)

    assert [line for line in VIOLATIONS.values() if line not in report] == []
    assert "0 kept, 5 broken" in report
