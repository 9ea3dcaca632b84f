"""`qgm-observe doctor`: what this installation can do, and what a provider answers."""

import json
import os
import socket
import time

import pytest

from qgm_observe.cli import doctor, main
from qgm_observe.journal import Event, open_journal
from qgm_observe.testing.provider import IBMProvider


def found(capsys, *words) -> dict[str, list[dict]]:
    code = main(["doctor", "--json", *words])
    told: dict[str, list[dict]] = {"code": code}
    for each in json.loads(capsys.readouterr().out):
        told.setdefault(each["name"], []).append(each)
    return told


def test_a_sound_installation_has_no_fault(capsys):
    """Version, every extra, journal, disk, clock and ports are told, and the exit code is 0."""
    told = found(capsys)
    extras = {f"[{name}]" for name in doctor.extras()}

    assert told["code"] == 0
    assert {"version", "journal", "disk", "clock", "port"} | extras == set(told) - {"code"}
    assert {"[aer]", "[braket]", "[export]", "[ibm]", "[otlp]"} <= extras
    assert "will be made" in told["journal"][0]["text"]


def test_a_missing_extra_names_its_command(monkeypatch, capsys):
    """An absent package is a note with the pip command, not a fault."""
    plain = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "granian" else plain(name))
    told = found(capsys)

    assert told["code"] == 0
    assert told["[export]"][0]["level"] == "note"
    assert told["[export]"][0]["text"] == (
        "not installed (granian): pip install 'qgm-observe[export]'"
    )


def test_a_taken_port_is_a_note(capsys):
    """A port that somebody listens on is told with who needs it."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.MonkeyPatch.context() as patch:
        port = taken.getsockname()[1]
        patch.setattr(doctor, "PORTS", {port: "export provider"})
        told = found(capsys)

    assert told["port"][0]["level"] == "note"
    assert told["port"][0]["text"].startswith(f"{port} is taken (")


def test_a_journal_that_is_there_is_opened(tmp_path, monkeypatch, capsys):
    """Its form and runs are told; an event from the future is a fault of a clock."""
    path = tmp_path / "journal.db"
    monkeypatch.setenv("QGM_OBSERVE_JOURNAL", str(path))
    with open_journal(path) as journal:
        journal.append([Event(verb="noted", noun="process", subject="a", at=1.0, body={}, id="1")])
    assert found(capsys)["journal"][0]["text"].startswith(f"{path}, sqlite, schema ")

    future = time.time() + 3600
    with open_journal(path, clock=lambda: future) as journal:
        journal.append(
            [Event(verb="noted", noun="process", subject="a", at=future, body={}, id="2")]
        )
    told = found(capsys)
    assert told["code"] == 1
    assert "its newest event is 3,600 s ahead" in told["journal"][0]["text"]


def test_a_damaged_journal_is_a_fault(tmp_path, monkeypatch, capsys):
    """A file that is no journal is told, and the other checks go on."""
    path = tmp_path / "journal.db"
    path.write_text("no journal at all, " * 100)
    monkeypatch.setenv("QGM_OBSERVE_JOURNAL", str(path))
    told = found(capsys)

    assert told["code"] == 1
    assert told["journal"][0]["level"] == "fault"
    assert told["clock"][0]["level"] == "ok"


def test_a_folder_that_cannot_be_written_is_a_fault(monkeypatch, capsys):
    """Without the right to write the journal's folder the variable to set is named."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    told = found(capsys)

    assert told["code"] == 1
    assert "set QGM_OBSERVE_JOURNAL" in told["journal"][0]["text"]


def test_the_provider_is_asked_live(tmp_path, capsys):
    """Against a provider on loopback every field that we read is compared, and recorded once."""
    record = tmp_path / "replies.jsonl"
    with IBMProvider(("fake_manila",)) as provider, provider.environment():
        words = ["--live", "ibm", "--api-url", f"{provider.url}/api/v1", "--record", str(record)]
        told = found(capsys, *words)
        again = main(["doctor", *words])

    assert told["code"] == 0
    assert told["live"][0]["text"].startswith("ibm, qiskit-ibm-runtime ")
    assert told["status"][0]["text"] == "4 of 4 fields that we read are there"
    assert told["session"][0]["text"] == "not asked: no recent job had a session"
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert {line["question"] for line in lines} >= {"devices", "status", "calibration", "usage"}
    assert again == 2
    assert "is there already: write another file" in capsys.readouterr().err


def test_a_provider_that_is_not_there_is_a_fault(capsys, monkeypatch):
    """A refused connection is told for each question, and the exit code is 1."""
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "canary-7f3a9c")
    monkeypatch.setenv("IAM_URL", "http://127.0.0.1:9")
    monkeypatch.setenv(
        "QISKIT_IBM_INSTANCE", "crn:v1:bluemix:public:quantum-computing:us-east:a/0:i::"
    )
    told = found(capsys, "--live", "ibm", "--api-url", "http://127.0.0.1:9/api/v1")

    assert told["code"] == 1
    assert told["devices"][0]["level"] == "fault"
    assert told["devices"][0]["text"].startswith("network: ")
    assert "canary" not in json.dumps(told)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--record", "x"], "--record goes with --live ibm alone"),
        (["--live", "ibm", "--record", "absent/x"], "has no folder: write another file"),
        (["--live", "ibm", "--api-url", "http://example.org"], "write https://"),
        (["--live", "ibm"], "set QISKIT_IBM_TOKEN"),
    ],
)
def test_bad_input_is_one_line(words, advice, capsys, monkeypatch, tmp_path):
    """Exit code 2 and one line that says what to write instead."""
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", *words]) == 2
    told = capsys.readouterr()

    assert told.err.count("\n") == 1
    assert advice in told.err
