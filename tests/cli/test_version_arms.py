"""What journals tell of two versions."""

from dataclasses import replace

import numpy as np
import pytest

from qgm_observe.cli.version_arms import Asked, read
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Totals, open_journal

from .canary_journal import BEGIN, DAY, estimate, job

ASKED = Asked("qcbm", "3", "4", "inference", None, BEGIN + 9 * DAY)


@pytest.fixture
def journal(tmp_path):
    """An empty one."""
    with open_journal(tmp_path / "journal.db") as store:
        yield store


def run(number: int, at: float, version: str, **told) -> Event:
    """A run of 200 s."""
    made = job(number, at, version, duration=200.0, **told)
    id_ = made.subject * 2
    body = {name: value for name, value in made.body.items() if name not in ("device", "stages")}
    return replace(made, noun="run", subject=id_, run=id_, id=f"{id_}/finished", body=body)


def test_roots_are_counted(journal):
    """A run counts once with its jobs, a lone job by itself; cancelled and other work does not."""
    whole = run(1, BEGIN, "4")
    inner = run(2, BEGIN, "4", parent=whole.subject)
    inside = replace(job(3, BEGIN + 1, "4", device="ibm_kyiv"), run=inner.subject)
    journal.append(
        [
            *(whole, inner, inside),
            *(job(4, BEGIN + 2, "3"), job(5, BEGIN + 3, "3", good=False)),
            job(6, BEGIN + 4, "3", outcome="cancelled"),
            job(7, BEGIN + 4, "3", kind="training"),
            job(8, BEGIN + 4, "3", model="gan"),
            job(9, BEGIN - DAY, "3"),
        ]
    )
    told = read([journal], ASKED)
    found = {root.id: root for root in told.roots}

    assert told.begin == BEGIN
    assert set(found) == {whole.subject, f"{4:016x}", f"{5:016x}"}
    assert found[whole.subject].seconds == 100.0
    assert found[whole.subject].device == "ibm_kyiv"
    assert found[f"{4:016x}"].seconds == 3.0
    assert [root.is_good for root in told.roots if root.version == "3"] == [True, False]


def test_a_later_truth_counts(journal):
    """What was lost and is found to have succeeded is good."""
    lost = job(1, BEGIN, "4", outcome="lost")
    journal.append([lost, job(2, BEGIN, "3")])
    found = {"outcome": "success", "duration": 105.0}
    journal.append([replace(lost, verb="reconciled", body=found, id="later")])
    (root,) = [root for root in read([journal], ASKED).roots if root.version == "4"]

    assert root.is_good
    assert root.seconds == 5.0


def test_several_journals_are_one(journal, tmp_path):
    """Replicas with a journal each are read together, from the candidate's first root."""
    journal.append([job(1, BEGIN, "3"), job(2, BEGIN + DAY, "4")])
    with open_journal(tmp_path / "other.db") as other:
        other.append([job(3, BEGIN + 2 * DAY, "3"), job(4, BEGIN + 2 * DAY, "4")])
        told = read([journal, other], ASKED)

    assert told.begin == BEGIN + DAY
    assert sorted(root.id[-1] for root in told.roots) == ["2", "3", "4"]


def test_sessions_days_and_devices_are_kept_apart(journal):
    """A session is one cluster of its version; a day on a device is a stratum."""
    journal.append(
        [
            *(job(n, BEGIN + n, "4", session="s1") for n in range(3)),
            *(job(n, BEGIN + n, "3", session="s2") for n in range(3, 5)),
            job(5, BEGIN + 5, "3", device="ibm_kyiv"),
            job(6, BEGIN + DAY, "4", session="s1"),
        ]
    )
    seen = read([journal], ASKED).traffic(lambda root: float(root.is_good), DAY)

    assert seen.sizes.tolist() == [3, 2, 1, 1]
    assert seen.is_candidate.tolist() == [True, False, False, True]
    assert seen.look.tolist() == [1, 1, 1, 2]
    assert seen.stratum.tolist() == [0, 0, 1, 2]
    assert seen.counts == (2, 2)


def test_scores_and_costs_are_means_of_a_root(journal):
    """Scores without bias by name and mitigation, money for each shot of what is settled."""
    attempt = {"number": 1, "provider_job_id": "p", "device_seconds": 4.0, "outcome": "success"}
    first, second = job(1, BEGIN, "4", attempts=[attempt]), job(2, BEGIN, "3")
    journal.append(
        [
            *(first, second),
            *(estimate(first, 0.5), estimate(first, 0.7, mitigation="twirling")),
            *(estimate(first, 0.2, "tvd"), estimate(second, 0.6)),
        ]
    )
    told = read([journal], ASKED)
    plain = told.traffic(told.score("valid_shot_ratio"), DAY)
    own = read([journal], replace(ASKED, scores=("tvd",)))
    cost = told.traffic(told.cost_of_a_sample, DAY)

    assert told.scores == ["valid_shot_ratio", "valid_shot_ratio twirling"]
    assert plain.values.tolist() == [0.5, 0.6]
    assert own.scores == ["tvd"]
    assert told.unit == "s"
    assert np.allclose(cost.values, [0.004])
    assert cost.counts == (0, 1)


def test_money_goes_before_seconds(journal):
    """Where bills are known in a currency, they are compared."""
    made = job(1, BEGIN, "4", attempts=[{"number": 1, "provider_job_id": "p"}])
    bill = {**made.body, "job": made.subject, "number": 1, "cost": "2.5", "currency": "USD"}
    row = Event(
        verb="billed", noun="attempt", subject=f"{made.subject}.1", at=BEGIN, body=bill, id="b"
    )
    journal.append([made, row, job(2, BEGIN, "3")])
    told = read([journal], ASKED)

    assert told.unit == "USD"
    assert told.traffic(told.cost_of_a_sample, DAY).values.tolist() == [0.0025]


def test_tallied_successes_are_refused(journal):
    """Where successes were counted without detail, shares would be wrong: one line says so."""
    totals = Totals()
    local = job(9, BEGIN + 5, "4", execution_mode="local")
    totals.add(local)
    rows = [job(1, BEGIN, "4"), job(2, BEGIN, "3")]
    body = {"totals": totals.to_json()}
    rows.append(Event(verb="tallied", noun="process", subject="p", at=BEGIN + 6, body=body, id="t"))
    journal.append(rows)

    with pytest.raises(UsageError, match="1 local successes of qcbm were tallied"):
        read([journal], ASKED)


@pytest.mark.parametrize(("version", "other"), [("3", "4"), ("4", "3")])
def test_a_version_that_is_not_there(journal, version, other):
    """The error names those that are."""
    journal.append([job(1, BEGIN, version)])

    with pytest.raises(UsageError, match=rf"no inference of qcbm {other}.*\({version} \(infer"):
        read([journal], ASKED)
