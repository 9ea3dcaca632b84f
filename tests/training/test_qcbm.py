import json
import os
import threading

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator

from qgm_observe.training import QCBM, load_device, load_target, valid_shot_ratio, wrap_backend

STAGES = ("encode", "compile", "submit", "execute", "decode", "evaluate", "optimize")
RECIPES = [
    {"gradient": "spsa", "optimizer": "sgd", "loss": "mmd", "directions": 2},
    {"gradient": "parameter-shift", "optimizer": "adam", "loss": "nll"},
    {"gradient": "spsa", "optimizer": "adam", "loss": "mmd", "entropy_weight": 0.1},
]


class Interrupted(Exception):
    pass


def quick(device, **options):
    return QCBM(device, **{"shots": 64, "reps": 1, "seed": 7, "gradient": "spsa", **options})


def interrupt_after(step):
    def look(index, loss):
        if index == step:
            raise Interrupted

    return look


def record(core, names):
    """Shadow methods on the instance and list the calls and results in order."""
    seen = []

    def shadow(name):
        method = getattr(core, name)

        def shadowed(*args, **options):
            outcome = method(*args, **options)
            seen.append((name, args, options, outcome))
            return outcome

        setattr(core, name, shadowed)

    for name in names:
        shadow(name)
    return seen


def outcome_of(core, result):
    return (
        result.parameters.tobytes(),
        result.losses,
        json.dumps(result.model),
        core.sample(50),
        core.sample(50),
    )


def test_the_defaults_learn_bars_and_stripes(ideal, bars):
    """Twenty steps lift the share of valid shots from about 0.4 of chance to above 0.7."""
    core = QCBM(ideal, shots=256)

    result = core.fit(bars, iterations=20)

    assert np.mean(result.losses[-3:]) < np.mean(result.losses[:3]) - 1
    assert valid_shot_ratio(core.sample(1000), bars) > 0.7


def test_a_snapshot_with_noise_trains_too(fez, bars):
    """On the noise of a real calibration the loss falls within a few steps."""
    core = QCBM(fez, shots=256)

    result = core.fit(bars, iterations=6)

    assert result.losses[-1] < result.losses[0]
    assert core.backend.name == "fake_fez"


def test_any_sampler_of_the_interface_will_do(bars):
    """The same core trains on Qiskit's own reference sampler, seeded by its owner."""
    device = wrap_backend(AerSimulator(), StatevectorSampler(seed=3))

    result = quick(device).fit(bars, iterations=2)

    assert len(result.losses) == 2


def test_every_stage_is_called_through_the_instance_in_order(ideal, bars):
    """Methods that are shadowed on the object see every stage of every step, in its order."""
    core = quick(ideal)
    seen = record(core, ("prepare", "step", "register", *STAGES))

    core.fit(bars, iterations=2)

    assert [call[0] for call in seen] == ["prepare", *(*STAGES, "step") * 2, "register"]


def test_sampling_uses_the_stages_of_a_job(ideal, bars):
    """A sample is encoded, compiled, submitted, executed and decoded, with its own shots."""
    core = quick(ideal)
    core.fit(bars, iterations=1)
    seen = record(core, STAGES)

    counts = core.sample(33)

    assert [call[0] for call in seen] == ["encode", "compile", "submit", "execute", "decode"]
    assert seen[2][2] == {"shots": 33}
    assert sum(counts.values()) == 33


@pytest.mark.parametrize(
    ("options", "circuits"),
    [({"gradient": "parameter-shift"}, 17), ({"gradient": "spsa", "directions": 3}, 7)],
)
def test_a_step_is_one_submission_with_all_its_circuits(ideal, bars, options, circuits):
    """Parameter shift sends 2P + 1 circuits and SPSA 1 + 2 a direction, in a single run."""
    core = quick(ideal, **options)
    seen = record(core, ("submit", "decode"))

    core.fit(bars, iterations=1)

    assert [call[0] for call in seen] == ["submit", "decode"]
    assert seen[1][3].shape == (circuits, 16)
    assert (seen[1][3].sum(axis=1) == 64).all()


def test_a_structure_is_compiled_once(ideal, bars):
    """Later calls for the same structure return the very circuit of the first."""
    core = quick(ideal)
    seen = record(core, ("compile",))

    core.fit(bars, iterations=3)

    assert len({id(call[3]) for call in seen}) == 1
    assert core.compile(core.circuit.copy()) is seen[0][3]


