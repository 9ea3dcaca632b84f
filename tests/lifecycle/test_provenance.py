"""What records rest on: captured once, shared, and what could not be known is named."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit.qpy import load
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.journal import Blob, Event, open_journal
from qgm_observe.lifecycle import Device, recorder, use
from qgm_observe.lifecycle.provenance import Provenance, read, settings_of

CANARY = "canaryT0k3nT0k3nT0k3nT0k3nT0k3nT0k3nT0k3nT0k3n"
FACTS = {"python": "3.11.7", "packages": {"qiskit": "2.6.2"}}


class Origin:
    """A process that is made of what it is told."""

    def facts(self, *, patient: bool) -> Any:
        return FACTS, {"container": "not told"}


class Backend:
    """A device that holds IBM's document of two qubits."""

    name = "two"

    def __init__(self, readout: float = 0.02, date: str = "2026-11-23T10:00:00Z") -> None:
        self.backend_version = "1.3"
        self._conf_dict = {"processor_type": {"family": "Heron", "revision": "2"}}
        told = {"name": "readout_error", "unit": "", "value": readout, "date": date}
        self._props_dict = {"last_update_date": date, "qubits": [[told], [told]], "gates": []}


class Remote(Backend):
    """The same, somewhere else."""

    qgm_device = Device("ibm", "two", "us-east", ExecutionMode.JOB)


class Sampler:
    """Takes circuits and never runs them."""

    seed = 17

    def run(self, pubs: Any, *, shots: int | None = None) -> object:
        return object()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The journal of a recorder of its own."""
    path, before = tmp_path / "journal.db", use(None)
    qgm.configure(journal=path, detail_rate=1e9)
    recorder().writer.provenance = Provenance(recorder(), Origin())  # type: ignore[arg-type]
    yield path
    recorder().close()
    use(before)


def ansatz(parameters: int = 2) -> QuantumCircuit:
    """A small circuit with free parameters."""
    angles = ParameterVector("a", parameters)
    circuit = QuantumCircuit(2)
    for angle in angles:
        circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def finished(path: Path, noun: str = "job") -> list[Event]:
    """The finished events of a noun."""
    qgm.flush()
    with open_journal(path, read_only=True) as store:
        return list(store.events(verbs=("finished",), nouns=(noun,)))


def told(path: Path, event: Event) -> dict[str, Any]:
    """The provenance of a record."""
    with open_journal(path, read_only=True) as store:
        return read(store, event.body)


def content(path: Path, key: str) -> bytes:
    """A content of the journal."""
    with open_journal(path, read_only=True) as store:
        data = store.blob(key)
    assert data is not None
    return data


# --------------------------------------------------------------------------------------- records


def test_a_noise_model_is_told_also_where_no_circuit_is_seen(journal: Path) -> None:
    """A job that a script tells of itself, with its simulator, names the simulator's noise."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.09, 2), ["cx"])
    with qgm.run(model="m") as run, run.step(0) as step:
        step.job(AerSimulator(noise_model=model), shots=100).begin().end()

    (job,) = finished(journal)
    noise = told(journal, job)["noise_model"]
    assert noise.keys() == {"hash"}
    assert json.loads(content(journal, noise["hash"]))["gates"][0][0] == "cx"
    assert "noise_model" not in told(journal, job)["gaps"]


def test_a_job_names_what_it_rests_on(journal: Path) -> None:
    """Packages, circuit, device, calibration, level and seeds are on a job's record."""
    circuit = transpile(
        ansatz(),
        basis_gates=["rz", "sx", "cx"],
        coupling_map=[[0, 1], [1, 0]],
        initial_layout=[1, 0],
    )
    with qgm.run() as run, run.job(Backend()) as job:
        job.note(optimization_level=2, seed=5)
        job.attempt(Sampler().run, [(circuit, [0.1, 0.2])], shots=100)

    (event,) = finished(journal)
    known = told(journal, event)

    assert known["packages"] == {"qiskit": "2.6.2"}
    assert known["device"] == {"version": "1.3", "processor": "Heron r2"}
    assert known["optimization_level"] == 2
    assert known["seeds"] == {"seed": 5, "sampler": 17}
    assert known["circuits"][0]["layout"] == [1, 0]
    assert known["calibration"]["taken_at"] == 1_795_428_000.0
    assert known["gaps"] == {"container": "not told", "encoding": "no encoding was told"}
    program = json.loads(content(journal, event.body["blobs"]["program"][0]))
    assert program["seeds"] == {"sampler": 17}
    assert program["pubs"][0]["shots"] == 100


