"""What a pass manager did, pass by pass: kept of a compilation that fails, and of a slow one.

The log is a JSON document of the kind `compile_log`: `outcome` (failure or slow), `seconds`,
`passes` (`[[name, seconds, operations after it, depth after it], ...]`, the depth only where the
pass took 10 ms), `given` (of each circuit `qubits`, `operations`, `depth` and `gates` by
name), `target` (`qubits`, `couplings`, `gates`), `undefined` (gates that neither have a definition
nor are the target's), `options`, `versions`, and of a failure `pass` and `error` (`type`, and `at`:
module, function, line). No text of an exception and no parameter is in it. Its short form, without
the passes, is the attribute `compilation` of the failed job.
"""

import json
import sys
from collections.abc import Hashable
from functools import partial
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from qgm_observe.lifecycle import JobHandle
from qgm_observe.lifecycle.failures import type_name
from qgm_observe.lifecycle.versions import loaded_versions

SLOW_SECONDS = 1.0
"""From which on a compilation is slow; one a minute is kept of those that succeed."""

MOST_PASSES = 256
_MOST_CIRCUITS, _MOST_GATES = 8, 64
_BETWEEN_SLOW = 60 * 10**9
_DEPTH_SECONDS = 0.01
_CALLBACK = 2
_made: WeakKeyDictionary[Any, tuple[Any, dict[str, Any]]] = WeakKeyDictionary()
_last_slow = -_BETWEEN_SLOW


def made_for(manager: Any, config: Any, options: dict[str, Any]) -> None:
    """Remember what a preset pass manager was made with: its configuration, and `OPTIONS`."""
    _made[manager] = config, options


def options_of(manager: Any) -> dict[str, Any] | None:
    """Return the options that a preset pass manager was made with, `None` of any other."""
    made = _made.get(manager) if isinstance(manager, Hashable) else None
    return None if made is None else made[1]