def test_parameters_that_compilation_removes_are_not_bound(ideal, bars):
    """A compiler that drops two of eight angles gets the values of the other six, each its own."""
    core = quick(ideal)

    def drop_two(circuit):
        angles = circuit.parameters
        return circuit.assign_parameters({angles[0]: 0.0, angles[5]: 0.0})

    core.compile = drop_two
    seen = record(core, ("encode", "submit"))
    core.fit(bars, iterations=1)
    points, (compiled, values) = seen[0][3], seen[1][1][0][0]

    (angles,) = values
    assert [angle.name for angle in angles] == [f"θ[{place}]" for place in (1, 2, 3, 4, 6, 7)]
    assert np.array_equal(values[angles], points[:, [1, 2, 3, 4, 6, 7]])
    assert compiled.num_parameters == 6


def test_the_observers_attributes_are_public(ideal, bars):
    """The loss of the last step, the shots and the backend's name can be read at any time."""
    core = quick(ideal)
    assert core.last_loss is None

    heard = []
    core.fit(bars, iterations=3, on_step=lambda index, loss: heard.append((index, loss)))

    assert [index for index, _ in heard] == [0, 1, 2]
    assert core.last_loss == heard[-1][1]
    assert (core.shots, core.backend.name) == (64, "aer_simulator")


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_seeded_training_is_the_same_to_the_last_bit(manila, bars, recipe):
    """The same seed gives the same parameters, losses and samples; another seed does not."""
    first, second, other = quick(manila, **recipe), quick(manila, **recipe), quick(manila, seed=8)

    outcome = outcome_of(first, first.fit(bars, iterations=3))

    assert outcome == outcome_of(second, second.fit(bars, iterations=3))
    assert outcome[0] != other.fit(bars, iterations=3).parameters.tobytes()


