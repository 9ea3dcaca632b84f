"""Trace and span ids follow from the ids of subjects."""

from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.telemetry.ids import span_id, stage_span_ids, trace_id

RUN = st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}")
JOB = st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}")


@given(RUN, JOB)
def test_all_work_of_a_run_is_one_trace(run, job):
    """The run's own id is the trace id of the run and of every job in it."""
    assert trace_id(job, run) == trace_id(run, run) == trace_id(run, None) == (int(run, 16) or 1)


@given(JOB)
def test_a_free_standing_job_has_a_trace_of_its_own(job):
    """Without a run the trace id is computed from the job's id and always the same."""
    assert trace_id(job, None) == trace_id(job, None)
    assert 0 < trace_id(job, None) < 2**128


@given(RUN | JOB, st.integers(0, 40))
def test_span_ids_are_valid_and_differ(subject, count):
    """Ids are 64 bits, never 0; those of a subject and its stages never coincide."""
    ids = stage_span_ids(subject, count)

    assert len(ids) == count
    assert all(0 < each < 2**64 for each in [span_id(subject), *ids])
    assert len({span_id(subject), *ids}) == count + 1


@given(JOB)
def test_an_id_does_not_depend_on_how_many_stages_follow(subject):
    """A stage's id is known when it begins, before anybody knows how many there will be."""
    assert stage_span_ids(subject, 9)[:3] == stage_span_ids(subject, 3)


def test_ids_of_many_jobs_do_not_meet():
    """Stages of 2,000 jobs with neighboring ids all have spans of their own."""
    subjects = [f"{number:016x}" for number in range(1, 2_001)]
    ids = [each for subject in subjects for each in stage_span_ids(subject, 9)]

    assert len(set(ids)) == len(ids)
