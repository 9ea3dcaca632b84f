"""Qiskit's optimizers as steps, and the fits of qiskit-machine-learning."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import qiskit_algorithms.optimizers
import qiskit_machine_learning.optimizers
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler
from qiskit_algorithms.utils import algorithm_globals as algorithms_seed
from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
from qiskit_machine_learning.neural_networks import SamplerQNN
from qiskit_machine_learning.utils import algorithm_globals

from qgm_observe.catalog import signals
from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder, RunHandle, use
from qgm_observe.settings import load_settings

Finished = Callable[..., list[Event]]

PACKAGES = [qiskit_algorithms.optimizers, qiskit_machine_learning.optimizers]
ITERATIONS = {
    "SPSA": ({"maxiter": 4}, 4),
    "QNSPSA": ({"maxiter": 3, "fidelity": lambda x, y: 1.0}, 3),
    "ADAM": ({"maxiter": 3}, 3),
    "UMDA": ({"maxiter": 2, "size_gen": 10}, 2),
    "GSLS": ({"maxiter": 3}, 3),
    "AQGD": ({"maxiter": 3}, 3),
    "GradientDescent": ({"maxiter": 3}, 3),
    "L_BFGS_B": ({"maxiter": 3}, None),
    "SLSQP": ({"maxiter": 3}, None),
    "NFT": ({"maxfev": 9}, None),
    "COBYLA": ({"maxiter": 9}, None),
}


@pytest.fixture(autouse=True)
def unseeded() -> Iterator[None]:
    """Takes back the seeds of the process, which records of later tests would name."""
    yield
    algorithm_globals.random_seed = algorithms_seed.random_seed = None


def loss(x: Any) -> float:
    return float((np.asarray(x) ** 2).sum())


def solve(package: Any, name: str) -> Any:
    algorithm_globals.random_seed = algorithms_seed.random_seed = 7
    optimizer = getattr(package, name)(**ITERATIONS[name][0])
    return optimizer.minimize(loss, np.array([0.8, -0.4]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Unknown solver options. iprint")  # theirs, for SciPy 1.18
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__[:12])
@pytest.mark.parametrize("name", ITERATIONS)
def test_iterations_are_steps_and_change_nothing(
    package: Any, name: str, recorder: Recorder, finished: Finished
) -> None:
    """An optimizer's iterations are the steps, and its seeded result is the same to the bit."""
    own = solve(package, name)
    instrument()
    with RunHandle(recorder, None, {}):
        seen = solve(package, name)
    uninstrument()

    assert np.asarray(seen.x).tobytes() == np.asarray(own.x).tobytes()
    assert (seen.fun, seen.nfev) == (own.fun, own.nfev)
    steps = [e.body for e in finished("step") if e.body["outcome"] == "success"]
    expected = ITERATIONS[name][1]
    assert steps
    assert expected is None or len(steps) == expected
    assert [step["index"] for step in steps] == list(range(len(steps)))


def test_calibration_is_before_the_first_step(run: RunHandle, finished: Finished) -> None:
    """What SPSA evaluates to calibrate itself is in no step: two evaluations are left in each."""
    solve(qiskit_machine_learning.optimizers, "SPSA")

    steps = [event.body["attributes"]["evaluations"] for event in finished("step")]
    assert steps[:-1] == [2, 2, 2]
    assert steps[-1] == 3  # the result's own loss comes last


def test_spsa_tells_its_own_estimate_of_the_loss(run: RunHandle, finished: Finished) -> None:
    """The loss of a step of SPSA is the mean of the two it was estimated from, as SPSA has it."""
    solve(qiskit_machine_learning.optimizers, "SPSA")

    first = finished("step")[0].body
    assert first["loss"] == pytest.approx(sum(first["attributes"]["losses"]) / 2)


def classifier(optimizer: Any) -> NeuralNetworkClassifier:
    data, weight = Parameter("data"), Parameter("weight")
    circuit = QuantumCircuit(1)
    circuit.ry(data, 0)
    circuit.ry(weight, 0)
    network = SamplerQNN(
        circuit=circuit,
        input_params=[data],
        weight_params=[weight],
        interpret=lambda outcome: outcome % 2,
        output_shape=2,
        sampler=StatevectorSampler(seed=11, default_shots=64),
    )
    start = np.array([0.3])
    return NeuralNetworkClassifier(network, optimizer=optimizer, initial_point=start)


def fit(name: str = "COBYLA", **options: Any) -> Any:
    algorithm_globals.random_seed = 7
    optimizer = getattr(qiskit_machine_learning.optimizers, name)(**options or {"maxiter": 6})
    model = classifier(optimizer)
    model.fit(np.array([[0.1], [0.4], [2.0], [2.5]]), np.array([0, 0, 1, 1]))
    return model.weights.tobytes()


