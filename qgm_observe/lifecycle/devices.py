"""Which device a backend object stands for, told without importing its library."""

from dataclasses import dataclass
from typing import Any

from qgm_observe.catalog import ExecutionMode


@dataclass(frozen=True, slots=True)
class Device:
    """The labels that a backend gives to its jobs."""

    provider: str = "unknown"
    name: str = "unknown"
    region: str = "unknown"
    mode: ExecutionMode = ExecutionMode.LOCAL


NO_DEVICE = Device()

_LOCAL_PROVIDERS = {"qiskit_aer": "aer", "qiskit": "qiskit", "pennylane": "pennylane"}
_REMOTE_PROVIDERS = {"qiskit_ibm_runtime": "ibm", "braket": "braket", "qiskit_ionq": "ionq"}


def describe(backend: Any) -> Device:
    """Return the device of a backend object, of its name, or of a ready `Device`.

    A backend may say so itself by an attribute `qgm_device` that holds a `Device`.
    """
    if backend is None:
        return NO_DEVICE
    if isinstance(backend, Device):
        return backend
    if isinstance(backend, str):
        local = backend.startswith(("aer", "fake", "statevector"))
        return Device(name=backend, mode=ExecutionMode.LOCAL if local else ExecutionMode.JOB)
    told = getattr(backend, "qgm_device", None)
    return told if isinstance(told, Device) else _guess(backend)


def _guess(backend: Any) -> Device:
    package, _, rest = type(backend).__module__.partition(".")
    if package == "qiskit_ibm_runtime" and rest.startswith("fake_provider"):
        return Device("ibm", name_of(backend), "local")
    if package in _REMOTE_PROVIDERS:
        region = region_of(
            getattr(backend, "instance", None) or getattr(backend, "_instance", None)
        )
        return Device(_REMOTE_PROVIDERS[package], name_of(backend), region, ExecutionMode.JOB)
    return Device(_LOCAL_PROVIDERS.get(package, "local"), name_of(backend), "local")


def name_of(backend: Any) -> str:
    """Return a backend's name, whether it is an attribute, a method or missing."""
    name = getattr(backend, "name", None)
    if callable(name):
        name = name()
    return str(name) if name else type(backend).__name__


def region_of(instance: object) -> str:
    """Of a cloud resource name, crn:v1:cname:ctype:service:region:..., no more is kept."""
    match str(instance).split(":"):
        case ["crn", _, _, _, _, region, *_] if region:
            return region
    return "unknown"
