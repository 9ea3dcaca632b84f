"""The labels of a device, which are those that its provider tells it by."""

from types import SimpleNamespace
from typing import Any

import pytest
from braket.devices import LocalSimulator
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.catalog import ExecutionMode
from qgm_observe.lifecycle.devices import NO_DEVICE, Device, describe
from qgm_observe.providers import open_provider

LOCAL = ExecutionMode.LOCAL


@pytest.mark.parametrize(
    ("backend", "provider"),
    [
        pytest.param(FakeManilaV2, "local", id="a fake backend"),
        pytest.param(AerSimulator, "local", id="Aer"),
        pytest.param(lambda: LocalSimulator("braket_dm"), "braket", id="Braket's simulator"),
        pytest.param(lambda: "fake_manila", "local", id="a fake backend's name"),
    ],
)
def test_jobs_and_readings_name_a_simulator_alike(backend: Any, provider: str) -> None:
    """The job's provider, device and region are those of the provider that tells of the device."""
    told = describe(backend())

    (info,) = [info for info, _ in open_provider(provider).devices() if info.name == told.name]
    assert (told.provider, told.region, told.mode) == (info.provider, info.region, LOCAL)


@pytest.mark.parametrize(
    ("module", "provider", "region", "mode"),
    [
        ("qiskit_ibm_runtime.ibm_backend", "ibm", "us-east", "job"),
        ("braket.aws.aws_device", "braket", "us-east", "job"),
        ("pennylane_lightning.lightning_qubit", "local", "local", "local"),
        ("somebody.elses", "local", "local", "local"),
    ],
)
def test_the_library_tells_the_provider(module: str, provider: str, region: str, mode: str) -> None:
    """A backend of a provider's client is remote; any other object is on this machine."""
    kind = type("Backend", (SimpleNamespace,), {"__module__": module})
    backend = kind(name="fez", instance="crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::")

    assert describe(backend) == Device(provider, "fez", region, ExecutionMode(mode))


def test_a_name_alone_tells_no_provider() -> None:
    """The name of a remote device leaves its provider and region unknown."""
    assert describe("ibm_fez") == Device("unknown", "ibm_fez", "unknown", ExecutionMode.JOB)


def test_what_a_backend_says_of_itself_holds() -> None:
    """A backend's own `qgm_device` is taken as it is; no backend is no device."""
    said = Device("lab", "two", "here", ExecutionMode.JOB)

    assert describe(SimpleNamespace(qgm_device=said)) is said
    assert describe(said) is said
    assert describe(None) is NO_DEVICE
