"""Invoice lines, each once, with the work they belong to."""

from pathlib import Path

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.spend.invoices import read_lines, take_in

HEAD = "provider,amount,currency,line,date,device,id,tags,seconds\n"


@pytest.fixture
def csv(tmp_path: Path):
    """Writes a CSV file."""

    def write(text: str, head: str = HEAD) -> Path:
        path = tmp_path / "invoice.csv"
        path.write_text(head + text)
        return path

    return write


def counted(journal, name: str) -> dict:
    totals, _ = journal.snapshot()
    return totals.counters.get(name, {})


def test_lines_find_their_work_by_id_and_by_tag(journal, job, write, csv):
    """A job's id, a session's id and our tag are known; any other line is untagged."""
    job("a", cost="3.20")
    job("b")
    mode = {"execution_mode": "session", "provider_session_id": "p-s"}
    write("finished", "session", "s", outcome="success", **mode)
    path = csv(
        "ibm,2.80,USD,1,2027-01-15,,p-a,,2\n"
        "ibm,1.00,USD,2,,,x,mine;qgm-b,\n"
        "ibm,9.00,USD,3,,,p-s,,\n"
        "ibm,7.00,USD,4,,ibm_fez,stranger,,\n"
    )
    done = take_in(journal, read_lines(path))
    owners = [
        (e.body.get("job"), e.body.get("session")) for e in journal.events(verbs=("invoiced",))
    ]

    assert owners == [("a", None), ("b", None), (None, "s"), (None, None)]
    assert (done.new, done.known, done.untagged, len(done.lags)) == (4, 0, 1, 3)
    assert counted(journal, "qgm.account.untagged") == {("ibm", "ibm_fez"): 7 * 10**9}
    invoiced = {k: n for k, n in counted(journal, "qgm.cost").items() if k[-1] == "invoiced"}
    assert sum(invoiced.values()) == round(12.8 * 10**9)


def test_a_line_is_taken_once(journal, job, csv):
    """The same file again, and the same line in a later file, add nothing."""
    job("a")
    path = csv("ibm,2.80,USD,1,,,p-a,,\n")
    take_in(journal, read_lines(path))
    again = take_in(journal, read_lines(csv("ibm,2.80,USD,1,,,p-a,,\nibm,1,USD,2,,,,,\n")))

    assert (again.new, again.known) == (1, 1)


def test_lines_without_a_number_are_told_apart_by_their_order(journal, csv):
    """Two equal charges are two; the same file again is no third and fourth."""
    path = csv("braket,0.30,USD,,2027-01-15,,,,\n" * 2)

    assert take_in(journal, read_lines(path)).new == 2
    assert take_in(journal, read_lines(path)).known == 2


def test_a_credit_lowers_the_statement_and_no_counter(journal, job, csv):
    """A negative line is kept, and counters do not fall."""
    job("a")
    take_in(journal, read_lines(csv("ibm,3,USD,1,,,p-a,,\nibm,-1,USD,2,,,p-a,,\n")))
    (invoiced,) = [n for k, n in counted(journal, "qgm.cost").items() if k[-1] == "invoiced"]

    assert invoiced == 3 * 10**9


def test_columns_may_have_other_names(csv):
    """A provider's own headers are told by name."""
    path = csv("aws,0.30,USD,x\n", head="Vendor,Cost,Currency,ResourceId\n")
    names = {"provider": "Vendor", "amount": "Cost", "currency": "Currency", "id": "ResourceId"}
    (line,) = read_lines(path, names)

    assert (line.provider, str(line.amount), line.currency, line.id) == ("aws", "0.30", "USD", "x")


@pytest.mark.parametrize(
    ("text", "head", "why"),
    [
        ("ibm,many,USD,,,,,,\n", HEAD, r"csv:2: cannot be read: write amount"),
        ("ibm,1,dollars,,,,,,\n", HEAD, "currency as three capitals"),
        ("ibm,1,USD,,soon,,,,\n", HEAD, "date as 2026-11-23"),
        ("ibm,1\n", "provider,amount\n", "no column 'currency': tell which it is by --column"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line(csv, text, head, why):
    """Bad input gives one line with the file, the line and what to write."""
    with pytest.raises(UsageError, match=why):
        read_lines(csv(text, head))


def test_a_column_that_nobody_knows_is_refused(csv):
    """A name of ours that does not exist is answered with those that do."""
    with pytest.raises(UsageError, match="column 'price': write one of provider, amount"):
        read_lines(csv(""), {"price": "Cost"})
