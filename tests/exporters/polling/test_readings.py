"""Calibrations in the journal, and which jobs are abandoned."""

from dataclasses import replace

import pytest

from qgm_observe.exporters.polling.readings import Readings
from qgm_observe.journal import Event, open_journal
from qgm_observe.providers.protocol import JobState, ProviderJob


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


def events_of(path):
    with open_journal(path, read_only=True) as journal:
        return [
            (each, journal.blob(each.body["blob"])) for each in journal.events(verbs={"reading"})
        ]


def finished(noun, subject, run=None):
    body = {"outcome": "success", "start": 1.0, "duration": 1.0}
    return Event(
        verb="finished",
        noun=noun,
        subject=subject,
        at=2.0,
        run=run,
        body=body,
        id=f"{subject}/finished",
    )


def test_a_calibration_is_a_reading_with_its_snapshot(path, provider):
    """The reading names device, times and id, and its blob is what the provider said."""
    told = replace(provider.calibration("ibm_fez"), calibration_id="c1", raw=b'{"t1": 1}')
    Readings(path).keep(told)
    [(event, blob)] = events_of(path)

    assert (event.noun, event.subject, event.at) == ("device", "ibm/ibm_fez", told.observed_at)
    assert event.body["kind"] == "calibration"
    assert event.body["taken_at"] == 1.0
    assert event.body["values"] == {"calibration_id": "c1"}
    assert blob == b'{"t1": 1}'


def test_an_equal_calibration_is_kept_once(path, provider):
    """Asked for again, an unchanged calibration adds nothing; a changed one adds a reading."""
    readings = Readings(path)
    told = provider.calibration("ibm_fez")
    readings.keep(told)
    readings.keep(replace(told, observed_at=told.observed_at + 900))
    assert len(events_of(path)) == 1

    readings.keep(replace(told, raw=b"other"))
    assert [blob for _, blob in events_of(path)] == [b"first", b"other"]


def test_without_raw_content_a_reading_has_no_blob(path, provider):
    """Providers that give no raw content still leave a reading for each different calibration."""
    readings = Readings(path)
    told = replace(provider.calibration("ibm_fez"), raw=b"")
    readings.keep(told)
    readings.keep(replace(told, taken_at=2.0))
    with open_journal(path, read_only=True) as journal:
        read = [(each.body["taken_at"], each.body["blob"]) for each in journal.events()]

    assert read == [(1.0, None), (2.0, None)]


def test_a_job_is_over_when_its_run_has_ended(path):
    """Of jobs of an ended run, an open run, no run and no journal only the first is over."""
    with open_journal(path) as journal:
        opened = Event(
            verb="opened", noun="run", subject="r2", at=1.0, body={"start": 1.0}, id="r2/opened"
        )
        journal.append(
            [
                finished("job", "0a", "r1"),
                finished("job", "0b", "r2"),
                finished("job", "0c"),
                opened,
                finished("run", "r1"),
            ]
        )

    assert Readings(path).ended({"0a", "0b", "0c", "0d"}) == {"0a"}
    assert Readings(path).ended(set()) == set()


def test_a_journal_that_cannot_be_used_harms_nothing(tmp_path, provider, caplog):
    """Without a journal nothing is known to be over, nothing raises, and one line is logged."""
    readings = Readings(tmp_path / "no" / "such" / "dir" / "runs.db")
    (tmp_path / "no").write_text("a file")

    readings.keep(provider.calibration("ibm_fez"))
    readings.keep(provider.calibration("ibm_fez"))

    assert readings.ended({"0a"}) is None
    assert len(caplog.records) == 1


def test_abandoned_jobs_are_shown(path, polled, provider):
    """Of two tagged jobs that still wait the one whose run has ended is abandoned."""
    with open_journal(path) as journal:
        journal.append(
            [finished("job", "0a", "r1"), finished("job", "0b", "r2"), finished("run", "r1")]
        )
    provider.pending = [
        ProviderJob(
            provider="ibm", id=id_, state=JobState.QUEUED, device="ibm_fez", tags=(f"qgm-{id_}",)
        )
        for id_ in ("0a", "0b")
    ]
    exporter = polled(f"providers:\n- provider: ibm\n  account: team\njournal: {path}\n")
    exporter.run(60)

    assert exporter.named("qgm_account_jobs_abandoned") == [1]
    assert len(events_of(path)) == 1
