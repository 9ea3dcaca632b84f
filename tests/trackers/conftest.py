"""A journal with one trained run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qgm_observe.journal import Blob, Event, Store, open_journal

RUN = "ab" * 16


def event(verb: str, noun: str, subject: str, at: float, **body: object) -> Event:
    """One event of the run."""
    return Event(
        verb=verb,
        noun=noun,
        subject=subject,
        at=at,
        run=RUN,
        body=body,
        id=f"{subject}/{verb}/{at}",
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Store]:
    """Two steps, one job with a circuit, an estimate in two steps, and trained parameters."""
    first, last = Blob("parameters", b"[0.1, 0.2]"), Blob("parameters", b"[0.25, 0.5]")
    process = Blob("provenance", b'{"git": {"commit": "c0ffee", "dirty": false}, "gaps": {}}')
    own = Blob("provenance", b'{"settings": {"seed": 7}, "gaps": {}}')
    of_job = Blob(
        "provenance",
        b'{"calibration": {"hash": "ca11b"}, "circuits": [{"structure": "5tr", "layout": null}],'
        b'"gaps": {"layout": "none"}}',
    )
    circuit = Blob("circuits", b"QISKIT...")
    rows = [
        event(
            "finished", "step", "s0", 11.0, index=0, loss=0.5, blobs={"parameters": [first.hash]}
        ),
        event("estimate", "step", "s0", 11.0, name="tvd", value=0.4, low=0.3, high=0.5),
        event(
            *("finished", "job", "j0", 12.0),
            device="ibm_fez",
            shots=1024,
            blobs={"provenance": [process.hash, of_job.hash], "circuits": [circuit.hash]},
        ),
        event(
            "finished", "step", "s1", 13.0, index=1, loss=0.25, blobs={"parameters": [last.hash]}
        ),
        event("estimate", "step", "s1", 13.0, name="tvd", value=0.2, low=0.1, high=0.3),
        event("estimate", "step", "s1", 13.0, name="linear_xeb", value=None, reason="no"),
        event(
            *("finished", "run", RUN, 20.0),
            start=10.0,
            duration=10.0,
            outcome="success",
            model="qcbm",
            model_version="3",
            attributes={"iterations": 2},
            blobs={"provenance": [process.hash, own.hash]},
        ),
    ]
    with open_journal(tmp_path / "journal.db") as store:
        store.append(rows, blobs=[first, last, process, own, of_job, circuit])
        yield store


@pytest.fixture
def run(journal: Store) -> Event:
    """The run's last event."""
    (found,) = journal.events(verbs=("finished",), nouns=("run",))
    return found
