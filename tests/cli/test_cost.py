"""`qgm-observe cost`: what recorded work cost."""

import json
from pathlib import Path

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event, open_journal

NOW = 1_800_000_000.0
LABELS = {
    "project": "chem",
    "pipeline": "nightly",
    "model": "qcbm",
    "model_version": "1",
    "kind": "inference",
    "provider": "ibm",
    "device": "ibm_fez",
    "region": "us-east",
    "execution_mode": "job",
    "shot_class": "1k",
}


def events(subject: str, outcome: str, **bill: object) -> list[Event]:
    """A job of 1,000 shots with its estimate and, where it is settled, its bill."""
    attempt = {"number": 1, "outcome": outcome, "provider_job_id": f"p-{subject}", **bill}
    record = {"start": NOW, "outcome": outcome, "shots": 1_000, "attempts": [attempt]}
    money = {"job": subject, "number": 1, "currency": "USD"}
    told = [
        ("finished", "job", subject, record),
        ("estimated", "attempt", f"{subject}.1", {"cost": "3.20", **money}),
    ]
    if bill:
        told.append(("billed", "attempt", f"{subject}.1", {"cost": "3.00", **money, **bill}))
    return [
        Event(verb=verb, noun=noun, subject=s, at=NOW, body=LABELS | body, id=f"{s}/{verb}")
        for verb, noun, s, body in told
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a job that was of use, one that failed and one whose bill is to come."""
    place = tmp_path / "journal.db"
    with open_journal(place) as journal:
        journal.append(
            [
                *events("a", "success", device_seconds=1.9),
                *events("b", "failure", device_seconds=1.9),
                *events("c", "success"),
            ]
        )
    return place


def test_the_table_puts_the_estimate_beside_the_bill(path, capsys, monkeypatch):
    """Settled cost, error of the estimate, waste, cost of a sample; pending is not free."""
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["cost", str(path)]) == 0
    told = capsys.readouterr().out

    cells = "chem 3.8 s 6.40 USD 6.00 USD +6.7% 3.00 USD 0.006 USD"
    assert cells in " ".join(told.split())
    assert "chem: 3.00 USD wasted, failed" in told
    assert "chem: 1 bill is pending, 3.20 USD expected: not free" in told


def test_json_has_amounts_as_exact_text(path, capsys):
    """Amounts are text by currency, for they are no floats."""
    assert main(["cost", str(path), "--by", "device", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["rows"][0]["name"] == "ibm_fez"
    assert told["rows"][0]["billed"] == {"USD": "6.00"}
    assert told["rows"][0]["wasted"] == {"failed": {"USD": "3.00"}}
    assert told["rows"][0]["pending"] == 1


def test_an_invoice_is_taken_in_with_its_lag(path, tmp_path, capsys):
    """New and known lines, those of no recorded work, and how late they come, are told."""
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("provider,amount,currency,id\nibm,2.50,USD,p-a\nibm,7,USD,x\n")
    assert main(["cost", str(path), "--import", str(invoice)]) == 0
    first = " ".join(capsys.readouterr().out.split())
    assert main(["cost", str(path), "--import", str(invoice), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)

    assert "2 new lines, 0 known, 1 of no recorded work" in first
    assert "5.50 USD" in first
    assert "7.00 USD of no recorded work" in first
    assert (again["imported"]["new"], again["imported"]["known"]) == (0, 2)
    assert again["rows"][0]["billed"] == {"USD": "5.50"}


def test_no_remote_work_is_said(tmp_path, capsys):
    """A journal of simulations has nothing to pay for."""
    with open_journal(tmp_path / "empty.db"):
        pass
    assert main(["cost", str(tmp_path / "empty.db")]) == 0
    assert "no remote work is recorded here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--plan", "gold"], "plan 'gold': write one of flex"),
        (["--import", "nowhere.csv"], "nowhere.csv"),
        (["--import", "nowhere.csv", "--column", "amount"], "write NAME=HEADER"),
    ],
)
def test_bad_input_is_one_line(path, capsys, words, why):
    """What cannot be used ends with code 2 and says what to write."""
    assert main(["cost", str(path), *words]) == 2
    told = capsys.readouterr().err

    assert why in told
    assert told.count("\n") == 1


def test_a_mistyped_journal_creates_nothing(tmp_path, capsys):
    """Taking in an invoice needs a journal that is there."""
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("provider,amount,currency\nibm,1,USD\n")
    assert main(["cost", str(tmp_path / "typo.db"), "--import", str(invoice)]) == 2
    assert not (tmp_path / "typo.db").exists()
    assert capsys.readouterr().err.startswith("qgm-observe: ")
