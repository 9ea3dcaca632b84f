"""What becomes of a pass manager's `run`."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import SGate, UGate
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import PassManager, TransformationPass, generate_preset_pass_manager
from qiskit.transpiler.exceptions import TranspilerError
from qiskit.transpiler.passes import Optimize1qGates
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2

from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import RunHandle, compilation
from qgm_observe.lifecycle.provenance import read

Read = Callable[[], dict[str, Any]]
ReadAll = Callable[..., list[Event]]
BASIS = ["cz", "rz", "sx"]


def stages(event: Event) -> list[str]:
    return [stage[0] for stage in event.body.get("stages", ())]


def test_a_compilation_belongs_to_the_job_that_follows(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """`transpile` is one compile stage of the next job, and of no other."""
    isa = transpile(bell, basis_gates=BASIS)
    StatevectorSampler(seed=1).run([isa]).result()
    StatevectorSampler(seed=1).run([isa]).result()

    first, second = finished()
    assert stages(first) == ["compile", "submit", "queue", "execute"]
    assert stages(second) == ["submit", "queue", "execute"]


def test_a_job_lasts_from_its_compilation_on(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """The compile stage is where its job starts."""
    transpile(bell, basis_gates=BASIS)
    StatevectorSampler(seed=1).run([bell]).result()

    assert job()["stages"][0][:2] == ["compile", 0.0]


def test_a_staged_pass_manager_compiles_once(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """A staged pass manager, a plain one and a list of circuits are one compile stage each."""
    generate_preset_pass_manager(1, basis_gates=BASIS).run(bell)
    PassManager([Optimize1qGates()]).run(bell)
    transpile([bell, bell, bell], basis_gates=BASIS)
    StatevectorSampler(seed=1).run([bell]).result()

    (event,) = finished()
    assert stages(event).count("compile") == 3


def test_a_compilation_without_a_job_stays_with_the_run(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """What no job follows is a stage of the run, and no job."""
    transpile(bell, basis_gates=BASIS)
    run.end()

    (event,) = finished("run")
    assert stages(event) == ["compile"]
    assert finished("job") == []


def test_a_step_takes_what_was_compiled_before_it(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """A compilation before the first step belongs to that step's job."""
    transpile(bell, basis_gates=BASIS)
    with run.step(0) as step:
        StatevectorSampler(seed=1).run([bell]).result()

    body = job()
    assert (body["step"], body["stages"][0][0]) == (step.id, "compile")


def test_a_compilation_without_a_run_belongs_to_the_next_job(
    hooks: None, bell: QuantumCircuit, job: Read
) -> None:
    """Without any run a compilation still finds the job that follows it."""
    transpile(bell, basis_gates=BASIS)
    StatevectorSampler(seed=1).run([bell]).result()

    assert job()["stages"][0][0] == "compile"


def test_a_thread_compiles_for_the_run(run: RunHandle, bell: QuantumCircuit, job: Read) -> None:
    """What a thread compiled belongs to the next job of the run, whoever submits it."""
    thread = threading.Thread(target=lambda: transpile(bell, basis_gates=BASIS))
    thread.start()
    thread.join()
    StatevectorSampler(seed=1).run([bell]).result()

    assert job()["stages"][0][0] == "compile"


def test_a_failed_compilation_is_a_failed_job(
    run: RunHandle, bell: QuantumCircuit, job: Read
) -> None:
    """A circuit that cannot be compiled makes a failed job of class compile."""
    with pytest.raises(TranspilerError):
        transpile(bell, basis_gates=["x"])

    body = job()
    assert body["outcome"] == "failure"
    assert (body["error"]["class"], body["error"]["stage"]) == ("compile", "compile")
    assert [stage[0] for stage in body["stages"]] == ["compile"]


def test_a_circuit_that_is_too_wide_is_a_failed_job(run: RunHandle, job: Read) -> None:
    """What `transpile` refuses before any pass runs is a failed compilation of that device."""
    device = GenericBackendV2(2, seed=1)
    with pytest.raises(TranspilerError):
        transpile(QuantumCircuit(3), device)

    body = job()
    assert body["outcome"] == "failure"
    assert (body["error"]["class"], body["error"]["stage"]) == ("compile", "compile")
    assert body["device"] == device.name


