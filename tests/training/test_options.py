import pytest

from qgm_observe.training.options import Options


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"shots": -5}, "shots=-5 is refused: write an integer of at least 2"),
        ({"shots": 1}, "shots=1 is refused"),
        ({"shots": 10.0}, "shots=10.0 is refused"),
        ({"shots": True}, "shots=True is refused"),
        ({"seed": -1}, "seed=-1 is refused"),
        ({"reps": -1}, "reps=-1 is refused"),
        ({"loss": "mdd"}, "loss='mdd' is unknown: choose mmd or nll"),
        ({"gradient": "adjoint"}, "gradient='adjoint' is unknown: choose"),
        ({"optimizer": "adm"}, "optimizer='adm' is unknown: choose adam or sgd"),
        ({"entanglement": "ring"}, "entanglement='ring' is unknown"),
        ({"rotations": ()}, "rotations=.* is refused: write at least one"),
        ({"rotations": ("cx",)}, "rotation='cx' is unknown"),
        ({"bandwidths": []}, "bandwidths=.* is refused"),
        ({"bandwidths": (0.0,)}, "bandwidth=0.0 is refused: write a finite number above 0"),
        ({"learning_rate": 0}, "learning_rate=0 is refused"),
        ({"learning_rate": float("nan")}, "learning_rate=nan is refused"),
        ({"learning_rate": "fast"}, "learning_rate='fast' is refused"),
        ({"clip": -1e-3}, "clip=-0.001 is refused"),
        ({"entropy_weight": -1}, "entropy_weight=-1 is refused: write a finite number of at least"),
        ({"perturbation": float("inf")}, "perturbation=inf is refused"),
        ({"directions": 0}, "directions=0 is refused"),
        ({"optimization_level": 4}, "optimization_level=4 is refused: 0 to 3"),
        ({"keep_checkpoints": 0}, "keep_checkpoints=0 is refused"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_one_line(options, line):
    """The line names the setting, the value and what to write instead."""
    with pytest.raises(ValueError, match=line) as refusal:
        Options(**options)

    assert "\n" not in str(refusal.value)


def test_settings_build_the_same_options_again():
    """Settings by name are complete: options made from them have the same settings."""
    options = Options(shots=10, rotations=["ry", "rz"], bandwidths=[1], seed=2**40)

    assert Options(**options.settings()).settings() == options.settings()


def test_settings_are_given_by_name():
    """A setting in the wrong place cannot be mistaken for another one."""
    with pytest.raises(TypeError, match="positional"):
        Options(1024)
