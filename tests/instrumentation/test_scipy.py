"""SciPy's minimizations as steps."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_aer.primitives import SamplerV2
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess

from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.instrumentation.scipy import SciPyInstrumentor
from qgm_observe.instrumentation.stepping import Mark, Optimization, Watched
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder, RunHandle

Finished = Callable[..., list[Event]]

PLAIN = ["nelder-mead", "powell", "cg", "bfgs", "l-bfgs-b", "cobyla", "cobyqa", "slsqp"]
WITH_HESSIAN = ["newton-cg", "trust-ncg", "trust-exact", "trust-krylov"]


def solve(method: str, callback: Any = None) -> Any:
    derivatives = {"jac": rosen_der, "hess": rosen_hess} if method in WITH_HESSIAN else {}
    return minimize(
        rosen,
        [1.3, 0.7, 0.8],
        method=method,
        callback=callback,
        options={"maxfun" if method == "tnc" else "maxiter": 15},
        **derivatives,
    )


def ended(finished: Finished) -> list[Any]:
    return [event.body for event in finished("step") if event.body["outcome"] == "success"]


@pytest.mark.parametrize("method", [*PLAIN, "tnc", "trust-constr", *WITH_HESSIAN])
def test_a_minimization_comes_out_the_same(method: str, recorder: Recorder) -> None:
    """With hooks each method of SciPy returns the same numbers to the last bit as without."""
    own = solve(method)
    instrument()
    seen = solve(method)
    uninstrument()

    assert seen.x.tobytes() == own.x.tobytes()
    assert (seen.fun, seen.nfev, seen.message) == (own.fun, own.nfev, own.message)


@pytest.mark.parametrize("method", ["powell", "cg", "bfgs", "l-bfgs-b", "slsqp", *WITH_HESSIAN])
def test_steps_are_the_methods_iterations(method: str, run: RunHandle, finished: Finished) -> None:
    """There are as many completed steps as the method counts iterations, numbered from 0."""
    told = solve(method)

    steps = ended(finished)
    assert [step["index"] for step in steps] == list(range(told.nit))
    # before SciPy 1.16 SLSQP tells no loss: then it is the lowest of the differences around it
    assert steps[-1]["loss"] == pytest.approx(told.fun, rel=1e-6)


def test_a_callback_counts_its_calls(run: RunHandle, finished: Finished) -> None:
    """The script's own callback is called as ever, once for each step."""
    points: list[Any] = []
    solve("cg", points.append)

    assert len(points) == len(ended(finished)) > 3


@pytest.mark.parametrize("method", ["cg", "cobyqa", "trust-constr"])
def test_a_callback_may_ask_for_the_result(method: str, run: RunHandle) -> None:
    """A callback that takes `intermediate_result` is given it."""
    losses: list[float] = []

    def callback(intermediate_result: Any) -> None:
        losses.append(intermediate_result.fun)

    solve(method, callback)
    assert all(isinstance(loss, float) for loss in losses)
    assert losses


def test_a_callback_may_stop_the_method(run: RunHandle, finished: Finished) -> None:
    """A callback that raises StopIteration ends the minimization as SciPy says."""

    def callback(x: Any) -> None:
        raise StopIteration

    told = solve("bfgs", callback)
    assert (told.success, told.status) == (False, 99)
    assert len(ended(finished)) == 1


def test_an_exception_in_a_callback_passes(run: RunHandle, finished: Finished) -> None:
    """An exception in the script's callback reaches the script, and its iteration counts."""

    def callback(x: Any) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        solve("bfgs", callback)
    assert len(ended(finished)) == 1
    assert not run.ended


def test_an_exception_in_the_loss_fails_its_step(run: RunHandle, finished: Finished) -> None:
    """An exception in the loss reaches the script, and the step in which it was raised failed."""

    def loss(x: Any) -> float:
        raise ArithmeticError("no loss")

    with pytest.raises(ArithmeticError, match="no loss"):
        minimize(loss, [1.0], method="cobyla")
    (step,) = finished("step")
    assert step.body["outcome"] == "failure"
    assert step.body["error"]["type"] == "ArithmeticError"


def test_losses_of_all_evaluations_are_kept(run: RunHandle, finished: Finished) -> None:
    """A step notes the loss of each of its evaluations, in order."""
    values: list[float] = []

    def loss(x: Any) -> float:
        values.append(float(x @ x))
        return values[-1]

    minimize(loss, [1.0, 2.0], method="bfgs", options={"maxiter": 3})
    kept = [value for event in finished("step") for value in event.body["attributes"]["losses"]]
    assert kept == values[: len(kept)]
    assert len(kept) > 6


