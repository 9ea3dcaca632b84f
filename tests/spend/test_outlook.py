"""What is asked of a provider before work is submitted, and what is not answered."""

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.providers.local import Local
from qgm_observe.spend.outlook import earlier, look

NOW = 1_777_852_800.0


@pytest.fixture
def local():
    return Local(now=lambda: NOW)


def test_a_simulator_has_no_quota_and_does_not_age(local):
    """Of a local device there is no usage, nothing is untold, and no qubit is stale."""
    told = look(local, "fake_manila", at=NOW, layout=(0, 1))

    assert (told.usage, told.untold, told.submitted) == (None, {}, [])
    assert told.layouts[0, 1].faults is not None
    assert told.layouts[0, 1].faults.stale_qubits == ()


def test_a_device_that_is_none_is_refused(local):
    """The line names what is nearest."""
    with pytest.raises(UsageError, match="write fake_manila"):
        look(local, "fake_manilla", at=NOW)


def test_what_fails_is_named_and_the_rest_is_asked(local, monkeypatch):
    """A question that fails costs its part alone."""

    def broken(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(local, "calibration", broken)
    told = look(local, "fake_manila", at=NOW, layout=(0, 1))

    assert told.info is not None
    assert told.layouts == {}
    assert "no route to host" in told.untold["calibration"]


def test_earlier_jobs_teach_times_and_waits(journal, write):
    """Waits and times are those of the device's own remote jobs; sessions do not wait like them."""
    attempt = {"number": 1, "outcome": "success", "queue_seconds": 7.0, "execute_seconds": 4.0}
    body = {"shots": 1_000, "outcome": "success", "attempts": [attempt]}
    write("finished", "job", "a", **body)
    write("finished", "job", "b", session="s", execution_mode="session", **body)
    write("finished", "job", "c", execution_mode="local", **body)
    history, waits = earlier(journal, "ibm", "ibm_fez", 1_800_000_100.0)

    assert waits == [(1_800_000_000.0, 7.0)]
    assert history.predict("ibm", "ibm_fez", 1_000).n == 2
    assert history.predict("ibm", "ibm_fez", 1_000).value == pytest.approx(4.0)
