"""What the journal has read of a device: its newest calibration."""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qgm_observe.journal import open_journal

if TYPE_CHECKING:
    from qgm_observe.lifecycle.devices import Device
    from qgm_observe.lifecycle.recording import Recording

_QISKIT_FORM = ("ibm", "local")
"""Providers whose snapshots are `BackendProperties`."""


def newest_calibration(recorder: "Recording", device: "Device") -> Any:
    """Return the newest calibration of a device in the journal, `None` where there is none."""
    path = recorder.settings.journal_path
    if recorder.settings.disabled or device.provider not in _QISKIT_FORM or not path.exists():
        return None
    subject = f"{device.provider}/{device.name}"
    with recorder.guard("readings"), open_journal(path, read_only=True) as journal:
        newest = None
        for event in journal.events(verbs=("reading",), nouns=("device",)):
            body = event.body
            is_ours = event.subject == subject and body.get("kind") == "calibration"
            if is_ours and (newest is None or event.at >= newest.at):
                newest = event
        blob = None if newest is None else journal.blob(str(newest.body.get("blob")))
        if newest is not None and blob is not None:
            return _read(device.provider, device.name, blob, newest.at)
    return None


@lru_cache(maxsize=8)
def _read(provider: str, device: str, blob: bytes, observed_at: float) -> Any:
    from qgm_observe.providers.ibm_files import calibration

    return calibration(provider, device, json.loads(blob), observed_at)