def test_a_minimization_without_a_run_is_one(hooks: None, finished: Finished) -> None:
    """Outside of any run a minimization is a run of its own, with what SciPy says of its end."""
    solve("cg")

    (run,) = finished("run")
    assert run.body["steps"] == 15
    told = run.body["attributes"]
    assert (told["optimizer"], told["iterations"], told["converged"]) == ("cg", 15, False)


def test_a_step_of_the_scripts_own_is_left_alone(run: RunHandle, finished: Finished) -> None:
    """Where the script tells its steps itself, a minimization inside one adds none."""
    with run.step(7):
        solve("cg")

    assert [event.body["index"] for event in finished("step")] == [7]


def test_a_minimization_in_a_loss_is_a_part_of_it(run: RunHandle, finished: Finished) -> None:
    """An inner minimization neither adds steps nor ends those of the outer one."""

    def loss(x: Any) -> float:
        inner = minimize(lambda y: float((y - x) @ (y - x)), [0.0], method="cg")
        return float(inner.fun + x @ x)

    told = minimize(loss, [1.0], method="bfgs", options={"maxiter": 2})
    assert len(ended(finished)) == told.nit


def test_early_imports_are_seen_and_given_back(run: RunHandle, finished: Finished) -> None:
    """`minimize` is never replaced, so that an early from-import is seen, and pickles."""
    assert minimize is scipy.optimize.minimize
    assert pickle.loads(pickle.dumps(minimize)) is minimize
    solve("cg")
    uninstrument()
    before = len(finished("step"))
    solve("cg")

    assert before == len(finished("step")) == 15


def test_a_watched_loss_copies_as_itself() -> None:
    """Where a method sends the loss to other processes, it sends the script's own function."""
    loss = partial(np.dot, np.ones(2))
    watched = Watched(loss, Optimization("any", Mark.END), is_loss=True)

    assert pickle.loads(pickle.dumps(watched)).func is np.dot
    assert isinstance(copy.deepcopy(watched), partial)
    assert watched.func is np.dot


def test_workers_of_a_method_get_the_loss(run: RunHandle) -> None:
    """A method that maps evaluations over workers works as ever."""
    told = minimize(rosen, [1.3, 0.7], method="l-bfgs-b", options={"workers": map, "maxiter": 2})
    assert told.nit == 2


def test_a_missing_method_is_a_gap(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    """A version of SciPy without one of the functions is seen all the same, but for it."""
    monkeypatch.delattr("scipy.optimize._minimize._minimize_cobyqa")
    instrument()
    told = solve("cg")
    uninstrument()

    assert told.nit == 15
    assert "_minimize_cobyqa" not in vars(scipy.optimize._minimize)


def test_uninstrument_gives_the_functions_back(recorder: Recorder) -> None:
    """After `uninstrument` SciPy's module is as it was."""
    module = scipy.optimize._minimize
    own = dict(vars(module))
    SciPyInstrumentor().instrument()
    changed = {name for name in own if vars(module)[name] is not own[name]}
    SciPyInstrumentor().uninstrument()

    assert len(changed) == 15
    assert all(vars(module)[name] is value for name, value in own.items())


def test_a_minimization_over_aer(run: RunHandle, finished: Finished) -> None:
    """Over Aer each evaluation is a job of its step, and encode and evaluate lie around it."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.ry(angle, 0)
    circuit.measure_all()
    sampler = SamplerV2(seed=5)

    def loss(x: Any) -> float:
        data = sampler.run([(circuit, x)], shots=200).result()[0].data
        return data.meas.get_counts().get("0", 0) / 200

    told = minimize(loss, [0.4], method="cobyla", options={"maxiter": 8})
    jobs, steps = finished("job"), finished("step")
    names = {event.subject for event in steps}
    assert len(jobs) == told.nfev == 8
    assert {event.body["step"] for event in jobs} == names
    stages = [stage[0] for event in steps for stage in event.body["stages"]]
    assert (stages.count("encode"), stages.count("evaluate")) == (8, 8)
    for event in steps:
        assert sum(stage[2] for stage in event.body["stages"]) <= event.body["duration"] + 1e-9
