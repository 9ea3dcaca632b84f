"""Zero code: see what an unmodified script does with quantum libraries.

Libraries are hooked when the script imports them and are never imported from here. What is wrapped
are methods of classes, so that neither the order of imports nor an early `from ... import` matters.
Each library has a module of its own with the list of its methods and its instrumentor.
"""

import threading
from typing import Any

from qgm_observe.instrumentation import loops, scope, script
from qgm_observe.instrumentation.aer import AerInstrumentor
from qgm_observe.instrumentation.ibm import IBMInstrumentor
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.pennylane import PennyLaneInstrumentor
from qgm_observe.instrumentation.processes import Children, HardExit
from qgm_observe.instrumentation.qiskit import QiskitInstrumentor
from qgm_observe.instrumentation.qiskit_algorithms import (
    QiskitAlgorithmsInstrumentor,
    QiskitMachineLearningInstrumentor,
)
from qgm_observe.instrumentation.scipy import SciPyInstrumentor
from qgm_observe.instrumentation.torch import TorchInstrumentor
from qgm_observe.lifecycle import RunHandle

__all__ = ["INSTRUMENTORS", "Instrumentor", "instrument", "instrumented", "uninstrument"]

INSTRUMENTORS: tuple[type[Instrumentor], ...] = (
    QiskitInstrumentor,
    AerInstrumentor,
    IBMInstrumentor,
    PennyLaneInstrumentor,
    SciPyInstrumentor,
    QiskitAlgorithmsInstrumentor,
    QiskitMachineLearningInstrumentor,
    TorchInstrumentor,
)
"""One for each library, in the order in which their layers are stacked."""

_lock = threading.Lock()


def instrument(run: RunHandle | None = None, **labels: Any) -> None:
    """Record the work of quantum libraries from now on; once is enough.

    Args:
        run: What the work of threads belongs to that are in no run of their own. Without it such
            jobs stand for themselves, unless there are labels.
        labels: `project`, `pipeline`, `model`, `model_version`, `kind`: with any of them the script
            is a run, from its first use of a library until the process ends.
    """
    with _lock:
        scope.adopt(run)
        if labels and run is None:
            script.expect(**labels)
        for each in INSTRUMENTORS:
            each().instrument()
        _children.instrument()
        _hard_exit.instrument()
        if labels and run is None:
            script.begin()


def instrumented() -> bool:
    """Return whether the hooks are in place."""
    return all(each().is_instrumented_by_opentelemetry for each in INSTRUMENTORS)


def uninstrument() -> None:
    """Undo `instrument`: every wrapped method is its own again."""
    with _lock:
        loops.leave()
        script.finish()
        scope.adopt(None)
        _children.uninstrument()
        _hard_exit.uninstrument()
        for each in INSTRUMENTORS:
            each().uninstrument()


def again() -> None:
    """Put the hooks in place in a child process; its run was adopted before."""
    for each in INSTRUMENTORS:
        each().instrument()
    _children.instrument()
    _hard_exit.instrument()


_hard_exit = HardExit()
_children = Children(again)