def test_what_is_not_known_is_named(journal: Path) -> None:
    """A job of which nothing was told has a gap for each part, with its reason."""
    with qgm.job():
        pass

    (event,) = finished(journal)

    assert set(told(journal, event)["gaps"]) == {
        *("calibration", "circuits", "container", "device", "encoding"),
        *("optimization_level", "seed"),
    }


def test_a_run_is_told_at_its_beginning(journal: Path) -> None:
    """A run that never finishes has its provenance all the same, and the lost record keeps it."""
    run = qgm.run().begin()
    qgm.flush()
    with open_journal(journal, read_only=True) as store:
        (event,) = store.events(verbs=("opened",), nouns=("run",))
        (work,) = store.open_work()
        assert read(store, event.body)["python"] == "3.11.7"
        assert read(store, work.body)["python"] == "3.11.7"
    run.end()


def test_equal_calibrations_of_a_hundred_runs_are_one(journal: Path) -> None:
    """A hundred backend objects, each with another date, give one content; another value two."""
    for number in range(100):
        backend = Backend(date=f"2026-11-{1 + number % 28:02d}T10:00:00Z")
        with qgm.run() as run, run.job(backend):
            pass
    with qgm.run() as run, run.job(Backend(readout=0.03)):
        pass

    kept = {event.body["blobs"]["calibration"][0] for event in finished(journal)}

    assert len(finished(journal, "run")) == 101
    assert len(kept) == 2


def test_what_is_shared_is_kept_once(journal: Path) -> None:
    """A hundred jobs of one circuit have two documents of provenance and one circuit."""
    circuit, backend = ansatz(), Backend()
    with qgm.run() as run:
        for number in range(100):
            with run.job(backend) as job:
                job.attempt(Sampler().run, [(circuit, [0.1, number])])

    bodies = [event.body for event in finished(journal)]

    assert len({tuple(body["blobs"]["provenance"]) for body in bodies}) == 1
    assert len({tuple(body["blobs"]["circuits"]) for body in bodies}) == 1
    assert len({body["provenance"]["parametric"] for body in bodies}) == 100
    with open_journal(journal, read_only=True) as store:
        assert store.info().blobs == 100 + 1 + 1 + 3  # programs, circuit, calibration, documents


def test_an_optimizer_that_changes_its_vector_changes_no_record(journal: Path) -> None:
    """Values are copied when they are submitted; what happens to the array later is no matter."""
    vector = np.array([0.25, 0.5])
    with qgm.run() as run, run.job() as job:
        job.attempt(Sampler().run, [(ansatz(), vector)])
        vector += 1

    (event,) = finished(journal)
    ((names, shape, data),) = json.loads(content(journal, event.body["blobs"]["program"][0]))[
        "pubs"
    ][0]["values"]

    import base64

    assert names == ["a[0]", "a[1]"]
    assert shape == [2]
    assert np.frombuffer(base64.b64decode(data), "<f8").tolist() == [0.25, 0.5]


def test_a_circuit_is_kept_as_it_ran(journal: Path) -> None:
    """The content is the circuit, in Qiskit's own format."""
    import io

    circuit = ansatz()
    with qgm.run() as run, run.job() as job:
        job.attempt(Sampler().run, [(circuit, [1.0, 2.0])])

    (event,) = finished(journal)
    (read_back,) = load(io.BytesIO(content(journal, event.body["blobs"]["circuits"][0])))

    assert read_back == circuit


def test_a_bound_angle_changes_the_parametric_hash_alone(journal: Path) -> None:
    """Binding values leaves the structural hash, and two equal bindings are equal."""
    circuit = ansatz()
    for values in ([0.1, 0.2], [0.1, 0.3], [0.1, 0.2]):
        with qgm.run() as run, run.job() as job:
            job.attempt(Sampler().run, [circuit.assign_parameters(values)])

    events = finished(journal)
    structures = [told(journal, event)["circuits"][0]["structure"] for event in events]
    hashes = [event.body["provenance"]["parametric"] for event in events]

    assert len(set(structures)) == 1
    assert hashes[0] == hashes[2] != hashes[1]


@pytest.mark.parametrize(("level", "kinds"), [("none", set()), ("hashes", {"provenance"})])
def test_the_capture_level_decides(journal: Path, level: str, kinds: set[str]) -> None:
    """At `none` nothing is kept or named, at `hashes` the documents alone are kept."""
    path = journal.with_name("other.db")
    qgm.configure(journal=path, capture=level)
    with qgm.run() as run, run.job(Backend()) as job:
        job.attempt(Sampler().run, [ansatz().assign_parameters([0.1, 0.2])])

    (event,) = finished(path)
    blobs = event.body.get("blobs", {})
    with open_journal(path, read_only=True) as store:
        kept = {kind for kind, keys in blobs.items() for key in keys if store.blob(key)}

    assert kept == kinds
    assert ("program" in blobs) == (level == "hashes")


