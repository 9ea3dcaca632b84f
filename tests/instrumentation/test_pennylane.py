"""PennyLane: batches that devices execute as jobs, calls of optimizers as steps."""

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pennylane as qml
import pytest
from pennylane import numpy as pnp

from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.instrumentation.pennylane import PennyLaneInstrumentor
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder, RunHandle

Finished = Callable[..., list[Event]]

OPTIMIZERS = {
    "gradient descent": qml.GradientDescentOptimizer,
    "adam": qml.AdamOptimizer,
    "nesterov": qml.NesterovMomentumOptimizer,
    "spsa": lambda: qml.SPSAOptimizer(maxiter=5),
}


def circuit_of(shots: int | None = 100, device: str = "default.qubit") -> Any:
    options = {"seed": 42} if device == "default.qubit" else {}

    @qml.set_shots(shots)
    @qml.qnode(qml.device(device, wires=2, **options), diff_method="parameter-shift")
    def circuit(x: Any) -> Any:
        qml.RX(x[0], 0)
        qml.RY(x[1], 1)
        qml.CNOT([0, 1])
        return qml.expval(qml.PauliZ(1))

    return circuit


def train(optimizer: Any, method: str, steps: int = 2) -> list[Any]:
    circuit = circuit_of()
    qml.numpy.random.seed(3)
    x = pnp.array([0.1, 0.2], requires_grad=True)
    told: list[Any] = []
    for _ in range(steps):
        if method == "step_and_cost":
            x, cost = optimizer.step_and_cost(circuit, x)
            told.append(float(cost))
        else:
            x = optimizer.step(lambda angles: (circuit(angles) - 0.2) ** 2, x)
    return [x.tobytes(), *told]


