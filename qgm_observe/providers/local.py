"""Simulators of this machine: Aer, and IBM's fake backends with the snapshots they carry.

The snapshots are read as the files they are: no quantum package is imported for them. An ideal
simulator has no calibration, nothing local has a queue, and nothing here is made up.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers import ibm_files
from qgm_observe.providers.failures import class_of
from qgm_observe.providers.protocol import (
    AER,
    FAKE,
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
    Options,
    Price,
    Provider,
    ProviderJob,
    ProviderSession,
)
from qgm_observe.providers.registry import known_options

_REGION = "local"


class Local:
    """This machine as a `Provider`: see there for what each method returns.

    Args:
        account: The label `account`.
        now: Epoch seconds.
    """

    name = "local"
    capabilities: Collection[Capability] = frozenset({Capability.STATUS, Capability.CALIBRATION})

    def __init__(self, *, account: str = "default", now: Callable[[], float] = time.time) -> None:
        self.account = account
        self._now = now

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        """See `Provider.devices`."""
        return [(self.device(name), self.status(name)) for name in device_names()]

    def device(self, name: str) -> DeviceInfo:
        """See `Provider.device`; how many qubits Aer takes depends on memory and is not told."""
        if name == AER and AER in device_names():
            return DeviceInfo(
                provider=self.name,
                name=AER,
                version=version("qiskit-aer"),
                is_simulator=True,
                region=_REGION,
            )
        told = _document(name, "conf")
        return ibm_files.device_info(self.name, name, told, region=_REGION, is_simulator=True)

    def status(self, device: str) -> DeviceStatus:
        """See `Provider.status`: what is installed is online."""
        _known(device)
        return DeviceStatus(
            provider=self.name,
            device=device,
            state=DeviceState.ONLINE,
            observed_at=self._now(),
            is_processing=True,
        )

    def calibration(self, device: str, at: float | None = None) -> Calibration | None:
        """See `Provider.calibration`; there is one snapshot a device and no history."""
        _known(device)
        if device == AER or at is not None:
            return None
        return ibm_files.calibration(self.name, device, _document(device, "props"), self._now())

    def job(self, id_: str) -> ProviderJob:
        """Refuse: a local job is known to the process that runs it alone."""
        raise UsageError(f"local: no job {id_!r} is kept; its run's journal has it")

    def jobs(
        self,
        *,
        pending: bool | None = None,  # noqa: ARG002  the Protocol's
        tag: str | None = None,  # noqa: ARG002  the Protocol's
        limit: int = 200,  # noqa: ARG002  the Protocol's
    ) -> Sequence[ProviderJob]:
        """Return nothing: this machine keeps no list of jobs."""
        return ()

    def session(self, id_: str) -> ProviderSession | None:  # noqa: ARG002  the Protocol's
        """Return nothing: there are no local sessions."""
        return None

    def usage(self) -> AccountUsage | None:
        """Return nothing: nobody counts."""
        return None

    def price(self, device: str) -> Price | None:  # noqa: ARG002  the Protocol's
        """Return nothing: nobody bills."""
        return None

    def classify(self, error: BaseException) -> ErrorClass:
        """See `Provider.classify`."""
        return class_of(error)

    def close(self) -> None:
        """See `Provider.close`; nothing is open."""


def open_local(options: Options) -> Provider:
    """Make the provider `local`.

    Args:
        options: `account` (an alias for the label) and `deadline_seconds`, which nothing needs.

    Raises:
        UsageError: an option is unknown.
        MissingExtra: neither Aer nor IBM's fake backends are installed.
    """
    told = known_options("local", options)
    if not device_names():
        raise MissingExtra("the provider local", "aer")
    return Local(account=str(told.get("account", "default")))


@cache
def device_names() -> tuple[str, ...]:
    """Return the names of what is installed, sorted."""
    aer = (AER,) if find_spec("qiskit_aer") else ()
    return tuple(sorted((*aer, *(name for name, _ in _snapshots()))))


def require_snapshots(name: str) -> None:
    """Refuse the name of a snapshot where the package that brings them is not installed.

    Raises:
        MissingExtra: the message carries the pip command.
    """
    if name.startswith(FAKE) and find_spec("qiskit_ibm_runtime") is None:
        raise MissingExtra(f"{name}, a snapshot of an IBM device,", "ibm")


def _known(name: str) -> None:
    require_snapshots(name)
    if name not in device_names():
        raise UsageError(f"local: no device {name!r}; write {AER} or fake_<name>, such as fake_fez")


def _document(name: str, kind: str) -> Mapping[str, Any]:
    """Read a snapshot's configuration (`conf`) or properties (`props`)."""
    _known(name)
    folder = dict(_snapshots())[name]
    path = folder / f"{kind}_{folder.name}.json"
    told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def _snapshots() -> Iterator[tuple[str, Path]]:
    """The folders of qiskit-ibm-runtime that hold a device each, found without importing it."""
    found = find_spec("qiskit_ibm_runtime")
    for place in (found.submodule_search_locations or ()) if found else ():
        for folder in (Path(place) / "fake_provider" / "backends").iterdir():
            if (folder / f"props_{folder.name}.json").exists():
                yield f"fake_{folder.name}", folder
