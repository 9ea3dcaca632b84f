"""PyTorch's optimizers as steps.

PyTorch itself is not installed here, for it is too large. What stands in for it below has the names
and the order of calls that its documentation gives for `torch.optim.Optimizer`, its two global
hooks, and `torch.Tensor.backward`; that the real one keeps to it is not shown by these tests.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.instrumentation import loops
from qgm_observe.instrumentation.torch import TorchInstrumentor
from qgm_observe.journal import Event
from qgm_observe.lifecycle import RunHandle

Finished = Callable[..., list[Event]]

TENSOR = """
class Tensor:
    def __init__(self, value, device="cpu"):
        self.value, self.device = value, Device(device)
    def numel(self): return 1
    def item(self): return self.value
    def backward(self): return None

class Device:
    def __init__(self, type): self.type = type
"""
OPTIMIZER = """
_before, _after = {}, {}

class Handle:
    def __init__(self, hooks, number): self.hooks, self.number = hooks, number
    def remove(self): self.hooks.pop(self.number, None)

def register_optimizer_step_pre_hook(hook):
    _before[len(_before)] = hook
    return Handle(_before, len(_before) - 1)

def register_optimizer_step_post_hook(hook):
    _after[len(_after)] = hook
    return Handle(_after, len(_after) - 1)

class Optimizer:
    def zero_grad(self, set_to_none=True): pass
    def step(self, closure=None):
        for hook in list(_before.values()): hook(self, (), {})
        told = closure() if closure else None
        for hook in list(_after.values()): hook(self, (), {})
        return told
"""


@pytest.fixture
def torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What stands in for PyTorch, hooked as it is imported."""
    assert importlib.util.find_spec("torch") is None, "test the real one instead"
    for name, text in {"_tensor": TENSOR, "optim/optimizer": OPTIMIZER}.items():
        path = tmp_path / "torch" / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    (tmp_path / "torch/__init__.py").write_text("from ._tensor import Tensor\n")
    (tmp_path / "torch/optim/__init__.py").write_text("from .optimizer import Optimizer\n")
    monkeypatch.syspath_prepend(tmp_path)
    TorchInstrumentor().instrument()
    yield importlib.import_module("torch.optim.optimizer")
    TorchInstrumentor().uninstrument()
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        del sys.modules[name]


def backward(value: float, device: str = "cpu") -> None:
    sys.modules["torch"].Tensor(value, device).backward()


def test_a_step_begins_where_gradients_are_forgotten(
    run: RunHandle, torch: Any, finished: Finished
) -> None:
    """From zero_grad to the end of step is one step, with its jobs and the loss of backward."""
    optimizer = torch.Optimizer()
    for value in (0.5, 0.25):
        optimizer.zero_grad()
        with qgm.job():
            pass
        backward(value)
        optimizer.step()

    steps = finished("step")
    assert [step.body["loss"] for step in steps] == [0.5, 0.25]
    assert [job.body["step"] for job in finished("job")] == [step.subject for step in steps]
    assert [[stage[0] for stage in step.body["stages"]] for step in steps] == [["optimize"]] * 2


def test_gradients_forgotten_after_a_step(run: RunHandle, torch: Any, finished: Finished) -> None:
    """Where zero_grad comes after step, steps follow each other and none is left over."""
    optimizer = torch.Optimizer()
    for _ in range(3):
        with qgm.job():
            pass
        optimizer.step()
        optimizer.zero_grad()
    with qgm.job():
        pass

    steps = [event.body for event in finished("step")]
    assert [step["index"] for step in steps] == [0, 1, 2]
    assert steps[1]["start"] == pytest.approx(steps[0]["start"] + steps[0]["duration"], abs=1e-4)
    assert [job.body.get("step") for job in finished("job")] == [None] * 4


def test_a_closure_is_part_of_its_step(run: RunHandle, torch: Any, finished: Finished) -> None:
    """A step that evaluates a closure holds its jobs, and its time is not called optimize."""
    optimizer = torch.Optimizer()

    def closure() -> float:
        optimizer.zero_grad()
        with qgm.job():
            pass
        backward(0.125)
        return 0.125

    assert optimizer.step(closure) == 0.125
    (step,) = finished("step")
    assert (step.body["loss"], step.body.get("stages")) == (0.125, None)
    assert finished("job")[0].body["step"] == step.subject


def test_a_loss_on_a_gpu_is_not_waited_for(run: RunHandle, torch: Any, finished: Finished) -> None:
    """A loss that lies on another device is not read, because that would wait for it."""
    optimizer = torch.Optimizer()
    optimizer.zero_grad()
    backward(0.5, "cuda")
    optimizer.step()

    assert "loss" not in finished("step")[0].body


def test_a_step_that_never_comes_is_cancelled(
    run: RunHandle, torch: Any, finished: Finished
) -> None:
    """What was begun and not finished when the script ends is a cancelled step."""
    torch.Optimizer().zero_grad()
    loops.leave()

    assert [event.body["outcome"] for event in finished("step")] == ["cancelled"]


def test_hooks_are_taken_away(run: RunHandle, torch: Any, finished: Finished) -> None:
    """After `uninstrument` no hook is left with PyTorch."""
    assert len(torch._before) == len(torch._after) == 1
    TorchInstrumentor().uninstrument()

    assert torch._before == torch._after == {}
    torch.Optimizer().step()
    assert finished("step") == []