def test_counts_are_kept_where_all_is(journal: Path) -> None:
    """At the level `all` what a sampler measured is kept as JSON; a replay needs it."""

    class Result:
        def get_counts(self) -> dict[str, int]:
            return {"00": 60, "11": 40}

    class Job:
        def result(self) -> Result:
            return Result()

    path = journal.with_name("other.db")
    qgm.configure(journal=path, capture="all")
    with qgm.run() as run, run.job() as job:
        job.results(job.attempt(lambda _: Job(), []))
    (event,) = finished(path)

    assert json.loads(content(path, event.body["blobs"]["counts"][0])) == {"00": 60, "11": 40}


# ---------------------------------------------------------------------------------- calibrations


def test_the_calibration_at_the_run_is_that_of_its_instant(journal: Path) -> None:
    """Of a job that waited, the reading in force when it ran is named, with its skew."""
    now = float(int(recorder().seconds()))
    with open_journal(journal) as store:
        for readout, at in ((0.02, now - 7200), (0.05, now + 1800), (0.09, now + 9000)):
            body = {"kind": "calibration", "taken_at": at}
            taken = datetime.fromtimestamp(at, UTC).isoformat()
            blob = Blob("calibration", json.dumps(Remote(readout, taken)._props_dict).encode())
            event = Event(
                verb="reading",
                noun="device",
                subject="ibm/two",
                at=at,
                body=body | {"blob": blob.hash},
                id=str(at),
            )
            store.append([event], blobs=[blob])
    with qgm.run() as run, run.job(Remote.qgm_device) as job:
        job.attempt(Sampler().run, [ansatz().assign_parameters([0.1, 0.2])])
        assert job.attempts is not None
        job.attempts[-1].queue_seconds = 3600.0

    (event,) = finished(journal)
    at_run = json.loads(content(journal, event.body["provenance"]["calibration_at_run"]))
    at_submit = json.loads(content(journal, told(journal, event)["calibration"]["hash"]))

    assert at_run["qubits"]["0"] == {"readout_error": 0.05}
    assert at_submit["qubits"]["0"] == {"readout_error": 0.02}
    assert event.body["provenance"]["calibration_skew"] == 7200 + 1800


def test_a_journal_without_readings_leaves_a_gap(journal: Path) -> None:
    """Of a remote job without any reading the calibration at the run is named as unknown."""
    with qgm.run() as run, run.job(Remote()) as job:
        job.attempt(Sampler().run, [ansatz().assign_parameters([0.1, 0.2])])

    (event,) = finished(journal)

    assert "calibration_at_run" in told(journal, event)["gaps"]
    assert "calibration" in told(journal, event)


# ----------------------------------------------------------------------------------------- secrets


def test_settings_of_a_core_hold_no_secret(journal: Path) -> None:
    """Numbers and short text are kept; what is named or looks like a secret is not."""

    class Core:
        def __init__(self) -> None:
            self.seed, self.optimizer, self.api_token, self.note = 3, "adam", "abc", CANARY
            self.data, self._own = [1, 2], 4

        def fit(self, data: Any) -> None:
            with qgm.job(Backend()) as job:
                job.attempt(Sampler().run, [ansatz().assign_parameters([0.1, 0.2])])

    assert settings_of(Core()) == {"seed": 3, "optimizer": "adam"}
    qgm.observe(Core()).fit(CANARY)
    (run,) = finished(journal, "run")

    assert told(journal, run)["settings"] == {"seed": 3, "optimizer": "adam"}
    recorder().close()
    files = b"".join(path.read_bytes() for path in journal.parent.iterdir())
    assert CANARY.encode() not in files


def test_a_job_around_a_core_s_samples_knows_the_core(journal: Path) -> None:
    """What a core is set to is on a job of the script's own as well, unless it is in a run."""

    class Core:
        def __init__(self) -> None:
            self.seed, self.optimization_level = 3, 1

        def sample(self, shots: int) -> int:
            return shots

    core = qgm.observe(Core())
    with qgm.job():
        core.sample(5)
    (event,) = finished(journal)

    assert told(journal, event)["optimization_level"] == 1
    assert told(journal, event)["seeds"] == {"seed": 3}


def test_importing_the_package_loads_nothing_for_it() -> None:
    """Provenance brings in neither Qiskit, numpy nor the metadata of packages on import."""
    code = (
        "import sys, qgm_observe as q; q.run;"
        "print([m for m in ('numpy','qiskit','importlib.metadata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
