"""What becomes of a sampler's `run`."""

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.exceptions import QiskitError
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer.primitives import SamplerV2

from qgm_observe.instrumentation import watch
from qgm_observe.journal import Event
from qgm_observe.lifecycle import JobHandle, Recorder, RunHandle, observe, use
from qgm_observe.settings import Settings

Read = Callable[[], dict[str, Any]]
ReadAll = Callable[..., list[Event]]


def stages(body: dict[str, Any]) -> list[str]:
    return [stage[0] for stage in body["stages"]]


def test_a_statevector_sampler_runs_one_job(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """A call of the statevector sampler is one job with its device, size, stages and outcome."""
    StatevectorSampler(seed=1).run([bell, bell], shots=100).result()

    body = job()
    assert (body["provider"], body["device"], body["execution_mode"]) == (
        *("local", "statevector"),
        "local",
    )
    assert (body["circuits"], body["shots"], body["shot_class"]) == (2, 200, "100")
    assert (body["outcome"], body["model"]) == ("success", "bell")
    assert stages(body) == ["submit", "queue", "execute"]


def test_a_simulated_job_ends_with_decoding(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """What Aer's sampler does after the simulator's last result is the stage decode."""
    SamplerV2(seed=1).run([bell]).result()

    body = job()
    assert (body["provider"], body["device"]) == ("local", "aer_simulator")
    assert stages(body) == ["submit", "queue", "execute", "decode"]


def test_stages_follow_each_other_within_the_job(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """From submit to decode each stage begins where the one before it ended, within the job."""
    SamplerV2(seed=1).run([bell]).result()

    body = job()
    starts = [stage[1] for stage in body["stages"]]
    ends = [stage[1] + stage[2] for stage in body["stages"]]
    assert starts[1:] == pytest.approx(ends[:-1])
    assert ends[-1] <= body["duration"] + 1e-9


def test_a_backend_sampler_names_its_backend(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """The device of a backend sampler's job is the backend it was given."""
    backend = GenericBackendV2(2, seed=1)
    BackendSamplerV2(backend=backend).run([bell], shots=10).result()

    assert job()["device"] == backend.name


def test_the_attempt_carries_the_primitive_jobs_id(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """The one attempt of a job has the id that the script sees and the job's outcome."""
    answer = StatevectorSampler(seed=1).run([bell])
    answer.result()

    (attempt,) = job()["attempts"]
    assert attempt == {"number": 1, "outcome": "success", "provider_job_id": answer.job_id()}


def test_parameter_sets_count_as_circuits(run: RunHandle, job: Read) -> None:
    """A circuit that is run with four parameter sets counts four times."""
    angle = Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.ry(angle, 0)
    circuit.measure_all()
    pub = (circuit, np.linspace(0, 1, 4).reshape(4, 1), 50)
    StatevectorSampler(seed=1).run([pub], shots=7).result()

    body = job()
    assert (body["circuits"], body["shots"]) == (4, 200)


def test_a_generator_of_pubs_is_read_once(run: RunHandle, bell: QuantumCircuit, job: Read) -> None:
    """Pubs from a generator reach the sampler, and are counted."""
    result = StatevectorSampler(seed=1).run((bell for _ in range(3)), shots=5).result()

    assert len(result) == 3
    assert job()["circuits"] == 3


def test_a_generator_that_fails_is_the_scripts_own_error(run: RunHandle) -> None:
    """An exception out of a generator of pubs reaches the script unchanged."""

    def pubs() -> Any:
        yield from ()
        raise LookupError("no data")

    with pytest.raises(LookupError, match="no data"):
        StatevectorSampler().run(pubs())


def test_a_refused_call_is_a_failed_job(run: RunHandle, job: Read) -> None:
    """Pubs that the sampler refuses make a job that failed at submit, of class validation."""
    with pytest.raises(TypeError):
        StatevectorSampler().run([3])

    body = job()
    assert body["outcome"] == "failure"
    assert body["error"] == {"class": "validation", "type": "TypeError", "stage": "submit"}


def test_failing_work_is_a_failed_job(run: RunHandle, job: Read) -> None:
    """Work that fails on the primitive's thread makes a job that failed at execute."""
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.h(0)
    with pytest.raises(QiskitError, match="mid-circuit"):
        StatevectorSampler().run([circuit]).result()

    body = job()
    assert (body["outcome"], body["error"]["stage"]) == ("failure", "execute")
    assert body["attempts"][0]["outcome"] == "failure"


def test_a_job_ends_without_its_result_being_asked_for(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """The job ends when its work does, also if the script never asks for the result."""
    answer = StatevectorSampler(seed=1).run([bell])
    while not answer._future.done():
        threading.Event().wait(0.001)

    assert job()["outcome"] == "success"


def test_a_sampler_inside_a_sampler_is_the_same_job(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """A subclass that calls another sampler, here and on the thread, still makes one job."""

    class Layered(StatevectorSampler):
        def run(self, pubs, *, shots=None):
            SamplerV2(seed=1).run(pubs, shots=shots).result()
            return super().run(pubs, shots=shots)

        def _run(self, pubs):
            SamplerV2(seed=1).run(pubs).result()
            return super()._run(pubs)

    Layered(seed=1).run([bell]).result()
    (only,) = finished()

    assert only.body["device"] == "statevector"
    assert stages(dict(only.body)) == ["submit", "queue", "execute", "decode"]


def test_a_job_of_a_thread_belongs_to_the_run(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """A job that a thread of the script submits is part of the run."""
    sampler = StatevectorSampler(seed=1)
    thread = threading.Thread(target=lambda: sampler.run([bell]).result())
    thread.start()
    thread.join()

    assert [event.run for event in finished()] == [run.id]


def test_a_job_without_a_run_stands_for_itself(
    hooks: None, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Hooks without a run record free-standing jobs."""
    StatevectorSampler(seed=1).run([bell]).result()

    assert [event.run for event in finished()] == [None]


def test_a_job_of_a_step_belongs_to_the_step(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """A job that is seen while a step is open is part of that step."""
    with run.step(0) as step:
        StatevectorSampler(seed=1).run([bell]).result()

    assert job()["step"] == step.id


def test_an_open_job_gets_the_stages(run: RunHandle, bell: QuantumCircuit, job: Read) -> None:
    """A sampler that is run while the script's own job is open adds its stages to that job."""
    with run.job():
        StatevectorSampler(seed=1).run([bell]).result()

    body = job()
    assert body["device"] == "statevector"
    assert stages(body) == ["submit", "queue", "execute"]


def test_a_job_that_is_told_is_not_seen_twice(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """Where the script tells the stages of a job itself, the hooks add nothing."""
    sampler = StatevectorSampler(seed=1)
    with run.job(shots=1024) as handle:
        counts = handle.results(handle.attempt(sampler.run, [bell]))

    body = job()
    assert sum(counts.values()) == 1024
    assert stages(body) == ["submit", "queue", "execute", "decode"]
    assert len(body["attempts"]) == 1


def test_an_observed_core_is_not_seen_twice(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """A core whose submit and execute are observed makes one job, not a second by the hooks."""

    class Core:
        backend = "statevector"

        def fit(self, data):
            return self.execute(self.submit(data))

        def submit(self, circuits):
            return StatevectorSampler(seed=1).run(circuits)

        def execute(self, answer):
            return answer.result()

    observe(Core()).fit([bell])

    assert stages(job()) == ["submit", "queue", "execute"]


def test_a_cancelled_job_is_cancelled(
    run: RunHandle, bell: QuantumCircuit, job: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose future is cancelled before its thread begins ends as cancelled."""

    class Busy:
        def __init__(self, max_workers):
            pass

        def submit(self, function, *args, **kwargs):
            from concurrent.futures import Future

            return Future()

        def shutdown(self, wait):
            pass

    monkeypatch.setattr("qiskit.primitives.primitive_job.ThreadPoolExecutor", Busy)
    assert StatevectorSampler().run([bell]).cancel()

    body = job()
    assert body["outcome"] == "cancelled"
    assert body["attempts"][0]["outcome"] == "cancelled"


def test_the_threads_context_stays_its_own(run: RunHandle, bell: QuantumCircuit) -> None:
    """NumPy's error state of the script does not reach the primitive's thread, as without us."""

    class Curious(StatevectorSampler):
        def _run(self, pubs):
            return np.geterr()

    before = np.geterr()
    with np.errstate(all="raise"):
        assert Curious().run([bell]).result() == before


def test_a_primitive_job_pickles_after_its_result(run: RunHandle, bell: QuantumCircuit) -> None:
    """A primitive job can still be pickled, and gives the same result then."""
    answer = StatevectorSampler(seed=1).run([bell], shots=9)
    counts = answer.result()[0].data.meas.get_counts()
    again = pickle.loads(pickle.dumps(answer))

    assert again.result()[0].data.meas.get_counts() == counts


@pytest.mark.parametrize(
    ("part", "times"), [("handed", 2), ("begun", 1), ("done", 1), ("__init__", 1)]
)
def test_our_failures_stay_ours(
    part: str, times: int, hooks: None, bell: QuantumCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks in a hook, the script gets its result, and the failure is counted."""

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("ours")

    lenient = Recorder(Settings(disabled=True, strict=False))
    before = use(lenient)
    monkeypatch.setattr(watch.Watch, part, broken)
    result = StatevectorSampler(seed=1).run([bell], shots=10).result()
    use(before)

    assert result[0].data.meas.num_shots == 10
    assert lenient.guard.take() == {"instrumentation": times}


def test_an_interrupt_passes_the_hooks(
    run: RunHandle, bell: QuantumCircuit, job: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keyboard interrupt inside `run` reaches the script and leaves a cancelled job."""

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qiskit.primitives.containers.sampler_pub.SamplerPub.coerce", interrupted)
    with pytest.raises(KeyboardInterrupt):
        StatevectorSampler().run([bell])

    assert job()["outcome"] == "cancelled"


def test_a_handle_of_the_users_ends_by_itself(
    run: RunHandle, bell: QuantumCircuit, recorder: Recorder, finished: ReadAll
) -> None:
    """The hooks never end a job that the script began."""
    mine = JobHandle(recorder, run).begin()
    with mine.stage("submit"):
        StatevectorSampler(seed=1).run([bell]).result()
    assert not mine.ended
    mine.end()

    assert len(finished()) == 2
