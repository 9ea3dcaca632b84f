"""Tests of what counts as one thing that was asked for, and of where trouble begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.runbooks.roots import last_good, roots_of, trouble_in

from .situations import AER, FEZ, HOUR, NOW, a_job, failures, good_days, roots

RUN = "5b8aa5a2d2c872e8321cf37308d69df2"


def a_run(id_: str = RUN, outcome: str = "success", **facts: object) -> dict[str, object]:
    start = {"started_at": NOW - HOUR, "duration": 600.0}
    return {"noun": "run", "id": id_, "run": id_, "outcome": outcome, **start, **facts}


def test_a_run_with_its_jobs_is_one_root() -> None:
    """However many jobs of a run fail, one root failed, by the error of the newest failed job."""
    jobs = [
        a_job(0.9, "failure", "network", run=RUN),
        a_job(0.8, "failure", "execution", run=RUN),
        a_job(0.7, run=RUN),
    ]
    (root,) = roots_of([a_run(outcome="failure", error_class="other")], jobs)

    assert (root.id, root.is_bad, root.error_class) == (RUN, True, "execution")
    assert root.places == {FEZ}
    assert len(root.provider_job_ids) == 2


def test_a_run_inside_a_run_belongs_to_it() -> None:
    """Jobs of an inner run are those of the outermost one, which alone is a root."""
    inner = a_run("inner", parent=RUN)
    (root,) = roots_of([a_run(), inner], [a_job(0.5, run="inner")])

    assert root.id == RUN
    assert root.places == {FEZ}


def test_a_job_that_is_told_twice_counts_once() -> None:
    """The lists of jobs and of failures overlap, and roots are not doubled by it."""
    job = a_job(1.0, "failure", "network")

    assert len(roots_of([], [job, job])) == 1


def test_jobs_of_an_open_run_count_meanwhile() -> None:
    """A run that is not over has no outcome, so its failed jobs tell by themselves."""
    run = a_run(outcome=None, duration=None, versions={"qiskit": "2.6.0"})  # type: ignore[arg-type]
    jobs = [a_job(n / 10, "failure", "compile", "compile", run=RUN) for n in range(1, 4)]
    every = roots_of([run], [*jobs, a_job(0.0, None, run=RUN)])  # type: ignore[arg-type]
    trouble = trouble_in(every, NOW)

    assert trouble is not None
    assert {root.id for root in trouble.failed} == {job["id"] for job in jobs}
    assert {root.versions["qiskit"] for root in trouble.failed} == {"2.6.0"}
    assert [root.id for root in every if root.outcome is None] == [RUN]


def test_jobs_of_a_run_that_nobody_knows_count() -> None:
    """Where a run is not among the newest any more, its jobs are roots."""
    assert len(roots([a_job(1.0, run="gone"), a_job(2.0, run="gone")])) == 2


def test_simulated_jobs_have_no_ids_of_a_provider() -> None:
    """What ran on this machine is not remote, and nobody is asked about its id."""
    (root,) = roots([a_job(1.0, place=AER, attempts=[{"provider_job_id": "local-1"}])])

    assert not root.is_remote
    assert root.provider_job_ids == ()


@pytest.mark.parametrize(("outcome", "told"), [("lost", "lost"), ("timeout", "run_timeout")])
def test_an_outcome_without_an_error_has_its_own_class(outcome: str, told: str) -> None:
    """What was lost or timed out failed by that, also where no exception was seen."""
    (root,) = roots([a_job(1.0, outcome)])

    assert root.error_class == told


def test_trouble_begins_at_its_first_failure() -> None:
    """A success among failures does not end the trouble; the good day before is not part of it."""
    mixed = [a_job(3.0, "failure", "network"), a_job(2.0), a_job(1.0, "failure", "network")]
    trouble = trouble_in(roots(good_days(), mixed), NOW)

    assert trouble is not None
    assert trouble.since == pytest.approx(NOW - 3 * HOUR)
    assert (len(trouble.failed), len(trouble.went)) == (2, 1)


def test_enough_successes_end_the_trouble() -> None:
    """One failure and then eight good ones are no trouble any more."""
    job = [a_job(9.0, "failure", "network")]

    assert trouble_in(roots(job, [a_job(n * 0.9) for n in range(1, 9)]), NOW) is None
    assert trouble_in(roots(job, [a_job(n * 0.9) for n in range(1, 3)]), NOW) is not None


def test_a_busy_healthy_pipeline_hides_no_other() -> None:
    """Trouble is looked for in each pipeline by itself."""
    busy = [a_job(n / 100, pipeline="busy") for n in range(1, 400)]
    trouble = trouble_in(roots(busy, failures("network")), NOW)

    assert trouble is not None
    assert trouble.pipelines == ("nightly",)
    assert len(trouble.failed) == 3


def test_what_failed_long_ago_is_no_trouble() -> None:
    """A pipeline that failed last week and was not run since has no trouble now."""
    assert trouble_in(roots([a_job(24.0 * 7, "failure", "network")]), NOW) is None


def test_the_last_good_root_is_of_the_affected_pipeline() -> None:
    """The newest good root from before the trouble is found, also when another one is newer."""
    every = roots(good_days(), failures("network"), [a_job(3.5, pipeline="other")])
    found = last_good(every, trouble_in(every, NOW))

    assert found is not None
    assert found.ended_at == pytest.approx(NOW - 5 * HOUR)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 20.0)), max_size=30))
def test_trouble_holds_failures_and_begins_with_one(events: list[tuple[bool, float]]) -> None:
    """Whatever happened, trouble begins with a failure and holds nothing from before it."""
    jobs = [a_job(ago, "failure" if bad else "success", "network") for bad, ago in events]
    trouble = trouble_in(roots(jobs), NOW)

    if trouble is None:
        assert not any(bad for bad, _ in events) or any(not bad for bad, _ in events)
        return
    ends = [root.ended_at for root in (*trouble.failed, *trouble.went)]
    assert trouble.since == min(end for end in ends if end is not None)
    assert all(root.is_bad for root in trouble.failed)
