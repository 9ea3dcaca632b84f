"""What work cost, line by line."""

from decimal import Decimal

from qgm_observe.catalog import Waste
from qgm_observe.providers.cost import Cost
from qgm_observe.providers.protocol import Price
from qgm_observe.spend.report import report
from qgm_observe.spend.statement import Statement

FEZ = Price(
    provider="ibm", device="ibm_fez", currency="USD", per_second=Decimal(2), source="x", as_of="y"
)


def no_price(provider, device):
    return None


def usd(amount: str) -> Cost:
    return Cost(Decimal(amount), "USD")


def test_a_job_has_its_estimate_and_its_bill(journal, job):
    """One line an attempt, with what was expected and what was settled."""
    job("a", cost="3.20")
    (line,) = Statement.of(journal, no_price).lines

    assert (line.estimated, line.billed, line.known) == (usd("3.00"), usd("3.20"), usd("3.20"))
    assert (line.seconds, line.shots, line.is_pending, line.waste) == (2.0, 1_000, False, None)


def test_a_bill_to_come_is_pending_and_not_free(journal, job):
    """Without settled usage there is no cost; the estimate does not stand in for it."""
    job("a")
    (line,) = Statement.of(journal, no_price).lines

    assert (line.known, line.is_pending, line.estimated) == (None, True, usd("3.00"))


def test_settled_usage_without_a_price_is_priced_by_the_reader(journal, job, write):
    """Time that was billed when no plan was known costs what the reader's price says."""
    job("a", seconds=2.0)
    bill = {"device_seconds": 2.0, "job": "a", "number": 1}
    write("billed", "attempt", "a.1", **bill)
    attempt = {"number": 1, "outcome": "success", "provider_job_id": "p-a", "device_seconds": 2.0}
    write("reconciled", "job", "a", attempts=[attempt])

    (unpriced,) = Statement.of(journal, no_price).lines
    (priced,) = Statement.of(journal, lambda *_: FEZ).lines

    assert (unpriced.known, unpriced.is_pending) == (None, False)
    assert priced.known == usd("4.0")


def test_a_session_is_its_jobs_and_its_idle_time(journal, job, write):
    """Ten seconds at 2 USD: two jobs of 2 s are 4 USD each, and 6 s idle are 12."""
    for name in ("a", "b"):
        job(name, execution_mode="session", session="s")
    write("finished", "session", "s", execution_mode="session", outcome="success")
    lines = Statement.of(journal, lambda *_: FEZ).lines
    bill = {"device_seconds": 10.0, "cost": "20", "currency": "USD"}
    write("billed", "session", "s", execution_mode="session", **bill)
    settled = Statement.of(journal, no_price).lines

    assert [line.is_pending for line in lines] == [True, True, True]
    assert [line.known for line in settled] == [usd("4.000000"), usd("4.000000"), usd("12.000000")]
    assert (settled[-1].subject, settled[-1].waste) == ("s", Waste.IDLE)
    assert settled[-1].seconds == 6.0


def test_an_invoice_goes_before_the_list_price(journal, job, write):
    """The best that is known of a cost counts, and two ways of knowing it are never added."""
    job("a", cost="3.20")
    write("invoiced", "line", "l1", job="a", number=1, cost="2.80", currency="USD")
    write("invoiced", "line", "l2", job="a", number=1, cost="0.20", currency="USD")
    (line,) = Statement.of(journal, no_price).lines

    assert (line.billed, line.known) == (usd("3.20"), usd("3.00"))


def test_untagged_and_prevented_money_stand_apart(journal, write):
    """Invoice lines of no recorded work, and what guards stopped, are no lines of work."""
    write("invoiced", "line", "l1", cost="7", currency="USD")
    write("guarded", "attempt", "a.1", cost="3.20", currency="USD")
    told = Statement.of(journal, no_price)

    assert (told.lines, told.untagged, told.prevented) == ((), (usd("7"),), (usd("3.20"),))


def test_a_report_divides_and_never_converts(journal, job, write):
    """Costs by currency, waste by reason, error of the estimate, cost of a usable sample."""
    job("a", cost="3.20")
    job("b", cost="1.80", outcome="failure")
    job("c", cost="5.00", currency="EUR")
    job("d")
    write("estimate", "job", "a", name="valid_shot_ratio", n=1_000, value=0.8)
    for index, loss in enumerate((0.9, 0.4, 0.5)):
        write("finished", "step", f"s{index}", index=index, loss=loss, outcome="success")
    (row,) = report(Statement.of(journal, no_price), "project", journal)

    assert (row.name, row.attempts, row.shots) == ("chem", 4, {"USD": 1_000, "EUR": 1_000})
    assert row.known == {"USD": Decimal("5.00"), "EUR": Decimal("5.00")}
    assert row.wasted == {"failed": {"USD": Decimal("1.80")}}
    assert row.error("USD") == 0.2
    assert (row.pending, row.pending_estimated) == (1, {"USD": Decimal("3.00")})
    assert row.per_sample("USD") == Decimal("0.005")
    assert row.per_usable_sample("USD") == Decimal("0.00625")
    assert row.per_improvement("USD") == Decimal(10)