class PassLog:
    """Listens to one run of a pass manager.

    Args:
        manager: What runs.
        args: Of its `run`.
        kwargs: Likewise.

    Attributes:
        manager: What runs.
        args: With which it is to be run, so that it is heard.
        kwargs: Likewise.
    """

    __slots__ = ("_passes", "_theirs", "args", "kwargs", "manager")

    def __init__(self, manager: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.manager = manager
        self._passes: list[tuple[Any, float, int, int | None]] = []
        self.args, self.kwargs = args, kwargs
        is_placed = len(args) > _CALLBACK
        self._theirs = args[_CALLBACK] if is_placed else kwargs.get("callback")
        if not _tells_passes(manager) or self._runs_elsewhere():
            return
        if is_placed:
            self.args = (*args[:_CALLBACK], self, *args[_CALLBACK + 1 :])
        else:
            self.kwargs = kwargs | {"callback": self}

    def __call__(self, pass_: Any = None, dag: Any = None, time: Any = 0.0, **told: Any) -> None:
        """Take a pass that is over, and tell whom the script wants to be told."""
        try:
            depth = dag.depth() if time > _DEPTH_SECONDS else None
            self._passes.append((pass_, time, dag.size(), depth))
        except Exception:  # noqa: BLE001  compiling goes on, whatever a pass is like
            self._passes.append((None, 0.0, 0, None))
        if self._theirs is not None:
            self._theirs(pass_=pass_, dag=dag, time=time, **told)

    def failed(self, job: JobHandle, error: BaseException, seconds: float) -> None:
        """Keep the log with the job that failed."""
        short = self._short("failure", seconds) | _failure(error)
        job.note(compilation={name: value for name, value in short.items() if name != "given"})
        job.keep("compile_log", partial(_json, short | self._long()))

    def slow(self, start: int, end: int) -> bytes | None:
        """Return the log of a compilation that was slow, `None` of others (nanoseconds)."""
        global _last_slow  # noqa: PLW0603  the rate is that of the process
        if end - start < SLOW_SECONDS * 1e9 or end - _last_slow < _BETWEEN_SLOW:
            return None
        _last_slow = end
        return _json(self._short("slow", (end - start) / 1e9) | self._long())

    def _runs_elsewhere(self) -> bool:
        """Whether the passes run in other processes, to which nothing of ours is to be sent."""
        circuits = self._circuits()
        is_parallel = getattr(sys.modules.get("qiskit.utils"), "should_run_in_parallel", None)
        return len(circuits) > 1 and (is_parallel is None or is_parallel(self._processes()))

    def _processes(self) -> Any:
        place = _CALLBACK + 1
        return self.args[place] if len(self.args) > place else self.kwargs.get("num_processes")

    def _circuits(self) -> list[Any]:
        told = self.args[0] if self.args else self.kwargs.get("circuits")
        return told if isinstance(told, list) else [told]

    def _short(self, outcome: str, seconds: float) -> dict[str, Any]:
        options = options_of(self.manager) or {}
        config = _made[self.manager][0] if options else None
        given = [_given(each) for each in self._circuits()[:_MOST_CIRCUITS]]
        target = {} if config is None else _target(config)
        short = {
            "outcome": outcome,
            "seconds": seconds,
            "circuits": len(self._circuits()),
            "qubits": max((each.get("qubits", 0) for each in given), default=0),
            "given": given,
            "target": target,
            "undefined": sorted(_undefined(self._circuits()) - {*target.get("gates", ())}),
            "options": {k: v for k, v in options.items() if isinstance(v, int | str)},
        }
        return {name: value for name, value in short.items() if value not in ({}, [])}

    def _long(self) -> dict[str, Any]:
        passes = [
            [None if each is None else each.name(), round(seconds, 6), size, depth]
            for each, seconds, size, depth in self._passes[-MOST_PASSES:]
        ]
        return {
            "passes": passes,
            "left_out": max(len(self._passes) - MOST_PASSES, 0),
            "versions": dict(loaded_versions()),
        }


def _tells_passes(manager: Any) -> bool:
    """Whether it is one of Qiskit's; PennyLane's pipelines take no callback."""
    return any(kind.__name__ == "BasePassManager" for kind in type(manager).__mro__)


def _given(circuit: Any) -> dict[str, Any]:
    if not hasattr(circuit, "count_ops"):
        return {}
    gates = list(circuit.count_ops().items())[:_MOST_GATES]
    return {
        "qubits": circuit.num_qubits,
        "operations": circuit.size(),
        "depth": circuit.depth(),
        "gates": {str(name)[:_MOST_GATES]: count for name, count in gates},
    }


def _target(config: Any) -> dict[str, Any]:
    """What a `qiskit.transpiler.PassManagerConfig` compiles for."""
    target, coupling = getattr(config, "target", None), getattr(config, "coupling_map", None)
    if target is not None:
        coupling = target.build_coupling_map() or coupling
    names = target.operation_names if target is not None else config.basis_gates
    told = {
        "qubits": getattr(target, "num_qubits", None) or (coupling and coupling.size()),
        "couplings": coupling and len(coupling.get_edges()),
        "gates": sorted(map(str, names or ()))[:_MOST_GATES],
    }
    return {name: value for name, value in told.items() if value}


def _undefined(circuits: list[Any]) -> set[str]:
    """Gates of which nothing says what they do; every name is looked at once."""
    seen: set[str] = set()
    found: set[str] = set()
    for circuit in circuits[:_MOST_CIRCUITS]:
        for step in getattr(circuit, "data", ()):
            if step.name in seen:
                continue
            seen.add(step.name)
            if not step.is_standard_gate() and not _is_known(step.operation):
                found.add(str(step.name)[:_MOST_GATES])
    return found


def _is_known(operation: Any) -> bool:
    """Whether it has a definition, or is no gate, such as a measurement or a loop."""
    is_gate = any(kind.__name__ == "Gate" for kind in type(operation).__mro__)
    return not is_gate or getattr(operation, "definition", None) is not None


def _failure(error: BaseException) -> dict[str, Any]:
    """Where it failed, without any text of the error's own."""
    at, failed = "", ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        module = frame.f_globals.get("__name__", "")
        at = f"{module}.{frame.f_code.co_name}:{trace.tb_lineno}"
        if frame.f_code.co_name == "execute" and module.startswith("qiskit."):
            named = getattr(frame.f_locals.get("self"), "name", None)
            failed = failed if named is None else str(named())
        trace = trace.tb_next
    told: dict[str, Any] = {"error": {"type": type_name(error), "at": at}}
    return told | ({"pass": failed} if failed else {})


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), default=str).encode("utf-8", "replace")
