"""Tests of the API for people: what they find at 3 a.m., and what they never find."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.exporters.exporter import Reply
from qgm_observe.exporters.following.reading_api import KEPT, MOST, Recent, ask
from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.journal import Event

from ..journals import NOW, REMOTE, Clock, close_all, fill, finished, opened, still_open

RUN = "5b8aa5a2d2c872e8321cf37308d69df2"
TOKEN = "canary-0123456789-token"


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes the journals of a test."""
    yield
    close_all()


def asked(recent: Recent, path: str, **query: str) -> Any:
    reply = ask(recent, path, query)
    assert isinstance(reply, Reply)
    assert reply.status == 200
    json.dumps(reply.body)
    return reply.body


def ids(recent: Recent, path: str, **query: str) -> list[str]:
    return [each["id"] for each in asked(recent, path, **query)[path]]


@pytest.fixture
def recent() -> Recent:
    """Three jobs of a run, the youngest a failure on another device."""
    recent = Recent()
    recent.take(
        [
            finished(subject="a", at=NOW, run=RUN),
            finished(subject="b", at=NOW + 1, run=RUN, outcome="cancelled"),
            finished(subject="c", at=NOW + 2, run=RUN, outcome="failure", labels=REMOTE),
            finished("run", subject=RUN, at=NOW + 3),
        ]
    )
    return recent


def test_the_newest_come_first(recent: Recent) -> None:
    """Runs and jobs are told newest first, failures apart."""
    assert ids(recent, "jobs") == ["c", "b", "a"]
    assert ids(recent, "runs") == [RUN]
    assert ids(recent, "failures") == ["c"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"device": "ibm_fez"}, ["c"]),
        ({"pipeline": "q", "limit": "2"}, ["c", "b"]),
        ({"outcome": "success"}, ["a"]),
        ({"since": str(NOW + 1)}, ["c", "b"]),
        ({"since": "2027-01-15T08:00:02+00:00"}, ["c"]),
        ({"device": "none"}, []),
    ],
)
def test_filters_choose(recent: Recent, query: dict[str, str], found: list[str]) -> None:
    """Each filter keeps what has its value; `since` takes epoch seconds or an ISO time."""
    assert ids(recent, "jobs", **query) == found


def test_an_answer_says_whether_there_is_more(recent: Recent) -> None:
    """A limit that cuts says so."""
    assert asked(recent, "jobs", limit="2")["more"] is True
    assert asked(recent, "jobs", limit="3")["more"] is False


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"limit": "1001"}, "from 1 to 1000"),
        ({"limit": "-1"}, "from 1 to 1000"),
        ({"since": "yesterday"}, "write epoch seconds"),
        ({"model": "x"}, "write one of since"),
    ],
)
def test_bad_questions_get_a_line(recent: Recent, query: dict[str, str], words: str) -> None:
    """A filter that is none, or a value that cannot be meant, is answered with what to write."""
    reply = ask(recent, "jobs", query)

    assert reply is not None
    assert reply.status == 400
    assert words in reply.body["error"]


def test_a_run_is_told_with_its_jobs(recent: Recent) -> None:
    """One run by its id comes with its jobs; one that is not kept is a 404 with a hint."""
    run = asked(recent, f"runs/{RUN}")
    unknown = ask(recent, "runs/ffff", {})

    assert (run["id"], run["outcome"], run["duration"]) == (RUN, "success", 2.0)
    assert [job["id"] for job in run["jobs"]] == ["c", "b", "a"]
    assert unknown is not None
    assert unknown.status == 404
    assert ask(recent, "nothing", {}) is None


def test_a_later_truth_is_told(recent: Recent) -> None:
    """A job that was completed later is told with that, and leaves the failures."""
    body = {"outcome": "success", "attempts": [{"number": 1, "device_seconds": 2.5}]}
    recent.take(
        [Event(verb="reconciled", noun="job", subject="c", at=NOW + 9, id="c/r", body=body)]
    )

    (job,) = [each for each in asked(recent, "jobs")["jobs"] if each["id"] == "c"]
    assert (job["outcome"], job["attempts"][0]["device_seconds"]) == ("success", 2.5)
    assert ids(recent, "failures") == []


