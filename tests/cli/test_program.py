"""A program run here as Python runs it; Python itself is the measure."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qgm_observe.cli.program import Module, Script
from qgm_observe.errors import UsageError

RUN = """
import sys
from qgm_observe.cli.program import Module, Script
kind, name, *arguments = sys.argv[1:]
sys.exit((Module if kind == "-m" else Script)(name, arguments).run().exit_code)
"""

PROGRAMS = {
    "facts": """
        import inspect, os, sys
        print(__name__, __file__, __package__, __spec__, __cached__, __builtins__)
        print(sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals())
        print(type(__loader__).__name__, globals().get("__annotations__"), __doc__)
        print(sorted(globals()))
        annotated: int = 1
        print(__annotations__)
    """,
    "docstring": '"""Says something."""\nprint(__doc__)\n',
    "exit_number": "import sys; sys.exit(3)",
    "exit_text": "import sys; print('out'); sys.exit('that went wrong')",
    "exit_nothing": "import sys; sys.exit()",
    "exit_true": "raise SystemExit(True)",
    "error": """
        def inner(): raise ValueError("deep")
        def outer():
            try: inner()
            except ValueError as error: raise RuntimeError("high") from error
        outer()
    """,
    "error_in_handler": """
        try: {}["a"]
        except KeyError: [][0]
    """,
    "error_group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "syntax_error": "def f(:\n    pass\n",
    "import_error": "import no_such_module",
    "own_hook": "import sys\nsys.excepthook = lambda *error: print('mine', error[0])\n1 / 0",
    "broken_hook": "import sys\nsys.excepthook = None\n1 / 0",
    "assertion": "assert 1 == 2, 'no'",
    "generator_exit": "raise GeneratorExit",
    "pickle": """
        import pickle
        class Thing: pass
        print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
    """,
    "exit_handlers": """
        import atexit, threading
        atexit.register(print, "at exit")
        threading.Thread(target=lambda: print("in thread")).start()
    """,
    "standard_input": "print(input())",
}


def write(folder: Path, name: str, text: str) -> Path:
    lines = text.splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    path = folder / f"{name}.py"
    path.write_text("\n".join(line[indent:] for line in lines) + "\n")
    return path


def outcome(*command: str, cwd: Path) -> tuple[int, str, str]:
    told = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        input="in\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return told.returncode, told.stdout, told.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_behaves_as_under_python(name: str, tmp_path: Path) -> None:
    """Exit code, output and traceback of a script are the same, byte for byte."""
    write(tmp_path, name, PROGRAMS[name])
    arguments = (f"./{name}.py", "one", "--two")

    ours = outcome("-c", RUN, "--", *arguments, cwd=tmp_path)
    theirs = outcome(*arguments, cwd=tmp_path)

    if name == "broken_hook":  # Python tells of the hook in words of its own
        ours, theirs = ((*each[:2], each[2].splitlines()[-4:]) for each in (ours, theirs))
    assert ours == theirs


@pytest.mark.parametrize("name", ["facts", "exit_number", "error", "pickle"])
def test_a_module_behaves_as_under_python(name: str, tmp_path: Path) -> None:
    """A module, also the main one of a package, behaves as under `python -m`."""
    (tmp_path / "box").mkdir()
    write(tmp_path / "box", "__main__", PROGRAMS[name])
    write(tmp_path / "box", "__init__", "")
    write(tmp_path, name, PROGRAMS[name])

    for module in (name, "box"):
        ours = outcome("-c", RUN, "-m", module, "one", cwd=tmp_path)
        theirs = outcome("-m", module, "one", cwd=tmp_path)
        # places in memory differ, and `python -m` shows frames of a way that is not taken here
        passing = re.compile(r'0x[0-9a-f]+|  File "<frozen runpy>".*\n')
        assert [passing.sub("", str(each)) for each in ours] == [
            passing.sub("", str(each)) for each in theirs
        ]


def test_an_interrupt_ends_with_130(tmp_path: Path) -> None:
    """A keyboard interrupt shows its traceback and gives the code that shells know."""
    write(tmp_path, "stop", "raise KeyboardInterrupt")

    code, _, errors = outcome("-c", RUN, "--", "stop.py", cwd=tmp_path)

    assert code == 130
    assert errors == outcome("stop.py", cwd=tmp_path)[2]


def test_spawned_processes_find_the_script(tmp_path: Path) -> None:
    """Functions of the script work in the processes of a spawned pool."""
    write(
        tmp_path,
        "pool",
        """
        import multiprocessing
        def double(x): return 2 * x
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(double, [1, 2]))
        """,
    )

    assert outcome("-c", RUN, "--", "pool.py", cwd=tmp_path) == (0, "[2, 4]\n", "")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.py", "'missing.py': no such file; write a Python file's path"),
        (".", "'.' is a directory: write a Python file, or -m MODULE"),
        ("locked.py", "'locked.py' cannot be read: Permission denied"),
    ],
)
def test_a_file_that_cannot_be_read(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that is no readable file is refused with what to write instead."""

    def denied(self: Path) -> bytes:
        raise (
            PermissionError(13, "Permission denied")
            if self.name == "locked.py"
            else (FileNotFoundError(2, "No such file"))
        )

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(UsageError) as told:
        Script(path, [])

    assert str(told.value) == f"script {message}"


@pytest.mark.parametrize("name", ["no_such_module", "no_such_package.part", "__main__"])
def test_a_module_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that cannot be found is refused, and the search path is left as it was."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    before = list(sys.path)
    with pytest.raises(UsageError, match=f"module '{re.escape(name)}' is not found"):
        Module(name, [])

    assert sys.path == before


@pytest.mark.parametrize("name", ["json.no_such_part", "os.path.part", "email"])
def test_a_part_that_is_not_there(name: str, tmp_path: Path) -> None:
    """A missing part of a package, or a package that is no program, is refused when it is run."""
    code, _, errors = outcome("-c", RUN, "-m", name, cwd=tmp_path)

    assert code == 1
    assert "is not found: write a name that `python -m` knows" in errors


def test_a_failing_package_shows_its_own_error(tmp_path: Path) -> None:
    """An import that fails inside the package is shown as what it is."""
    (tmp_path / "box").mkdir()
    write(tmp_path / "box", "__init__", "import no_such_module")
    write(tmp_path / "box", "part", "print('never')")

    code, _, errors = outcome("-c", RUN, "-m", "box.part", cwd=tmp_path)

    assert code == 1
    assert errors.endswith("ModuleNotFoundError: No module named 'no_such_module'\n")
    assert f"qgm_observe{os.sep}" not in errors
