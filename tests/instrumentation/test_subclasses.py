"""Primitives, backends and jobs that a script defines itself."""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import (
    BackendEstimatorV2,
    BasePrimitiveJob,
    BaseSamplerV2,
    PrimitiveJob,
    StatevectorEstimator,
    StatevectorSampler,
)
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.journal import Event
from qgm_observe.lifecycle import RunHandle

Read = Callable[[], dict[str, Any]]
ReadAll = Callable[..., list[Event]]
ZZ = SparsePauliOp("ZZ")


class Early(BaseSamplerV2):
    """Defined before any hook, without a call of super; it works in the call itself."""

    def run(self, pubs, *, shots=None):
        return Done(StatevectorSampler(seed=1, default_shots=shots or 1024).run(pubs).result())


class Done(BasePrimitiveJob):
    """A job whose work was done in the call."""

    def __init__(self, result):
        super().__init__("done-1")
        self._result = result

    def result(self):
        return self._result

    def status(self):
        return "DONE"

    def done(self):
        return True

    def running(self):
        return False

    def cancelled(self):
        return False

    def in_final_state(self):
        return True

    def cancel(self):
        return False


class Lazy(Done):
    """A job that works when its result is asked for."""

    def result(self):
        return self._result()

    def status(self):
        return "INITIALIZING"


class LazySampler(BaseSamplerV2):
    """Answers with a job that works when its result is asked for."""

    def run(self, pubs, *, shots=None):
        pubs = list(pubs)
        return Lazy(lambda: StatevectorSampler(seed=1)._run([*map(_coerced, pubs)]))


def _coerced(pub):
    from qiskit.primitives.containers.sampler_pub import SamplerPub

    return SamplerPub.coerce(pub, 50)


def stages(body: dict[str, Any]) -> list[str]:
    return [stage[0] for stage in body["stages"]]


@pytest.fixture
def plain(bell: QuantumCircuit) -> QuantumCircuit:
    """The pair without its measurement."""
    return bell.remove_final_measurements(inplace=False)


