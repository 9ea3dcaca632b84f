"""A Python program, run in this process the way `python SCRIPT` and `python -m MODULE` run it."""

import builtins
import importlib.machinery
import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from qgm_observe.errors import UsageError

INTERRUPTED = 130
_ROOMS = ("cli", "instrumentation")
_OURS = tuple(f"{Path(__file__).parent.parent / room}{os.sep}" for room in _ROOMS)
"""Where the frames come from that a script does not have under `python`."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended.

    Attributes:
        exit_code: What Python would give the shell.
        error: The exception that ended it, `None` if it came to its end.
    """

    exit_code: int
    error: BaseException | None = None


class Program(ABC):
    """What to run.

    Attributes:
        name: A label for it.
        file: What its attributes name it by; no path.
        arguments: What follows its own name in `sys.argv`.
    """

    name: str
    file: str

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)

    def run(self) -> Ending:
        """Run it as `__main__`, and show the exception that ends it as Python would.

        Raises:
            UsageError: there is no such program after all.
        """
        try:
            self._run()
        except _NotFoundError:
            raise
        except SystemExit as error:
            return Ending(_exit_code(error), error)
        except KeyboardInterrupt as error:
            _show(error)
            return Ending(INTERRUPTED, error)
        except BaseException as error:  # noqa: BLE001  whatever ends it ends it here
            _show(error)
            return Ending(1, error)
        return Ending(0)

    def _run(self) -> None:
        main = ModuleType("__main__")
        names = vars(main)
        names |= {"__builtins__": builtins, "__cached__": None}
        if sys.version_info < (3, 14):  # since then a module has them when it annotates something
            names["__annotations__"] = {}
        sys.modules["__main__"] = main
        exec(self._code(names), names)  # noqa: S102  it is what the user asked for

    @abstractmethod
    def _code(self, names: dict[str, Any]) -> CodeType:
        """Compile it, and let `__main__` and `sys` know what it is."""


class Script(Program):
    """A file.

    Raises:
        UsageError: there is no such file or it cannot be read.
    """

    def __init__(self, path: str, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        self._path = path
        self._source = _read(path)
        self.name, self.file = Path(path).stem, Path(path).name

    def _code(self, names: dict[str, Any]) -> CodeType:
        absolute = Path(self._path).is_absolute()
        file = self._path if absolute else f"{Path.cwd()}{os.sep}{self._path}"
        names["__file__"] = file
        names["__loader__"] = importlib.machinery.SourceFileLoader("__main__", file)
        _look_first_in(str(Path(self._path).resolve().parent))
        sys.argv = [self._path, *self.arguments]
        return compile(self._source, file, "exec", dont_inherit=True)


class Module(Program):
    """A module of the search path; of a package its `__main__`.

    Raises:
        UsageError: there is no such module.
    """

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        self.name = self.file = name
        before = list(sys.path)
        _look_first_in(str(Path.cwd()))
        if not _is_found(name.partition(".")[0]):
            sys.path[:] = before
            raise _no_module(name)

    def _code(self, names: dict[str, Any]) -> CodeType:
        spec, code = _module(self.name)
        names["__spec__"] = spec
        names["__file__"] = spec.origin
        names["__package__"] = spec.parent
        names["__loader__"] = spec.loader
        names["__cached__"] = spec.cached
        sys.argv = [spec.origin or self.name, *self.arguments]
        return code


class _NotFoundError(UsageError):
    pass


def _read(path: str) -> bytes:
    if Path(path).is_dir():
        raise UsageError(f"script {path!r} is a directory: write a Python file, or -m MODULE")
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise UsageError(f"script {path!r}: no such file; write a Python file's path") from None
    except OSError as error:
        raise UsageError(f"script {path!r} cannot be read: {error.strerror}") from None


def _module(name: str) -> tuple[importlib.machinery.ModuleSpec, CodeType]:
    """Return a module's spec and code; its parent packages are imported for that."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise _no_module(name) from None
    if spec is not None and spec.submodule_search_locations is not None:
        return _module(f"{name}.__main__")
    loader: Any = None if spec is None else spec.loader
    code = loader.get_code(name) if hasattr(loader, "get_code") else None
    if spec is None or code is None:
        raise _no_module(name)
    return spec, code


def _is_found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:
        return False


def _no_module(name: str) -> UsageError:
    return _NotFoundError(f"module {name!r} is not found: write a name that `python -m` knows")


def _look_first_in(folder: str) -> None:
    """Let the program's folder be first on the search path, in place of this command's own."""
    if sys.flags.safe_path:
        return
    if sys.path and Path(sys.path[0]).resolve() == Path(sys.argv[0]).resolve().parent:
        del sys.path[0]
    sys.path.insert(0, folder)


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    sys.stderr.write(f"{error.code}\n")
    return 1


def _show(error: BaseException) -> None:
    """Show an uncaught exception by the program's own hook, without frames of this command."""
    _leave_out_ours(error, set())
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except Exception:  # noqa: BLE001  Python, too, goes on to its own way of showing
        sys.__excepthook__(type(error), error, error.__traceback__)


def _leave_out_ours(error: BaseException | None, seen: set[int]) -> None:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _others(error.__traceback__)
    _leave_out_ours(error.__cause__, seen)
    _leave_out_ours(error.__context__, seen)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        _leave_out_ours(inner, seen)


def _others(trace: TracebackType | None) -> TracebackType | None:
    links = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_OURS):
            links.append(trace)
        trace = trace.tb_next
    shown = None
    for link in reversed(links):
        shown = TracebackType(shown, link.tb_frame, link.tb_lasti, link.tb_lineno)
    return shown