def test_trainings_in_parallel_threads_do_not_disturb_each_other(manila, bars):
    """Two trainings that share a device at the same time end as each does alone."""
    alone = {seed: quick(manila, seed=seed).fit(bars, iterations=5).losses for seed in (1, 2)}
    together = {}

    def train(seed):
        together[seed] = quick(manila, seed=seed).fit(bars, iterations=5).losses

    threads = [threading.Thread(target=train, args=(seed,)) for seed in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert together == alone


def test_the_global_random_state_is_left_alone(ideal, bars):
    """A training neither uses nor changes numpy's global generator."""
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002

    quick(ideal).fit(bars, iterations=1)

    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_every_step_draws_shots_of_its_own(ideal, bars):
    """The same circuits give other counts in another step, and the same ones in the same step."""
    core = quick(ideal, gradient="parameter-shift")
    core.encode = lambda parameters, index=None: np.full((17, 8), 0.5)
    seen = record(core, ("decode",))
    core.fit(bars, iterations=2)
    core.step(1)
    first, second, again = (call[3] for call in seen)

    assert not np.array_equal(first, second)
    assert np.array_equal(second, again)


def test_repeated_samples_differ_and_follow_from_the_seed(ideal, bars):
    """Each call draws new shots; a training that is repeated repeats the sequence."""
    core = quick(ideal, initial_angle=1.0)
    core.fit(bars, iterations=1)
    drawn = [core.sample(500) for _ in range(2)]
    core.fit(bars, iterations=1)

    assert drawn[0] != drawn[1]
    assert [core.sample(500) for _ in range(2)] == drawn


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_resumed_training_ends_as_one_that_never_stopped(manila, bars, recipe, tmp_path):
    """Stopped after any step and resumed by a new object, everything is equal to the last bit."""
    whole = quick(manila, **recipe)
    expected = outcome_of(whole, whole.fit(bars, iterations=5))
    for stop in (0, 2):
        folder = tmp_path / str(stop)
        with pytest.raises(Interrupted):
            quick(manila, **recipe).fit(
                bars, iterations=5, checkpoint=folder, on_step=interrupt_after(stop)
            )
        resumed = quick(manila, **recipe)

        result = resumed.fit(bars, iterations=5, checkpoint=folder, resume=True)

        assert result.first_step == stop + 1
        assert outcome_of(resumed, result) == expected


def test_checkpoints_do_not_change_a_training(ideal, bars, tmp_path):
    """With and without checkpoints the parameters are the same to the last bit."""
    plain = quick(ideal).fit(bars, iterations=3)
    kept = quick(ideal).fit(bars, iterations=3, checkpoint=tmp_path)

    assert plain.parameters.tobytes() == kept.parameters.tobytes()


def test_a_finished_training_resumes_to_its_own_end(ideal, bars, tmp_path):
    """Resuming when all steps are done runs none and returns the same losses."""
    done = quick(ideal).fit(bars, iterations=3, checkpoint=tmp_path)

    again = quick(ideal).fit(bars, iterations=3, checkpoint=tmp_path, resume=True)

    assert again.first_step == 3
    assert again.losses == done.losses


def test_a_resume_without_checkpoints_starts_at_the_first_step(ideal, bars, tmp_path):
    """A job that always asks to resume may run for the first time."""
    result = quick(ideal).fit(bars, iterations=1, checkpoint=tmp_path / "new", resume=True)

    assert result.first_step == 0


def test_a_folder_with_another_training_is_refused(ideal, bars, tmp_path):
    """A fresh start over old checkpoints and a resume with other settings are both refused."""
    quick(ideal).fit(bars, iterations=1, checkpoint=tmp_path)

    with pytest.raises(ValueError, match="already holds checkpoints: write resume=True"):
        quick(ideal).fit(bars, iterations=2, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="written with shots=64, not 65"):
        quick(ideal, shots=65).fit(bars, iterations=2, checkpoint=tmp_path, resume=True)
    with pytest.raises(ValueError, match="written with target="):
        quick(ideal).fit(
            load_target("gaussian-mixture"), iterations=2, checkpoint=tmp_path, resume=True
        )


def test_a_full_disk_does_not_stop_a_training(ideal, bars, tmp_path, monkeypatch):
    """When a checkpoint cannot be written the training warns and goes on to its end."""

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.warns(UserWarning, match="is not written, training goes on: .*No space left"):
        result = quick(ideal).fit(bars, iterations=2, checkpoint=tmp_path)

    assert len(result.losses) == 2


def test_a_registered_model_tells_what_it_rests_on(manila, bars, tmp_path):
    """Parameters, seed, device, calibration date and library versions are all there."""
    core = quick(manila)
    result = core.fit(bars, iterations=2, checkpoint=tmp_path)

    model = json.loads((tmp_path / "model.json").read_text())

    assert model == json.loads(json.dumps(result.model))
    assert model["parameters"] == result.parameters.tolist()
    assert (model["seed"], model["steps"], model["loss"]) == (7, 2, core.last_loss)
    assert model["device"]["name"] == "fake_manila"
    assert model["device"]["calibrated_at"] == "2024-05-27T18:27:23+00:00"
    assert model["device"]["qubits"] == list(manila.qubits)
    assert {"python", "numpy", "qiskit", "qiskit-aer"} <= set(model["versions"])


def test_a_registered_model_samples_again(ideal, bars, tmp_path):
    """A model that is loaded from its file draws what the trained core draws."""
    core = quick(ideal)
    core.fit(bars, iterations=2, checkpoint=tmp_path)

    loaded = QCBM.load(tmp_path / "model.json", ideal)

    assert loaded.sample(100) == core.sample(100)


def test_what_is_no_model_is_not_loaded(ideal, tmp_path):
    """A missing file and a file of something else give one line."""
    (tmp_path / "other.json").write_text("{}")
    for name in ("missing.json", "other.json"):
        with pytest.raises(ValueError, match=rf"{name} is no registered model"):
            QCBM.load(tmp_path / name, ideal)


def test_nothing_is_sampled_or_stepped_before_training(ideal):
    """The line says to call fit first."""
    core = quick(ideal)
    for call in (lambda: core.sample(10), lambda: core.step(0), core.register):
        with pytest.raises(ValueError, match=r"call fit\(target, iterations=...\) first"):
            call()


def test_a_device_that_is_too_small_is_named(manila):
    """A target of six qubits on four gives the number to load."""
    with pytest.raises(ValueError, match="load the device with num_qubits=6"):
        quick(manila).fit(load_target("iris"), iterations=1)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"iterations": 0}, "iterations=0 is refused"),
        ({"iterations": 1, "resume": True}, "resume needs the folder"),
    ],
)
def test_bad_arguments_of_a_training_are_refused(ideal, bars, arguments, line):
    """What cannot be meant is refused before any work."""
    with pytest.raises(ValueError, match=line):
        quick(ideal).fit(bars, **arguments)


@pytest.mark.parametrize("shots", [0, -1, 1.5])
def test_a_sample_needs_a_positive_number_of_shots(ideal, bars, shots):
    """Zero, negative and fractional shots are refused in one line."""
    core = quick(ideal)
    core.fit(bars, iterations=1)

    with pytest.raises(ValueError, match=r"shots=.* is refused: write an integer"):
        core.sample(shots)


def test_the_exact_distribution_is_what_many_shots_show() -> None:
    """Without noise 200,000 shots of the trained circuit lie about its exact distribution."""
    # false failure below 1e-6: a TVD of 16 cells at 200,000 shots is 0.004 +- 0.001
    core = QCBM(load_device("aer", 4, 3), seed=3)
    core.fit(load_target("bars-and-stripes"), iterations=2)
    counts = core.sample(200_000)
    seen = np.array([counts.get(f"{place:04b}", 0) for place in range(16)]) / 200_000

    assert core.exact().sum() == pytest.approx(1)
    assert np.abs(seen - core.exact()).sum() / 2 < 0.01
