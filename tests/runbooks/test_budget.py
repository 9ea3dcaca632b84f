"""Tests of the budget and the money that records alone can tell."""

from decimal import Decimal
from typing import Any

import pytest

from qgm_observe.runbooks.budget import budgets, counted_by_roots, spend_an_hour
from qgm_observe.slo.loading import shipped

from .situations import AER, HOUR, NOW, a_job

DAY = 24.0


def left(jobs: list[dict[str, Any]], runs: Any = (), *, is_cut: bool = False) -> Any:
    objectives = counted_by_roots(shipped())
    found = budgets(objectives, runs, jobs, NOW, is_cut=is_cut)
    return {each.objective.name: each for each in found}


def test_only_success_objectives_are_counted_by_roots() -> None:
    """Of the shipped objectives those of training and inference success count roots."""
    names = {each.name for each in counted_by_roots(shipped())}

    assert names == {"training-success", "inference-success"}


def test_the_budget_is_of_the_window() -> None:
    """2 failed of 50 within 28 days leave 1 - 2 / (50 x 0.05) = 20 %; older ones do not count."""
    jobs = [a_job(n + 1.0) for n in range(48)]
    jobs += [a_job(2 * DAY, "failure", "network"), a_job(20 * DAY, "failure", "network")]
    jobs += [a_job(40 * DAY, "failure", "network")]
    found = left(jobs)["training-success"]

    assert (found.bad, found.total) == (2, 50)
    assert found.left == pytest.approx(0.2)


def test_jobs_of_a_run_count_with_their_run() -> None:
    """A failed run with three failed jobs is one failure."""
    run = {"noun": "run", "id": "r", "run": "r", "started_at": NOW - HOUR, "duration": 60.0}
    run |= {"outcome": "failure", "error_class": "network", "kind": "training"}
    jobs = [a_job(0.5, "failure", "network", run="r") for _ in range(3)]
    found = left(jobs, [run])["training-success"]

    assert (found.bad, found.total) == (1, 1)


def test_what_is_told_twice_counts_once() -> None:
    """A failure that is in two lists spends the budget once."""
    job = a_job(1.0, "failure", "network")

    assert left([job, job])["training-success"].total == 1


def test_a_cut_list_gives_no_number() -> None:
    """A list that ends too early gives no budget, and the reason."""
    found = left([a_job(1.0)], is_cut=True)["training-success"]

    assert found.left is None
    assert found.reason == "its window is longer than the exporter remembers"


def test_a_cut_list_that_reaches_back_is_enough() -> None:
    """A list that begins before the window holds all of it, although it is cut."""
    found = left([a_job(1.0), a_job(29 * DAY)], is_cut=True)["training-success"]

    assert found.left == 1


def test_the_hour_costs_what_was_billed() -> None:
    """Bills of remote jobs of the last hour are added up exactly; others are counted."""
    billed = [{"number": 1, "cost": "0.10", "currency": "USD"}]
    jobs = [
        a_job(0.5, attempts=billed),
        a_job(0.6, attempts=[*billed, {"number": 2, "cost": "0.25", "currency": "USD"}]),
        a_job(0.7),
        a_job(2.0, attempts=billed),
        a_job(0.2, place=AER),
        a_job(0.0, outcome=None),  # type: ignore[arg-type]
    ]
    found = spend_an_hour(jobs, NOW)

    assert found.billed == {"USD": Decimal("0.45")}
    assert (found.unbilled, found.open) == (1, 1)


def test_unknown_money_is_not_zero() -> None:
    """Without any bill there is no amount at all."""
    assert spend_an_hour([a_job(0.5)], NOW).billed == {}