def test_a_primitive_without_super_is_seen(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """A sampler that overrides `run` without `super` is one job, named by what it calls inside."""
    Early().run([bell], shots=70).result()

    (event,) = finished()
    assert (event.body["device"], event.body["shots"]) == ("statevector", 70)
    assert stages(dict(event.body)) == ["submit", "queue", "execute"]


def test_a_class_that_is_defined_later_is_seen(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Subclasses of the script's own count once, with `super` and a subclass of it again."""

    class Better(StatevectorSampler):
        def run(self, pubs, *, shots=None):
            return super().run(pubs, shots=shots)

    class Best(Better):
        def run(self, pubs, *, shots=None):
            return super().run(pubs, shots=shots)

    Best(seed=1).run([bell], shots=30).result()

    assert [event.body["shots"] for event in finished()] == [30]


def test_a_class_is_its_own_again(hooks: None, bell: QuantumCircuit, finished: ReadAll) -> None:
    """After `uninstrument` subclasses and their bases hold their own functions, and no others."""
    own = vars(BaseSamplerV2).get("__init_subclass__")
    assert own is not None

    class Mine(BaseSamplerV2):
        def run(self, pubs, *, shots=None):
            return None

    assert hasattr(Mine.run, "__wrapped__")
    uninstrument()

    assert not hasattr(Mine.run, "__wrapped__")
    assert not hasattr(Early.run, "__wrapped__")
    assert "__init_subclass__" not in vars(BaseSamplerV2)
    instrument()
    assert hasattr(Early.run, "__wrapped__")


def test_work_that_waits_for_its_result_ends_with_it(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """A job that only works when its result is asked for ends then, and counts once."""
    answer = LazySampler().run([bell])
    assert finished() == []
    answer.result()
    answer.result()

    (event,) = finished()
    assert event.body["outcome"] == "success"
    assert (event.body["circuits"], event.body["shots"]) == (1, 50)


@pytest.mark.parametrize(
    ("estimator", "device"),
    [
        (lambda: StatevectorEstimator(seed=1), "statevector"),
        (lambda: EstimatorV2(), "aer_simulator"),
        (
            lambda: BackendEstimatorV2(backend=GenericBackendV2(2, seed=1)),
            "generic_backend_2q",
        ),
    ],
)
def test_estimators_are_jobs(
    estimator: Callable[[], Any],
    device: str,
    run: RunHandle,
    plain: QuantumCircuit,
    job: Read,
) -> None:
    """An estimator's call is one job with its circuits and no made-up shots."""
    backend_pub = (plain, ZZ)
    estimator().run([backend_pub, backend_pub]).result()

    body = job()
    assert (body["device"], body["circuits"], body.get("shots")) == (device, 2, None)
    assert (body["shot_class"], body["outcome"]) == ("none", "success")
    assert stages(body)[:3] == ["submit", "queue", "execute"]
    (facts,) = body["attributes"]["circuits"]
    assert (facts["qubits"], facts["two_qubit_gates"]) == (2, 1)


def test_a_backends_run_is_a_job(run: RunHandle, bell: QuantumCircuit, job: Read) -> None:
    """A simulator that is run without a primitive is a job that ends when its work ends."""
    answer = AerSimulator(seed_simulator=1).run([bell, bell], shots=40)
    answer.result()

    body = job()
    assert (body["device"], body["circuits"], body["shots"]) == ("aer_simulator", 2, 80)
    assert stages(body) == ["submit", "queue", "execute"]
    (attempt,) = body["attempts"]
    assert attempt["provider_job_id"] == answer.job_id()


def test_backends_of_other_kinds_are_jobs(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Qiskit's own simulator and one behind a generic backend are one job each."""
    BasicSimulator().run(bell, shots=20).result()
    GenericBackendV2(2, seed=1).run(bell, shots=30).result()

    simulated, generic = finished()
    assert (simulated.body["device"], simulated.body["shots"]) == ("basic_simulator", 20)
    assert generic.body["shots"] == 30


def test_a_failing_backend_is_a_failed_job(run: RunHandle, job: Read) -> None:
    """What a backend cannot run is a job that failed at execute, with the script's own error."""
    with pytest.raises(AttributeError, match="'int' object"):
        AerSimulator().run([3]).result()

    body = job()
    assert (body["outcome"], body["error"]["stage"]) == ("failure", "execute")


def test_another_executor_gets_its_own_function(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """A simulator that is given an executor works there, and its job ends with its future."""
    with ThreadPoolExecutor(1) as executor:
        AerSimulator(executor=executor, seed_simulator=1).run(bell, shots=5).result()

    assert stages(job()) == ["submit", "queue", "execute"]


def test_primitives_are_copied_as_ever(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Primitives and backends can be pickled and deep-copied; the copies are seen as well."""
    sampler = StatevectorSampler(seed=1)
    for again in (pickle.loads(pickle.dumps(sampler)), copy.deepcopy(sampler)):
        counts = again.run([bell], shots=50).result()[0].data.meas.get_counts()
        assert sum(counts.values()) == 50
    assert pickle.loads(pickle.dumps(StatevectorSampler.run)) is StatevectorSampler.run

    assert len(finished()) == 2


def test_a_callback_that_raises_is_the_scripts_own(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """An exception of a function that a primitive calls on its thread reaches the script."""

    def work():
        raise LookupError("in the callback")

    class Calling(BaseSamplerV2):
        def run(self, pubs, *, shots=None):
            answer = PrimitiveJob(work)
            answer._submit()
            return answer

    with pytest.raises(LookupError, match="in the callback"):
        Calling().run([bell]).result()

    body = job()
    assert (body["outcome"], body["error"]["type"]) == ("failure", "LookupError")
