"""Calibrations into a journal, and which of our jobs belong to runs that have ended."""

import logging
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from qgm_observe.journal import Blob, Event, open_journal
from qgm_observe.providers.calibration import content_hash
from qgm_observe.providers.protocol import Calibration
from qgm_observe.records import Job, Reading, Run

log = logging.getLogger(__name__)


class Readings:
    """A journal that polls write to; what goes wrong with it is logged and harms no poll.

    Args:
        path: Of the journal; created when it is first written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_broken = False

    def keep(self, calibration: Calibration) -> None:
        """Append a calibration as a reading with its whole snapshot; an equal one only once."""
        key, raw = content_hash(calibration), calibration.raw
        reading = Reading(
            provider=calibration.provider,
            device=calibration.device,
            kind="calibration",
            observed_at=calibration.observed_at,
            taken_at=calibration.taken_at,
            values={"calibration_id": calibration.calibration_id},
            blob=key if raw else None,
        )
        subject = f"{reading.provider}/{reading.device}"
        event = Event(
            verb="reading",
            noun="device",
            subject=subject,
            at=calibration.observed_at,
            body=asdict(reading),
            id=f"{subject}/calibration/{key}",
        )
        try:
            with open_journal(self._path) as journal:
                journal.append([event], blobs=[Blob("calibration", raw)] if raw else ())
            self._is_broken = False
        except Exception as error:  # noqa: BLE001  telemetry goes on without its journal
            self._complain(error)

    def ended(self, jobs: Collection[str]) -> set[str] | None:
        """Return those of our job ids whose run is known and has ended, `None` if unreadable."""
        if not jobs:
            return set()
        try:
            with open_journal(self._path, read_only=True) as journal:
                run_of = {id_: run for id_, run in journal.rows(Job, ("id", "run")) if id_ in jobs}
                over = {
                    id_
                    for id_, outcome in journal.rows(Run, ("id", "outcome"))
                    if outcome is not None
                }
        except Exception as error:  # noqa: BLE001  telemetry goes on without its journal
            self._complain(error)
            return None
        return {id_ for id_, run in run_of.items() if run in over}

    def _complain(self, error: Exception) -> None:
        if not self._is_broken:
            log.warning("the journal cannot be used: %s", type(error).__name__)
        self._is_broken = True
