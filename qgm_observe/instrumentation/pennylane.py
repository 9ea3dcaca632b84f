"""PennyLane: what devices execute, what is done to circuits before, and steps of optimizers.

A call of a QNode may execute several batches: a gradient with shots executes one for the value and
one for all shifts. Each batch that a device gets is a job. A device of a plugin that only hands on
to a library with hooks of its own is left to them.

Source of the list: PennyLane 0.44 and 0.45.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from qgm_observe.instrumentation import compiling, primitives, stepping, tapes
from qgm_observe.instrumentation.fitting import SeenStep
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.loops import Loop
from qgm_observe.instrumentation.scope import doing, owner
from qgm_observe.instrumentation.stepping import numbers
from qgm_observe.instrumentation.watch import Watch
from qgm_observe.instrumentation.wrapping import Target
from qgm_observe.lifecycle import Device, recorder
from qgm_observe.lifecycle.devices import describe

_BRIDGES = {"pennylane_qiskit"}
"""Packages of devices that hand on to a library with hooks of its own."""

_COST_SECOND = {"AdaptiveOptimizer", "RotosolveOptimizer"}
"""Optimizers that return more after the cost."""


def execute(own: Callable[..., Any], device: Any, *args: Any, **kwargs: Any) -> Any:
    """Record what a device executes at once as a job; a device below it is part of that job."""
    if doing() is not None or _is_bridge(device):
        return own(device, *args, **kwargs)
    asked = SimpleNamespace(_backend=None)
    with recorder().guard("instrumentation"):
        asked = SimpleNamespace(_backend=_device(device))
    done = primitives.recorded(
        lambda: _Done(own(device, *args, **kwargs), _circuits(*args, **kwargs)),
        asked,
        lambda: tapes.asked_of(_circuits(*args, **kwargs)),
    )
    with recorder().guard("instrumentation"):
        done.settle()
    return done.value


class _Done:
    """What a device returned, as a job that is done."""

    def __init__(self, value: Any, circuits: Any) -> None:
        self.value = value
        self._circuits = circuits
        self._watch = doing()

    def status(self) -> str:
        """Say that nothing has to be waited for."""
        return "DONE"

    def settle(self) -> None:
        """A device elsewhere has answered as well: its plugin has waited for it."""
        if isinstance(self._watch, Watch) and not self._watch.is_over:
            self._watch.finished(None, self)

    def get_counts(self) -> dict[str, int] | None:
        """Return what was sampled, where one circuit was."""
        return tapes.counts_of(self._circuits, self.value)


def _circuits(*args: Any, **kwargs: Any) -> Any:
    return args[0] if args else kwargs["circuits"]


def construct(own: Callable[..., Any], node: Any, *args: Any, **kwargs: Any) -> Any:
    """See a QNode make its circuit of data and parameters."""
    return _staged("encode", own, node, *args, **kwargs)


def called(own: Callable[..., Any], node: Any, *args: Any, **kwargs: Any) -> Any:
    """See the value of a QNode that is itself what an optimizer without gradients minimizes."""
    value = own(node, *args, **kwargs)
    with recorder().guard("instrumentation"):
        seen = owner()
        if isinstance(seen, SeenStep) and seen.objective is node:
            seen.losses += numbers(value)
    return value


def compiled(own: Callable[..., Any], pipeline: Any, *args: Any, **kwargs: Any) -> Any:
    """See circuits being transformed for a device."""
    if not pipeline or not args or not isinstance(args[0], list | tuple):
        return own(pipeline, *args, **kwargs)
    return compiling.run(own, pipeline, *args, **kwargs)


def apply(own: Callable[..., Any], optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """See an optimizer choose the next parameters."""
    return _staged("optimize", own, optimizer, *args, **kwargs)


def step(own: Callable[..., Any], optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """See one step of an optimizer, of which the script writes the loop."""
    with Loop(optimizer) as seen:
        return (
            own(optimizer, *args, **kwargs)
            if seen is None
            else _stepped(own, seen, optimizer, *args, **kwargs)
        )


def _stepped(
    own: Callable[..., Any], seen: SeenStep, optimizer: Any, *args: Any, **kwargs: Any
) -> Any:
    losses = _Losses(args[0] if args else None)
    if type(optimizer).__name__ == "SPSAOptimizer":
        seen.objective, seen.losses = args[0] if args else None, losses.seen
        args = (losses, *args[1:]) if losses.can_watch else args
    answer = own(optimizer, *args, **kwargs)
    with recorder().guard("instrumentation"):
        seen.note(optimizer=type(optimizer).__name__)
        if own.__name__ == "step_and_cost" and isinstance(answer, tuple):
            second = type(optimizer).__name__ in _COST_SECOND
            losses.seen = numbers(answer[1 if second else -1])
        if losses.seen and seen.loss_value is None:
            seen.loss(min(losses.seen))
    return answer


class _Losses:
    """Stands in for a loss that is a plain function; a QNode is left as it is."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self.seen: list[float] = []

    @property
    def can_watch(self) -> bool:
        """Whether it is a function, and no QNode that optimizers look into."""
        return callable(self._function) and not hasattr(self._function, "device")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate it."""
        value = self._function(*args, **kwargs)
        with recorder().guard("instrumentation"):
            self.seen += numbers(value)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_function"], name)


def differentiated(own: Callable[..., Any], gradient: Any, *args: Any, **kwargs: Any) -> Any:
    """See the loss that is computed on the way to a gradient."""
    answer = own(gradient, *args, **kwargs)
    with recorder().guard("instrumentation"):
        seen = owner()
        if isinstance(seen, SeenStep) and not stepping.is_going():
            forward = numbers(getattr(gradient, "forward", None))
            if len(forward) == 1 and seen.loss_value is None:
                seen.loss(forward[0])
    return answer


def _staged(stage: str, own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Time a stage on a step that a loop's hook began, once however deep the calls are."""
    seen = owner()
    if not isinstance(seen, SeenStep) or seen.stage_now is not None or stepping.is_going():
        return own(*args, **kwargs)
    with seen.stage(stage):
        return own(*args, **kwargs)


