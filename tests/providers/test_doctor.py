"""The check of live replies: what is read is noted meanwhile, and nothing private is kept."""

import json

import pytest
import requests

from qgm_observe.errors import UsageError
from qgm_observe.providers.ibm import open_ibm
from qgm_observe.providers.ibm_check import ABSENT, Check, Examination, Watched, recording
from qgm_observe.testing.provider import IBMProvider

CANARY = "canary-7f3a9c"


@pytest.fixture
def double(monkeypatch):
    """A provider on loopback, with an account whose key is a canary."""
    with IBMProvider(("fake_manila",), key=CANARY) as provider, provider.environment():
        yield provider


@pytest.fixture
def opened(double):
    provider = open_ibm({"api_url": f"{double.url}/api/v1", "deadline_seconds": 10})
    yield provider
    provider.close()


def test_a_watched_object_notes_what_is_looked_at():
    """Fields are noted by path and type, absent ones too, through lists and nested objects."""
    seen = {}
    told = Watched({"a": 1, "b": [{"c": "x"}, {"c": None}], "d": {"e": True}}, "", seen)

    assert told["a"] == 1
    assert [each.get("c") for each in told["b"]] == ["x", None]
    assert told.get("d").get("f", 7) == 7
    assert seen == {
        "a": {"number"},
        "b": {"array"},
        "b[].c": {"text", "null"},
        "d": {"object"},
        "d.f": {ABSENT},
    }


def test_every_question_is_asked_and_only_read(double, opened):
    """Devices, one device, status, calibration, usage and jobs are read; nothing is submitted."""
    checks = {check.question: check for check in Examination(opened).run()}

    assert [*checks] == [
        "devices", "device", "status", "calibration", "usage", "jobs", "job", "session"
    ]  # fmt: skip
    assert {check.problem for check in checks.values()} == {None}
    assert {(r.method, r.path) for r in double.requests if r.method != "GET"} <= {
        ("POST", "/identity/token")
    }
    assert double.jobs == {}
    assert checks["status"].fields["length_queue"] == {"number"}
    assert checks["devices"].fields["devices[].wait_time_seconds"] == {"object"}
    assert checks["job"].skipped == "the account has no job"


def test_a_field_that_went_away_is_named(double, opened, monkeypatch):
    """When the interface drops what we read, the field is told as absent."""
    read = requests.Response.json

    def without(self, **options):
        told = read(self, **options)
        if isinstance(told, dict):
            told.pop("length_queue", None)
        return told

    monkeypatch.setattr(requests.Response, "json", without)
    checks = {check.question: check for check in Examination(opened).run()}

    assert checks["status"].absent == ("length_queue",)
    assert checks["status"].problem is None


def test_one_failing_question_leaves_the_others(double, opened):
    """A 500 of one path is told with its class, and the rest is still asked."""
    double.faults.add(path="/instances/usage", status=500)
    checks = {check.question: check for check in Examination(opened).run()}

    assert (checks["usage"].problem or "").startswith("network: ")
    assert checks["status"].problem is None


def test_a_recording_keeps_what_is_read_and_nothing_private(double, opened):
    """Neither key, instance, ids nor any field that we do not read is in the recording."""
    told = list(recording(Examination(opened).run()))
    text = json.dumps(told)
    status = next(each for each in told if each["question"] == "status")

    assert CANARY not in text
    assert double.account.instance not in text
    assert "crn:v1" not in text
    assert status["body"]["length_queue"] == 0
    assert status["body"]["backend_version"] == "<text>"
    assert status["path"].endswith("/backends/ibmq_manila/status")


def test_ids_are_replaced_by_their_kind():
    """A job's id and its tags are not kept, and no id stands in a path."""
    from qgm_observe.providers.ibm_check import Answer

    seen = {"id": {"text"}, "tags": {"array"}, "state": {"object"}, "state.status": {"text"}}
    body = {"id": "d1abc", "tags": ["mine"], "state": {"status": "Queued"}, "user_id": "u-1"}
    answer = Answer(method="GET", path="/jobs/{id}", status=200, seen=seen, body=body)
    (kept,) = recording([Check(question="job", answers=(answer,))])

    assert kept["body"] == {
        "id": "<id>",
        "tags": ["<tags>"],
        "state": {"status": "Queued"},
        "user_id": "<text>",
    }


def test_without_a_key_nothing_is_asked(monkeypatch):
    """An account without a key is told what to set, in one line."""
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    opened = open_ibm({"api_url": "http://127.0.0.1:9/api/v1"})

    with pytest.raises(UsageError, match="set QISKIT_IBM_TOKEN"):
        Examination(opened).run()