def test_an_open_job_gets_its_compilation(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """A compilation inside the script's own job is a stage of it."""
    with run.job():
        transpile(bell, basis_gates=BASIS)

    assert [stages(event) for event in finished()] == [["compile"]]


def test_a_compilation_that_is_told_is_not_seen_twice(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Where the script times the compilation itself, the hooks add nothing."""
    with run.job() as handle, handle.stage("compile"):
        transpile(bell, basis_gates=BASIS)

    assert [stages(event) for event in finished()] == [["compile"]]


def test_building_circuits_is_no_compilation(run: RunHandle) -> None:
    """Pass managers that Qiskit runs to control a gate are not counted."""
    UGate(0.1, 0.2, 0.3).control(2, annotated=False)
    SGate().control(2, annotated=False)

    assert run.compiled == ()


def test_a_simulators_noise_passes_are_no_compilation(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Pass managers that Aer runs for its noise model, on its own thread, are not counted."""
    runs: list[Any] = []

    class Noisy(TransformationPass):
        def run(self, dag):
            runs.append(dag)
            return dag

    noise = NoiseModel()
    noise._custom_noise_passes.append(Noisy())
    bell.delay(100, 0)
    SamplerV2(options={"backend_options": {"noise_model": noise}}).run([bell]).result()
    AerSimulator(noise_model=noise).run(bell).result()

    assert len(runs) == 2
    by_primitive, by_backend = map(stages, finished())
    assert by_primitive == ["submit", "queue", "execute", "decode"]
    assert by_backend == ["submit", "queue", "execute"]
    assert run.compiled == ()


# ------------------------------------------------------------------------------ how it was compiled


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_preset_pass_manager_tells_what_it_was_made_with(
    hooks: None, bell: QuantumCircuit, level: int
) -> None:
    """Level, seed and methods are known of what it compiles, also once values are bound."""
    made = generate_preset_pass_manager(
        level, coupling_map=[[0, 1]], basis_gates=BASIS, seed_transpiler=3, layout_method="trivial"
    )
    told = compilation.options_of(made.run(bell).copy())

    assert told == {"optimization_level": level, "seed_transpiler": 3, "layout_method": "trivial"}


def test_transpile_tells_as_well(
    hooks: None, bell: QuantumCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults and the seed of the environment are what was in force, one by one of a list."""
    monkeypatch.setenv("QISKIT_TRANSPILER_SEED", "9")
    for each in transpile([bell, bell], basis_gates=BASIS):
        assert compilation.options_of(each) == {"optimization_level": 2, "seed_transpiler": 9}


def test_a_later_pass_leaves_it_as_it_is(hooks: None, bell: QuantumCircuit) -> None:
    """A pass manager of the script's own tells nothing, and takes nothing away."""
    own = PassManager([Optimize1qGates()])
    compiled = transpile(bell, basis_gates=BASIS, optimization_level=1)

    assert compilation.options_of(own.run(bell)) == {}
    assert compilation.options_of(own.run(compiled)) == {"optimization_level": 1}


def test_a_stage_that_the_script_tells_is_seen_too(
    run: RunHandle, bell: QuantumCircuit, finished: ReadAll, path: Path
) -> None:
    """Inside `stage("compile")` the hooks add no stage, and the job's record has the level."""
    with run.job() as handle:
        with handle.stage("compile"):
            compiled = transpile(bell, basis_gates=BASIS, optimization_level=3)
        handle.attempt(StatevectorSampler(seed=5).run, [compiled])

    (event,) = finished()
    with open_journal(path, read_only=True) as journal:
        told = read(journal, event.body)
    assert told["optimization_level"] == 3
    assert told["circuits"][0]["compiled"] == {"optimization_level": 3}
    assert told["seeds"] == {"sampler": 5}
    assert "optimization_level" not in told["gaps"]
