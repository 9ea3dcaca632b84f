"""The functions at the front door."""

import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import Recorder, use

from .conftest import REMOTE, Clock, ProviderJob


def test_the_metrics_join_a_registry_of_the_applications(recorder: Recorder, clock: Clock) -> None:
    """A registry with our collector shows our jobs beside the application's own metrics."""
    registry = CollectorRegistry()
    registry.register(qgm.collector())
    with qgm.job("aer"):
        pass
    recorder.flush(5)
    clock.tick(60)
    text = generate_latest(registry).decode()

    (line,) = [x for x in text.splitlines() if x.startswith("qgm_jobs_total") and "success" in x]
    assert line.endswith(" 1.0")


def test_the_metrics_are_served_until_closed(recorder: Recorder, clock: Clock) -> None:
    """`serve` shows what was recorded at the address it names."""
    with qgm.run(model="served"):
        pass
    recorder.flush(5)
    with qgm.serve(port=0) as endpoint, urllib.request.urlopen(endpoint.url, timeout=10) as reply:
        text = reply.read().decode()

    assert 'source="process"' in text
    assert 'model="served"' in text


def test_a_run_id_has_to_be_one() -> None:
    """An id that is none is refused with what it looks like."""
    with pytest.raises(UsageError, match="32 hexadecimal digits"):
        qgm.run(id="yesterday")


def test_a_journal_may_be_given_as_text(recorder: Recorder, tmp_path: Path) -> None:
    """A path is what a path's text says, for whatever asks for its folder."""
    before = use(None)
    try:
        settings = qgm.configure(journal=str(tmp_path / "a.db"))
        with qgm.run(guard="throttle") as run, run.job(REMOTE, shots=10) as job:
            job.attempt(ProviderJob)
        made = use(before)
        assert made is not None
        made.close()
    finally:
        use(before)

    assert settings.journal_path == tmp_path / "a.db"
    assert made.guard.counts == {}
    assert (tmp_path / ".a.db.ibm.submissions").exists()
