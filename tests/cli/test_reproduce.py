"""`qgm-observe reproduce`: a recorded job again, compared with intervals."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, amplitude_damping_error, pauli_error
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.cli import main
from qgm_observe.lifecycle import Device, recorder, use
from qgm_observe.providers import noise_content

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ask]:
    """The command on the journal of this test: exit code, output, errors."""
    path, before = tmp_path / "journal.db", use(None)
    qgm.configure(journal=path, capture="all")

    def call(*words: str) -> tuple[int, str, str]:
        qgm.flush()
        code = main(["reproduce", *words, "--journal", str(path)])
        said = capsys.readouterr()
        return code, said.out, said.err

    yield call
    recorder().close()
    use(before)


def bell() -> QuantumCircuit:
    """A Bell pair in the gates of the device."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.sx(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def record(backend: Any, sampler: Any, shots: int = 4000) -> str:
    """Record one job and return its id."""
    with qgm.run(model="bell") as run, run.job(backend) as job:
        job.results(job.attempt(sampler.run, [bell()], shots=shots))
    return job.id


def noisy() -> AerSimulator:
    """A simulator with the noise of a snapshot."""
    return AerSimulator.from_backend(FakeManilaV2())


def test_a_noisy_job_is_reproduced(ask: Ask) -> None:
    """With the noise model that it had the distance may be 0; without it, it is not."""
    backend = noisy()
    job = record(backend, SamplerV2.from_backend(backend, seed=1))

    code, out, err = ask(job)
    assert (code, err) == (0, "")
    assert f"job {job} on local/" in out
    assert "reproduced, with its noise model" in out
    assert "note:" not in out

    code, out, _ = ask(job[:6], "--ideal", "--shots", "50000")
    assert code == 1
    assert "not reproduced, with no noise" in out


def test_counts_of_something_else_are_not_reproduced(ask: Ask) -> None:
    """A job whose counts are not those of its circuit is told with exit code 1, and a distance."""

    class Wrong:
        def run(self, pubs: Any, *, shots: int) -> Any:
            class Job:
                def result(self) -> Any:
                    class Result:
                        def get_counts(self) -> dict[str, int]:
                            return {"01": shots}

                    return Result()

            return Job()

    job = record(noisy(), Wrong())
    code, out, _ = ask(job, "--json")
    told = json.loads(out)

    assert code == 1
    assert told["reproduced"] is False
    assert told["compared"][0]["low"] > 0.8
    assert ask(job, "--tolerance", "0.99")[0] == 0


def test_an_ideal_simulator_is_replayed_without_noise(ask: Ask) -> None:
    """A local job without a calibration needs none, which is said; `latest` is its run's job."""
    backend = AerSimulator()
    record(backend, SamplerV2.from_backend(backend, seed=1))

    code, out, _ = ask("latest")

    assert code == 0
    assert "note: the simulator had no calibration: replayed without noise" in out


def test_estimates_are_compared_where_counts_were_not_kept(ask: Ask, tmp_path: Path) -> None:
    """With the target the recorded estimates are compared by the interval of their difference."""
    qgm.configure(journal=tmp_path / "journal.db", capture="circuits")
    backend, target = AerSimulator(), {"00": 0.5, "11": 0.5}
    file = tmp_path / "target.json"
    file.write_text(json.dumps(target))
    with qgm.run(model="bell") as run, run.job(backend) as job:
        sampler = SamplerV2.from_backend(backend, seed=1)
        counts = job.results(job.attempt(sampler.run, [bell()], shots=2000))
        qgm.evaluate(counts, target)

    code, _, err = ask(job.id)
    assert code == 2
    assert "or write --target FILE to compare its estimates" in err

    code, out, err = ask(job.id, "--target", str(file), "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert [each["name"] for each in told["compared"]] == [
        "valid_shot_ratio_device_gap",
        "linear_xeb_device_gap",
    ]
    assert [each["level"] for each in told["compared"]] == [0.975, 0.975]
    assert all(each["low"] <= 0 <= each["high"] for each in told["compared"])


def test_what_is_missing_is_said_all_at_once(ask: Ask) -> None:
    """A remote job of which nothing was kept names circuits, calibration and counts."""
    device = Device("ibm", "ibm_fez", "us-east", ExecutionMode.JOB)
    with qgm.run() as run, run.job(device) as job:
        pass

    code, out, err = ask(job.id)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    for words in (
        "circuits and values (no circuit was seen)",
        "the calibration (the backend object holds none, nor has the journal; write --ideal",
        "counts: set QGM_OBSERVE_CAPTURE=all and run it again",
    ):
        assert words in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("0000",), "run '0000' is not in"),
        (("ab",), "write at least 4 characters"),
        (("latest",), "has no finished job"),
    ],
)
def test_an_unknown_job_is_one_line(ask: Ask, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and what to write instead."""
    with qgm.run():
        pass

    code, out, err = ask(*words)

    assert (code, out) == (2, "")
    assert said in err


def test_options_are_checked(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    """A distance outside of [0, 1) and a count of 0 are refused before anything is read."""
    for words in (("--tolerance", "1"), ("--shots", "0")):
        with pytest.raises(SystemExit) as ended:
            ask("latest", *words)
        assert ended.value.code == 2
        assert "write a" in capsys.readouterr().err


def test_a_calibration_is_used_where_there_is_no_model(ask: Ask) -> None:
    """A job on a device that holds a calibration is replayed with the noise of that."""
    device = FakeManilaV2()
    assert device.properties() is not None  # read by now, as by whoever compiles for it
    job = record(device, SamplerV2.from_backend(noisy(), seed=1))

    code, out, _ = ask(job, "--tolerance", "0.02")
    assert code == 0
    assert "reproduced, with the noise of its calibration" in out


def test_a_noise_model_of_ones_own_is_replayed(ask: Ask) -> None:
    """A simulator that was given its noise as a model has that noise again, on other qubits too."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(amplitude_damping_error(0.3), ["x", "sx"])
    model.add_quantum_error(pauli_error([("XI", 0.2), ("II", 0.8)]), "cx", [0, 1])
    model.add_readout_error([[0.9, 0.1], [0.2, 0.8]], [1])
    backend = AerSimulator(noise_model=model)
    job = record(backend, SamplerV2.from_backend(backend, seed=1))

    code, out, _ = ask(job)
    assert code == 0
    assert "reproduced, with its noise model" in out
    assert ask(job, "--ideal")[0] == 1


def test_a_noise_model_that_is_too_large_is_said(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for none: the line says that it was not kept and what to write instead."""
    monkeypatch.setattr(noise_content, "MOST_ERRORS", 1)
    backend = AerSimulator(noise_model=NoiseModel.from_backend(FakeManilaV2()))
    job = record(backend, SamplerV2.from_backend(backend, seed=1))

    code, out, err = ask(job)
    assert (code, out) == (2, "")
    assert "the noise model (more than 1 errors are in use; write --ideal" in err


def test_true_jobs_are_reproduced_and_doubled_errors_are_noticed(ask: Ask, tmp_path: Path) -> None:
    """Of six true jobs all are reproduced, of six with twice the errors at most two."""
    file = Path(__file__).parents[2] / "benchmarks" / "reproduce.py"
    spec = importlib.util.spec_from_file_location("replayed", file)
    assert spec is not None
    assert spec.loader is not None
    replayed: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(replayed)

    assert replayed.measure(6, 4_000, 1.0, 1, tmp_path) == 6
    assert replayed.measure(6, 4_000, 2.0, 1, tmp_path) <= 2
