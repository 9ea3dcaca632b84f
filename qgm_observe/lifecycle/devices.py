"""Which device a backend object stands for, told without importing its library."""

from dataclasses import dataclass
from typing import Any

from qgm_observe.catalog import ExecutionMode


@dataclass(frozen=True, slots=True)
class Device:
    """The labels that a backend gives to its jobs.

    `provider` and `name` are those under which `qgm_observe.providers` tells of the device, so
    that jobs join with readings. This machine is the provider `local`, whatever library simulates.
    """

    provider: str = "unknown"
    name: str = "unknown"
    region: str = "unknown"
    mode: ExecutionMode = ExecutionMode.LOCAL


NO_DEVICE = Device()

_LOCAL = "local"
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
        if backend.startswith(("aer", "fake", "statevector")):
            return this_machine(backend)
        return Device(name=backend, mode=ExecutionMode.JOB)
    told = getattr(backend, "qgm_device", None)
    return told if isinstance(told, Device) else _guess(backend)


def this_machine(name: str) -> Device:
    """Return a simulator that runs on this machine."""
    return Device(_LOCAL, name, _LOCAL)


def _guess(backend: Any) -> Device:
    module = type(backend).__module__
    package = module.partition(".")[0]
    if module.startswith("braket.devices.local_simulator"):
        return Device("braket", _braket_id(backend), _LOCAL)
    if package not in _REMOTE_PROVIDERS or module.startswith("qiskit_ibm_runtime.fake_provider"):
        return this_machine(name_of(backend))
    region = region_of(getattr(backend, "instance", None) or getattr(backend, "_instance", None))
    return Device(_REMOTE_PROVIDERS[package], name_of(backend), region, ExecutionMode.JOB)


def _braket_id(simulator: Any) -> str:
    """The name that opens it, `braket_sv`; its own is that of a class."""
    return getattr(getattr(simulator, "_delegate", None), "DEVICE_ID", None) or name_of(simulator)


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
