"""PyTorch: each `step` of an optimizer is a step of the run.

PyTorch calls hooks of its own around every optimizer's step, so nothing is wrapped for that. What
belongs to a step comes before: it begins where the script forgets the gradients of the last one
(`zero_grad`), so that the jobs of the forward and the backward pass are the step's. A script that
does so after its `step` and not before cannot tell us where its loop ends: there a step lasts from
the end of the last one, and its jobs are the run's. The loss is what `backward` is called on, where
reading it costs no wait for a GPU.

Source: `torch.optim.optimizer.register_optimizer_step_pre_hook` and
`register_optimizer_step_post_hook`, in PyTorch since 2.0.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

from qgm_observe.catalog import Outcome
from qgm_observe.instrumentation import loops
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.loops import Loop
from qgm_observe.instrumentation.stepping import numbers
from qgm_observe.instrumentation.wrapping import Target, gap
from qgm_observe.lifecycle import recorder

_OPTIMIZER = "torch.optim.optimizer"
_BEFORE, _AFTER = "register_optimizer_step_pre_hook", "register_optimizer_step_post_hook"


class _Training:
    """What goes on between two steps of the optimizers of this process.

    Attributes:
        forgets_first: Whether the script forgets gradients before a step, `None` while unknown.
    """

    def __init__(self) -> None:
        self._loop: Loop | None = None
        self._forget()

    def _forget(self) -> None:
        self.forgets_first: bool | None = None
        self._optimizing = self._ended = 0
        self._loss: list[float] = []

    def forgets(self, optimizer: Any) -> None:
        """The gradients of the last step are forgotten: another one begins."""
        if self._optimizing:  # inside the step: it evaluates a closure of the script's
            self._optimizing = 0
            return
        if self.forgets_first is None:
            self.forgets_first = True
        if self.forgets_first and self._loop is None:
            self._begin(optimizer)

    def lost(self, loss: Any) -> None:
        """The gradients of a loss were computed."""
        if getattr(getattr(loss, "device", None), "type", "") == "cpu" and loss.numel() == 1:
            self._loss = numbers(loss.item())

    def begins(self, optimizer: Any) -> None:
        """The parameters are about to be changed."""
        if self.forgets_first is None:
            self.forgets_first = False
        if self._loop is None:
            self._begin(optimizer)
            step = None if self._loop is None else self._loop.step
            if step is not None and step.parent is not None and self._ended:
                step.started = max(self._ended, step.parent.started)
        if self._loop is not None:
            self._optimizing = recorder().now()

    def ends(self) -> None:
        """The parameters have been changed."""
        loop, self._loop = self._loop, None
        step = None if loop is None else loop.step
        if loop is None or step is None:
            return
        if self._optimizing:
            step.stamp("optimize", self._optimizing, recorder().now())
        if self._loss:
            step.loss(self._loss[0])
        self._loss, self._optimizing = [], 0
        loop.__exit__(None, None, None)
        self._ended = step.ended

    def leave(self) -> None:
        """Nobody will finish the step that was begun."""
        loop, self._loop = self._loop, None
        self._forget()
        if loop is not None and loop.step is not None:
            loop.step.outcome = Outcome.CANCELLED
            loop.__exit__(None, None, None)

    def _begin(self, optimizer: Any) -> None:
        loop = Loop(optimizer)
        if loop.__enter__() is not None:
            self._loop = loop


_training = _Training()
loops.at_leave.append(_training.leave)


def forgets(own: Callable[..., Any], optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """See gradients being forgotten."""
    with recorder().guard("instrumentation"):
        _training.forgets(optimizer)
    return own(optimizer, *args, **kwargs)


def differentiates(own: Callable[..., Any], loss: Any, *args: Any, **kwargs: Any) -> Any:
    """See gradients of a loss being computed."""
    answer = own(loss, *args, **kwargs)
    with recorder().guard("instrumentation"):
        _training.lost(loss)
    return answer


def _before(optimizer: Any, _args: Any, _kwargs: Any) -> None:
    with recorder().guard("instrumentation"):
        _training.begins(optimizer)


def _after(_optimizer: Any, _args: Any, _kwargs: Any) -> None:
    with recorder().guard("instrumentation"):
        _training.ends()


class TorchInstrumentor(Instrumentor):
    """Sees the steps of PyTorch's optimizers."""

    library = "torch"
    requires = ("torch >= 2",)
    targets: ClassVar[tuple[Target, ...]] = (
        Target(_OPTIMIZER, "Optimizer", "zero_grad", forgets),
        Target("torch._tensor", "Tensor", "backward", differentiates),
    )

    _handles: tuple[Any, ...] = ()

    def uninstrument(self, **options: Any) -> None:
        """Take the hooks away."""
        super().uninstrument(**options)
        handles, self._handles = self._handles, ()
        for handle in handles:
            handle.remove()
        _training.leave()

    def _loaded(self, module: ModuleType) -> None:
        super()._loaded(module)
        if module.__name__ != _OPTIMIZER or self._handles:
            return
        for name, hook in ((_BEFORE, _before), (_AFTER, _after)):
            register = getattr(module, name, None)
            if register is None:
                gap(f"{_OPTIMIZER}.{name}")
            else:
                self._handles = (*self._handles, register(hook))
