"""What importing costs."""

import resource
import subprocess
import sys

from .conftest import COMMAND

HEAVY = ("pandas", "numpy", "qiskit", "opentelemetry.sdk", "grafanalib", "prometheus_client")


def test_the_front_door_is_light() -> None:
    """Using `run`, `job` and `observe` loads none of the heavy libraries."""
    code = (
        "import sys, qgm_observe as qgm\n"
        "qgm.run, qgm.job, qgm.observe, qgm.configure, qgm.serve\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_help_comes_at_once() -> None:
    """`qgm-observe --help` takes at most 200 ms of processor time (best of three)."""

    def spent() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([COMMAND, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)

    assert min(spent() for _ in range(3)) <= 0.2


def test_every_public_name_is_there() -> None:
    """`__all__` is sorted and every name in it can be had; others cannot."""
    import qgm_observe

    assert qgm_observe.__all__ == sorted(qgm_observe.__all__)
    assert all(getattr(qgm_observe, name) is not None for name in qgm_observe.__all__)
    assert not hasattr(qgm_observe, "nothing")