@pytest.mark.parametrize("name", ["COBYLA", "SPSA", "ADAM"])
def test_a_fit_comes_out_the_same(name: str, recorder: Recorder) -> None:
    """A seeded fit of a sampler network ends at the same weights to the last bit."""
    own = fit(name, maxiter=3)
    instrument()
    seen = fit(name, maxiter=3)
    uninstrument()

    assert seen == own


def test_a_fit_is_recorded_completely(hooks: None, finished: Finished) -> None:
    """A fit that nobody instrumented is a run with its model, steps, jobs and every stage once."""
    fit()

    (run,), steps, jobs = finished("run"), finished("step"), finished("job")
    assert run.body["model"] == "NeuralNetworkClassifier"
    told = run.body["attributes"]
    assert (told["network"], told["optimizer"]) == ("SamplerQNN", "COBYLA")
    assert run.body["steps"] == sum(step.body["outcome"] == "success" for step in steps) > 2
    assert len(jobs) == told["evaluations"] == 6
    assert {job.body["step"] for job in jobs} == {step.subject for step in steps}
    for job in jobs:
        assert [stage[0] for stage in job.body["stages"]] == ["submit", "queue", "execute"]
    around = [stage[0] for step in steps for stage in step.body["stages"]]
    assert (around.count("encode"), around.count("evaluate")) == (6, 6)


def test_jobs_of_a_gradient_are_the_steps(hooks: None, finished: Finished) -> None:
    """A gradient that runs its sampler on a thread of its own still belongs to its step."""
    fit("ADAM", maxiter=2)

    steps, jobs = finished("step"), finished("job")
    assert len(steps) == 2
    assert sum(job.body.get("step") in {s.subject for s in steps} for job in jobs) == len(jobs)
    assert len(jobs) >= 2


def test_fits_of_a_script_are_steps_of_one_run(run: RunHandle, finished: Finished) -> None:
    """Without a sweep the fits of a script go on counting the steps of the script's run."""
    fit()
    first = len(finished("step"))
    fit()

    completed = [e.body["index"] for e in finished("step") if e.body["outcome"] == "success"]
    assert completed == list(range(len(completed)))
    assert len(completed) > first - 1
    assert finished("run") == []


def test_a_sweep_is_a_run_with_children(path: Any, finished: Finished, recorder: Recorder) -> None:
    """In a sweep each fit is a run inside the script's, and all of it is one root."""
    swept = Recorder(load_settings(journal=path, sweep=True))
    use(swept)
    with RunHandle(swept, None, {"model": "mine"}) as script:
        instrument(run=script)
        for iterations in (3, 4):
            fit("SPSA", maxiter=iterations, learning_rate=0.1, perturbation=0.1)
        uninstrument()
    swept.close()
    use(recorder)

    *children, parent = finished("run")
    assert [child.body["parent"] for child in children] == [parent.subject] * 2
    assert [child.body["steps"] for child in children] == [3, 4]
    assert {child.body["model"] for child in children} == {"mine"}
    with open_journal(path, read_only=True) as journal:
        counters = journal.snapshot()[0].counters
    assert sum(counters[signals.ROOTS.name].values()) == 1
    assert sum(counters[signals.RUNS.name].values()) == 3


def test_an_exception_in_a_callback_ends_the_run(hooks: None, finished: Finished) -> None:
    """An exception in a callback of the script passes, and the run of its fit failed."""

    def callback(*_: Any) -> None:
        raise LookupError("mine")

    optimizer = qiskit_machine_learning.optimizers.SPSA(maxiter=3, callback=callback)
    with pytest.raises(LookupError, match="mine"):
        optimizer.minimize(loss, np.array([0.5]))

    (run,) = finished("run")
    assert run.body["outcome"] == "failure"
    assert run.body["error"]["type"] == "LookupError"


def test_an_optimizer_of_the_scripts_is_seen(run: RunHandle, finished: Finished) -> None:
    """An optimizer that the script defines is seen; what it tells nothing of counts evaluations."""

    class Mine(qiskit_machine_learning.optimizers.Optimizer):
        def __init__(self) -> None:
            """Do without levels of support."""

        def get_support_level(self) -> dict[str, Any]:
            return {}

        def minimize(self, fun: Any, x0: Any, jac: Any = None, bounds: Any = None) -> Any:
            return [fun(x0), fun(x0 / 2)]

    assert Mine().minimize(loss, np.array([1.0])) == [1.0, 0.25]
    assert [event.body["loss"] for event in finished("step")] == [1.0, 0.25]
    del Mine
    gc.collect()
