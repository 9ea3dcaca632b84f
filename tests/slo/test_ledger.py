"""The ledger: what an event counts as, and by whom the bad ones are."""

import pytest

from qgm_observe.catalog import signals
from qgm_observe.journal import Event, Journal, Totals, open_journal
from qgm_observe.slo.ledger import Ledger
from qgm_observe.slo.loading import shipped

DAY = 86400.0
NOW = 1_800_000_000.0
LABELS = ("chem", "nightly", "qcbm", "3", "training")
QUOTA = {"class": "quota", "type": "x.Q", "stage": "submit"}


def ledger_of(*events):
    ledger = Ledger(shipped())
    for event in events:
        ledger.add(event)
    return ledger


def sums(ledger, name):
    entries = ledger.entries[name]
    return sum(entries.bad), sum(entries.total)


def test_the_event_of_success_is_the_root(ended):
    """Of a run with three jobs, two of them failed, one root counts, and it is good."""
    run = "ab" * 16
    failed = {"outcome": "failure", "error": QUOTA}
    ledger = ledger_of(
        ended("job", NOW, run=run, **failed),
        ended("job", NOW, run=run, **failed),
        ended("job", NOW, run=run),
        ended("run", NOW, run=run),
    )
    assert sums(ledger, "training-success") == (0, 1)


def test_what_was_cancelled_or_guarded_does_not_count(ended):
    """A run that its user or a guard stopped on purpose is neither good nor bad."""
    stopped = [ended("run", NOW, outcome=outcome) for outcome in ("cancelled", "guarded")]
    assert sums(ledger_of(*stopped, ended("run", NOW, outcome="lost")), "training-success") == (
        1,
        1,
    )


def test_a_failed_run_is_spent_by_the_device_of_its_last_failed_job(ended):
    """A run has no device: the newest job of it that failed tells provider and device."""
    run = "cd" * 16
    ledger = ledger_of(
        ended("job", NOW, run=run, outcome="failure", error=QUOTA, device="ibm_torino"),
        ended("run", NOW, run=run, outcome="failure", error=QUOTA),
    )
    entries = ledger.entries["training-success"]
    assert ledger.spenders[entries.spender[0]] == ("quota", "nightly", "ibm", "ibm_torino")


def test_an_error_while_compiling_is_the_compilers(ended):
    """The stage wins over the class: a resource error while compiling is the compiler's."""
    error = {"class": "resource", "type": "x", "stage": "compile"}
    ledger = ledger_of(ended("job", NOW, outcome="failure", error=error))
    assert ledger.spenders[-1] == ("compiler", "nightly", "ibm", "ibm_fez")


@pytest.mark.parametrize(
    ("class_", "cause"),
    [
        ("auth", "access"),
        ("quota", "quota"),
        ("rate_limit", "quota"),
        ("validation", "model"),
        ("compile", "compiler"),
        ("offline", "provider"),
        ("queue_timeout", "provider"),
        ("run_timeout", "provider"),
        ("execution", "provider"),
        ("not_found", "provider"),
        ("network", "network"),
        ("resource", "machine"),
        ("lost", "machine"),
        ("other", "other"),
        ("of-tomorrow", "other"),
    ],
)
def test_each_class_of_an_error_is_spent_by_its_cause(class_, cause, ended):
    """Who can mend an error spends the budget by it; of a class that is not known nobody."""
    error = {"class": class_, "type": "x", "stage": "submit"}
    ledger = ledger_of(ended("job", NOW, outcome="failure", error=error))
    assert ledger.spenders[-1] == (cause, "nightly", "ibm", "ibm_fez")


def test_a_histogram_counts_what_is_within_the_bound(ended):
    """Compiling for 30 s is good, for longer bad; a stage that was not told does not count."""
    stages = [[["compile", 0.0, seconds, "local"]] for seconds in (1.0, 30.0, 30.5)]
    events = [ended("job", NOW, run="ef" * 16, stages=each) for each in (*stages, [])]
    assert sums(ledger_of(*events), "training-compile-time") == (1, 3)


def test_a_compilation_that_raises_is_bad_however_fast(ended):
    """Its error counts beside its duration, and an error of another stage does not."""
    stages = [["compile", 0.0, 0.1, "local"]]
    errors = [{"class": "compile", "type": "x", "stage": each} for each in ("compile", "execute")]
    events = [
        ended("job", NOW, run="ef" * 16, stages=stages, outcome="failure", error=each)
        for each in errors
    ]
    assert sums(ledger_of(*events), "training-compile-time") == (1, 3)


def test_valid_shots_count_by_the_shot():
    """An estimate of the valid-shot ratio counts its shots."""
    body = {
        "kind": "training", "name": "valid_shot_ratio", "value": 0.75, "n": 1000,
    }  # fmt: skip
    estimate = Event(verb="estimate", noun="job", subject="1", at=NOW, body=body, id="1/e")
    assert sums(ledger_of(estimate), "training-valid-shots") == (250, 1000)


def sample_cost(dollars, shots):
    """What is billed, and how many valid shots were had for it."""
    body = {"kind": "inference", "name": "valid_shot_ratio", "value": 1.0, "n": shots}
    bill = {"kind": "inference", "cost": dollars, "currency": "USD"}
    return (
        Event(verb="billed", noun="attempt", subject="1.1", at=NOW, body=bill, id="1.1/billed"),
        Event(verb="estimate", noun="job", subject="1", at=NOW, body=body, id="1/e"),
    )


def test_a_dollar_has_to_buy_so_many_valid_samples():
    """A dollar counts 200 samples: at a cent each the half of them is bad, which is the budget."""
    assert sums(ledger_of(*sample_cost("2.50", 250)), "inference-sample-cost") == (250, 500)
    assert sums(ledger_of(*sample_cost("2.50", 100)), "inference-sample-cost") == (400, 500)


def test_tallied_totals_count_as_their_events_would(ended):
    """Work whose detail was not kept counts as if it had been."""
    events = [
        ended("job", NOW, stages=[["compile", 0.0, seconds, "local"]], outcome=outcome)
        for seconds, outcome in ((1.0, "success"), (31.0, "failure"), (2.0, "success"))
    ]
    totals = Totals()
    for each in events:
        totals.add(each)
    body = {"totals": totals.to_json()}
    tally = Event(verb="tallied", noun="process", subject="1", at=NOW, body=body, id="1/t")

    for name in ("training-success", "training-compile-time"):
        assert sums(ledger_of(tally), name) == sums(ledger_of(*events), name) == (1, 3)


def test_pruned_minutes_still_count(recorded, ended):
    """What a journal pruned is counted at the minute it was recorded in."""
    path = recorded([ended("run", NOW - n * DAY, outcome="failure") for n in range(1, 6)])
    with Journal.open(path, clock=lambda: NOW) as journal:
        journal.prune(NOW, older_than_seconds=2.5 * DAY, max_bytes=2**30)
        ledger = Ledger(shipped())
        ledger.read(journal, NOW - 28 * DAY)
    assert sums(ledger, "training-success") == (5, 5)


def test_only_what_was_recorded_since_counts(recorded, ended):
    """Older events are passed over, and a later reader takes none of them."""
    path = recorded([ended("run", NOW - n * DAY) for n in range(1, 6)])
    ledger = Ledger(shipped())
    with open_journal(path, read_only=True) as journal:
        ledger.read(journal, NOW - 2.5 * DAY)
    assert sums(ledger, "training-success") == (0, 2)
    assert signals.ROOTS.label_names[-1] == "outcome"
