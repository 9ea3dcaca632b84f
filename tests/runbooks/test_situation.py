"""Tests of what changed, and of levels."""

from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.situation import changes_in

from .situations import HOUR, KYIV, NOW, a_job, failures, good_days, level, situation


def calibration(hours_ago: float, name: str | None, device: str = "ibm_fez") -> dict[str, object]:
    taken = NOW - hours_ago * HOUR
    return {"provider": "ibm", "device": device, "taken_at": taken, "calibration_id": name}


def told(*jobs: object, **known: object) -> list[tuple[str, str | None, str]]:
    changes = changes_in(situation(*jobs, **known))  # type: ignore[arg-type]
    return [(each.what, each.before, each.after) for each in changes]


def test_what_differs_from_the_last_good_root_is_told() -> None:
    """Model version, encoding and each library that differ are told, with before and after."""
    before = good_days(versions={"qiskit": "2.5.1", "qiskit-aer": "0.18"}, encoding="angle 1 a")
    after = failures(
        "other",
        versions={"qiskit": "2.6.0", "qiskit-aer": "0.18"},
        encoding="angle 2 b",
        model_version="4",
    )

    assert told(before, after) == [
        ("encoding", "angle 1 a", "angle 2 b"),
        ("model version", "3", "4"),
        ("qiskit", "2.5.1", "2.6.0"),
    ]


def test_what_was_not_recorded_did_not_change() -> None:
    """A library or an encoding that one of the two does not tell is no change."""
    assert told(good_days(), failures("other", versions={"qiskit": "2.6.0"}, encoding="x")) == []


def test_a_calibration_between_good_and_bad_is_told() -> None:
    """Of the devices in use the calibrations since the last good root are told, no others."""
    calibrations = [
        calibration(30, "old"),
        calibration(4, "new"),
        calibration(3.5, "elsewhere", "ibm_kyiv"),
        calibration(0.1, "later"),
    ]

    assert told(good_days(), failures("execution"), calibrations=calibrations) == [
        ("calibration", "old", "new")
    ]


def test_another_device_is_a_change() -> None:
    """A pipeline that was moved to another device is told so."""
    assert told(good_days(), failures("execution", place=KYIV)) == [
        ("device", "ibm ibm_fez", "ibm ibm_kyiv")
    ]


def test_without_trouble_three_days_are_looked_at() -> None:
    """Where nothing fails, changes of the last three days are told, older ones are not."""
    jobs = [a_job(100, model_version="1"), a_job(50, model_version="2"), a_job(1)]

    assert told(jobs) == [("model version", "2", "3")]


def test_a_version_that_nobody_gave_is_no_change() -> None:
    """A run that tells no version says nothing of one, before or after."""
    untold = {"model_version": "unknown"}

    assert told(good_days(), failures("other", **untold)) == []
    assert told(good_days(**untold), failures("other")) == []


def test_what_went_well_as_often_as_it_failed_is_no_suspect() -> None:
    """A version that fails once and then goes well broke nothing; one that mostly fails did."""
    before = good_days(model_version="3")
    new = {"model_version": "4"}
    once = [a_job(3, "failure", "network", **new), a_job(2, **new)]
    mostly = [*failures("validation", number=3, **new), a_job(0.5, **new)]

    assert told(before, once) == []
    assert told(before, mostly) == [("model version", "3", "4")]


def test_what_changed_after_the_first_failure_did_not_cause_it() -> None:
    """Between two failures a version or a calibration may change: that is no clue."""
    failed = [a_job(n, "failure", "other", model_version=v) for n, v in ((3, "3"), (2, "4"))]
    late = [calibration(30, "old"), calibration(2.5, "new")]

    assert told(good_days(), failed, calibrations=late) == []


def test_each_pipeline_is_held_against_its_own_last_good_root() -> None:
    """One that fails without a change of its own is not explained by another's."""
    other = {"pipeline": "serving"}
    jobs = [
        *good_days(),
        *good_days(**other),
        *failures("other"),
        *failures("validation", model_version="4", **other),
    ]
    (change,) = changes_in(situation(jobs))

    assert (change.what, change.where, change.after) == ("model version", "serving", "4")


def test_a_change_of_one_pipeline_is_not_anothers() -> None:
    """Roots are compared within their pipeline: two models side by side are no change."""
    assert told(good_days(), good_days(pipeline="serving", model_version="9")) == []


def test_levels_are_found_by_labels() -> None:
    """Only samples of the signal with all of the labels are yielded."""
    samples = [
        level(provided.PROVIDER_UP, 1.0, provider="ibm", account="team"),
        level(provided.PROVIDER_UP, 0.0, provider="braket", account="lab"),
        level(provided.DEVICE_QUEUE, 0.0, provider="ibm"),
    ]
    known = situation([], samples=samples)

    assert [s.labels["account"] for s in known.levels(provided.PROVIDER_UP, provider="ibm")] == [
        "team"
    ]
    assert known.has_level(provided.PROVIDER_UP, 0.0)
    assert not known.has_level(provided.PROVIDER_UP, 0.0, provider="ibm")