def _is_bridge(device: Any) -> bool:
    inner = getattr(device, "target_device", device)
    return type(inner).__module__.partition(".")[0] in _BRIDGES


def _device(device: Any) -> Device:
    return describe(getattr(device, "target_device", device))


_OPTIMIZERS = "pennylane.optimize"
_STEPS = {
    "gradient_descent": "GradientDescentOptimizer",
    "spsa": "SPSAOptimizer",
    "qnspsa": "QNSPSAOptimizer",
    "adaptive": "AdaptiveOptimizer",
    "riemannian_gradient": "RiemannianGradientOptimizer",
    "rotoselect": "RotoselectOptimizer",
    "rotosolve": "RotosolveOptimizer",
    "qng_qjit": "QNGOptimizerQJIT",
}


def _step_targets(heirs: bool) -> tuple[Target, ...]:
    return tuple(
        Target(f"{_OPTIMIZERS}.{module}", owner, method, step, heirs=heirs)
        for module, owner in _STEPS.items()
        for method in ("step", "step_and_cost")
    )


_DESCENT = (f"{_OPTIMIZERS}.gradient_descent", "GradientDescentOptimizer")
_PIPELINE = "pennylane.transforms.core.compile_pipeline"


class PennyLaneInstrumentor(Instrumentor):
    """Sees what a script does with PennyLane's devices, QNodes and optimizers."""

    library = "pennylane"
    requires = ("pennylane >= 0.44",)
    targets: ClassVar[tuple[Target, ...]] = (
        Target("pennylane.devices.device_api", "Device", "execute", execute, heirs=True),
        Target("pennylane.workflow.qnode", "QNode", "construct", construct),
        Target("pennylane.workflow.qnode", "QNode", "__call__", called),
        Target(_PIPELINE, "CompilePipeline", "__call__", compiled),
        Target("pennylane._grad.grad", "grad", "__call__", differentiated),
        *_step_targets(heirs=False),
        *_step_targets(heirs=True),
        Target(*_DESCENT, "apply_grad", apply),
        Target(*_DESCENT, "apply_grad", apply, heirs=True),
        Target(f"{_OPTIMIZERS}.spsa", "SPSAOptimizer", "apply_grad", apply),
    )
