import subprocess
import sys

import pytest

from qgm_observe import training

HEAVY = ("qiskit", "qiskit_aer", "qiskit_ibm_runtime", "sklearn", "scipy")


def loaded_by(statement):
    script = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import qgm_observe.training", (*HEAVY, "numpy")),
        ("import qgm_observe.training.targets", HEAVY),
        ("from qgm_observe.training import QCBM, load_device, load_target", HEAVY),
    ],
)
def test_imports_are_light(statement, absent):
    """The room costs nothing until used, targets need numpy alone, Qiskit waits for a circuit."""
    assert not loaded_by(statement) & set(absent)


def test_every_public_name_can_be_had():
    """Each name that the front lists is there under its own name, and others are refused."""
    for name in training.__all__:
        assert getattr(training, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        training.nothing  # noqa: B018