@pytest.mark.parametrize("method", ["step", "step_and_cost"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_comes_out_the_same(name: str, method: str, recorder: Recorder) -> None:
    """With hooks a seeded training with shots ends at the same parameters to the last bit."""
    own = train(OPTIMIZERS[name](), method)
    instrument()
    seen = train(OPTIMIZERS[name](), method)
    uninstrument()

    assert seen == own


@pytest.mark.parametrize("method", ["step", "step_and_cost"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_call_is_a_step_with_a_loss(
    name: str, method: str, run: RunHandle, finished: Finished
) -> None:
    """Each call of an optimizer is one step of the run, and tells its loss."""
    losses = train(OPTIMIZERS[name](), method)[1:]

    steps = [event.body for event in finished("step")]
    assert [step["index"] for step in steps] == [0, 1]
    assert all(isinstance(step["loss"], float) for step in steps)
    if losses:
        assert [step["loss"] for step in steps] == losses


def test_spsa_over_a_qnode_tells_a_loss(run: RunHandle, finished: Finished) -> None:
    """SPSA's `step`, which returns no cost, takes the lower one of its two evaluations."""
    optimizer = qml.SPSAOptimizer(maxiter=5)
    optimizer.step(circuit_of(), pnp.array([0.1, 0.2], requires_grad=True))

    (step,) = finished("step")
    assert -1 <= step.body["loss"] <= 1


def test_a_gradient_with_shots_is_two_jobs(run: RunHandle, finished: Finished) -> None:
    """A step of gradient descent executes the value, and all shifts of two parameters at once."""
    train(qml.GradientDescentOptimizer(), "step_and_cost", steps=1)

    jobs = [event.body for event in finished("job")]
    (step,) = finished("step")
    assert [(job["circuits"], job["shots"]) for job in jobs] == [(1, 100), (4, 400)]
    assert {job["step"] for job in jobs} == {step.subject}
    assert {(j["provider"], j["device"], j["execution_mode"], j["outcome"]) for j in jobs} == {
        ("local", "default.qubit", "local", "success")
    }
    assert all(job["stages"][-1][0] == "execute" for job in jobs)


def test_stages_of_a_step_are_told_once(run: RunHandle, finished: Finished) -> None:
    """A step of Nesterov's, which inherits from three classes, encodes once and optimizes once."""
    train(qml.NesterovMomentumOptimizer(), "step", steps=1)

    (step,) = finished("step")
    assert [stage[0] for stage in step.body["stages"]] == ["encode", "optimize"]


def test_transforms_are_the_stage_compile(run: RunHandle, finished: Finished) -> None:
    """What is done to circuits for a device is the stage compile of its job."""
    circuit_of()(pnp.array([0.1, 0.2]))

    (job,) = finished("job")
    assert {stage[0] for stage in job.body["stages"]} == {"compile", "execute"}


def test_analytic_work_has_no_shots(run: RunHandle, finished: Finished) -> None:
    """A job without shots says so instead of counting any."""
    circuit_of(shots=None)(pnp.array([0.1, 0.2]))

    (job,) = finished("job")
    assert ("shots" in job.body, job.body["shot_class"]) == (False, "none")


def test_lightning_is_seen(run: RunHandle, finished: Finished) -> None:
    """A device of another package, whose class inherits from PennyLane's, is seen by its name."""
    circuit_of(device="lightning.qubit")(pnp.array([0.1, 0.2]))

    (job,) = finished("job")
    assert (job.body["provider"], job.body["device"]) == ("local", "lightning.qubit")


def test_a_device_that_fails_is_a_failed_job(
    run: RunHandle, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception of a device reaches the script and leaves a failed job in a failed step."""

    def broken(*_: Any) -> None:
        raise MemoryError("too many qubits")

    monkeypatch.setattr("pennylane.devices.default_qubit._simulate_wrapper", broken)
    monkeypatch.setattr("pennylane.devices.default_qubit.simulate", broken)
    with pytest.raises(MemoryError, match="too many"):
        train(qml.AdamOptimizer(), "step_and_cost")

    (job,), (step,) = finished("job"), finished("step")
    assert (job.body["outcome"], step.body["outcome"]) == ("failure", "failure")
    assert job.body["error"]["class"] == "resource"


def test_a_loop_without_a_run_is_one(hooks: None, finished: Finished) -> None:
    """A loop outside of any run is a run, until its optimizer is gone."""
    optimizer = qml.AdamOptimizer()
    train(optimizer, "step", steps=3)
    assert finished("run") == []
    del optimizer
    gc.collect()

    (run,) = finished("run")
    assert (run.body["steps"], run.body["outcome"]) == (3, "success")
    assert {event.run for event in finished("job")} == {run.subject}


def test_loops_of_two_optimizers_are_one_run(hooks: None, finished: Finished) -> None:
    """Two optimizers that take turns, as in an adversarial training, are in one run."""
    generator, discriminator = qml.AdamOptimizer(), qml.GradientDescentOptimizer()
    for _ in range(2):
        train(generator, "step", steps=1)
        train(discriminator, "step", steps=1)
    uninstrument()

    (run,) = finished("run")
    assert run.body["steps"] == 4
    turns = [event.body.get("attributes", {}).get("turn") for event in finished("step")]
    assert turns == [None, 2, None, 2]


def test_an_optimizer_that_comes_after_another_has_no_turn(
    run: RunHandle, finished: Finished
) -> None:
    """Where the one before is gone, the next goes on with the same loss."""
    train(qml.AdamOptimizer(), "step", steps=1)
    gc.collect()
    train(qml.GradientDescentOptimizer(), "step", steps=1)

    assert all("turn" not in event.body.get("attributes", {}) for event in finished("step"))


def test_a_step_inside_a_step_adds_none(run: RunHandle, finished: Finished) -> None:
    """Where the script tells its steps itself, an optimizer's call inside one adds none."""
    with run.step(3):
        train(qml.AdamOptimizer(), "step", steps=1)

    (step,) = finished("step")
    assert step.body["index"] == 3
    assert {event.body["step"] for event in finished("job")} == {step.subject}


def test_a_subclass_that_comes_later_is_seen(run: RunHandle, finished: Finished) -> None:
    """An optimizer that the script derives, with a call of `super`, makes one step a call."""

    class Careful(qml.GradientDescentOptimizer):
        def step_and_cost(self, *args: Any, **kwargs: Any) -> Any:
            return super().step_and_cost(*args, **kwargs)

    train(Careful(), "step_and_cost")
    assert len(finished("step")) == 2


def test_a_device_that_the_script_defines_is_seen(run: RunHandle, finished: Finished) -> None:
    """A device class that is defined after the hooks were put in place is seen."""

    class Mine(qml.devices.Device):
        name = "mine"

        def execute(self, circuits: Any, execution_config: Any = None) -> Any:
            return (0.5,) * len(circuits)

    tape = qml.tape.QuantumScript([], [qml.expval(qml.Z(0))], shots=10)
    assert qml.execute([tape], Mine(wires=1)) == (0.5,)
    (job,) = finished("job")
    assert (job.body["device"], job.body["shots"]) == ("mine", 10)


def test_optimizers_and_tapes_still_copy(run: RunHandle) -> None:
    """Optimizers pickle and QNodes copy while the hooks are in place."""
    optimizer = qml.AdamOptimizer(stepsize=0.3)

    assert pickle.loads(pickle.dumps(optimizer)).stepsize == 0.3
    assert copy.deepcopy(optimizer).stepsize == 0.3
    assert copy.copy(circuit_of()).device.name == "default.qubit"


def test_uninstrument_gives_every_method_back(recorder: Recorder) -> None:
    """After `uninstrument` PennyLane's classes are as before."""
    owners = [
        qml.GradientDescentOptimizer,
        qml.AdamOptimizer,
        qml.SPSAOptimizer,
        qml.QNode,
        qml.devices.DefaultQubit,
        qml.devices.Device,
    ]
    own = [dict(vars(owner)) for owner in owners]
    PennyLaneInstrumentor().instrument()
    assert [dict(vars(owner)) for owner in owners] != own
    PennyLaneInstrumentor().uninstrument()

    assert [dict(vars(owner)) for owner in owners] == own