def test_open_work_is_told_before_what_ended(recent: Recent) -> None:
    """What goes on is told without an outcome; once it has ended it is told as such."""
    recent.set_open([still_open("f" * 32), still_open(RUN)], NOW + 4)

    runs = asked(recent, "runs")["runs"]
    assert [(each["id"], each["outcome"]) for each in runs] == [("f" * 32, None), (RUN, "success")]


def test_memory_is_bounded_and_failures_stay_longer() -> None:
    """Of many jobs the newest are kept, and the failures among the older ones."""
    recent = Recent()
    recent.take([finished(subject="old", at=NOW - 1, outcome="failure")])
    for first in range(0, 20_000, 1000):
        recent.take([finished(subject=f"{n}", at=NOW + n) for n in range(first, first + 1000)])

    assert len(recent.of("job")) <= 1.25 * KEPT["job"]
    assert ids(recent, "jobs", limit="1") == ["19999"]
    assert ids(recent, "failures") == ["old"]
    assert len(asked(recent, "jobs", limit=str(MOST))["jobs"]) == MOST


def test_nothing_that_looks_like_a_secret_is_told() -> None:
    """Log lines are told as they are kept, and neither they nor attributes carry a token."""
    recent = Recent()
    body = {
        "log": ["the device said no", f"Authorization: Bearer {TOKEN}"],
        "attributes": {"note": f"token={TOKEN}", "deep": [{"api_key": f"api_key={TOKEN}"}]},
        "blobs": {"circuits": ["0" * 64]},
    }
    recent.take([finished(subject="a", outcome="failure", run=RUN, **body)])

    (job,) = asked(recent, "failures")["failures"]
    assert TOKEN not in json.dumps(job)
    assert job["log"][0] == "the device said no"
    assert job["run"] == RUN
    assert "blobs" not in job


def calibrated(at: float, name: str, device: str = "ibm_fez") -> Event:
    body = {
        "provider": "ibm",
        "device": device,
        "kind": "calibration",
        "observed_at": at + 60,
        "taken_at": at,
        "values": {"calibration_id": name},
        "blob": "0" * 64,
    }
    subject = f"ibm/{device}"
    id_ = f"{subject}/{name}"
    return Event(verb="reading", noun="device", subject=subject, at=at, id=id_, body=body)


def test_calibrations_are_told_newest_first() -> None:
    """Each calibration of a device is told with when it was taken and its id, and without blob."""
    recent = Recent()
    recent.take([calibrated(NOW, "a"), calibrated(NOW + 9, "b"), calibrated(NOW + 5, "c", "other")])
    told = asked(recent, "readings")["readings"]

    assert [each["calibration_id"] for each in told] == ["b", "c", "a"]
    assert told[0]["taken_at"] == NOW + 9
    assert "blob" not in told[0]
    found = asked(recent, "readings", device="ibm_fez", since=str(NOW + 1))["readings"]
    assert [each["calibration_id"] for each in found] == ["b"]


def test_readings_have_filters_of_their_own() -> None:
    """A calibration has no pipeline, so asking for one's is answered with what there is."""
    reply = ask(Recent(), "readings", {"pipeline": "q"})

    assert reply is not None
    assert reply.status == 400
    assert "write one of since, device, limit" in reply.body["error"]


def test_the_exporter_answers_below_its_path(tmp_path: Path) -> None:
    """The exporter tells what its journals held before it began, under `/api/v1/` alone."""
    journal = fill(tmp_path / "a.db", opened("run", RUN), finished(run=RUN), finished("run"))
    journal.append([], open_work=[still_open(RUN)])
    exporter = JournalExporter([str(tmp_path / "a.db")], None, Clock())
    exporter.tick()
    runs = exporter.ask("/api/v1/runs", {})
    other = exporter.ask("/metrics", {})
    exporter.stop(1)

    assert runs is not None
    assert len(runs.body["runs"]) == 2
    assert other is None
