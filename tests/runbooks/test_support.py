"""Tests of the text for a provider's support."""

from typing import Any

import pytest

from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.diagnosis import diagnose
from qgm_observe.runbooks.support import support_text, utc

from .situations import AER, HOUR, NOW, a_job, failures, good_days, level, situation

SECRET = "canary-0123456789-token"


def case(*jobs: Any, calibrations: Any = (), **known: Any) -> str | None:
    """What `--vendor` writes, if anything."""
    told = diagnose(situation(*jobs, **known))
    return support_text(told, [job for each in jobs for job in each], list(calibrations), NOW)


def text_of(*jobs: Any, **known: Any) -> str:
    text = case(*jobs, **known)
    assert text is not None
    return text


def test_times_are_utc() -> None:
    """An instant is written with its zone, whatever zone this machine is in."""
    assert utc(1_800_000_000.0) == "2027-01-15 08:00:00 UTC"


def test_each_failed_job_stands_with_id_device_times_and_error() -> None:
    """A line a job: provider's id, device and region, submitted, ended, stage, class and type."""
    failed = failures("execution", region="us-east")
    lines = text_of(good_days(), failed).splitlines()
    id_ = failed[0]["attempts"][0]["provider_job_id"]

    assert lines[0] == "Subject: jobs fail on ibm ibm_fez (us-east) since 2027-01-15 05:00:00 UTC"
    assert (
        f"  {id_}, ibm ibm_fez (us-east), 2027-01-15 06:59:00 UTC, 2027-01-15 07:00:00 UTC, "
        "execute/execution TroubleError"
    ) in lines


def test_the_last_good_job_and_the_calibrations_are_named() -> None:
    """What support compares with: the last good job, and the device's last two calibrations."""
    known = [
        {"provider": "ibm", "device": name, "taken_at": NOW - ago * HOUR, "calibration_id": id_}
        for name, ago, id_ in (
            ("ibm_fez", 50, "first"),
            ("ibm_fez", 30, "second"),
            ("ibm_fez", 4, "third"),
            ("ibm_kyiv", 4, "elsewhere"),
        )
    ]
    text = text_of(good_days(), failures("execution"), calibrations=known)

    assert "The last good one before ended at 2027-01-15 03:00:00 UTC, job d" in text
    assert "Calibration third of ibm_fez, taken 2027-01-15 04:00:00 UTC." in text
    assert "second" in text
    assert "first" not in text
    assert "elsewhere" not in text


def test_no_more_than_ten_jobs_are_listed() -> None:
    """Of many the newest ten are listed, and the rest is counted."""
    text = text_of(good_days(), failures("execution", number=15))

    assert text.count("execute/execution") == 10
    assert "and 5 more" in text


@pytest.mark.parametrize(
    "failed",
    [[], failures("other", place=AER), failures("compile", "compile"), failures("other", "decode")],
    ids=["none", "simulated", "compile", "decode"],
)
def test_what_fails_at_home_is_no_case(failed: list[Any]) -> None:
    """Where nothing failed, or only what a provider never had in hand, there is no text."""
    assert case(good_days(), failed) is None


def test_a_fault_of_theirs_needs_no_failed_job() -> None:
    """A device that is off is told with what we see; no job is said to have failed."""
    off = {"provider": "ibm", "device": "ibm_fez", "device_state": "offline"}
    waiting = [a_job(0.5) | {"outcome": None}]
    text = text_of(good_days(), waiting, samples=[level(provided.DEVICE_STATE, 1.0, **off)])

    assert text.startswith("Subject: trouble on your service\n")
    assert "ibm ibm_fez is offline" in text
    assert "failed" not in text


def test_a_submission_without_an_id_is_listed() -> None:
    """A job that the provider never took has no id, and is listed by its times and error."""
    text = text_of(good_days(), failures("network", "submit", attempts=[]))

    assert text.count("  no id, ibm ibm_fez, ") == 3


def test_nothing_that_looks_like_a_secret_is_written() -> None:
    """A token in an error's name or a device's is masked, and names of ours are not there."""
    failed = failures("execution", error_type=f"token={SECRET}", project="chem")
    text = text_of(good_days(), failed)

    assert SECRET not in text
    assert not {"qcbm", "nightly", "chem"} & set(text.replace(",", " ").split())


def test_a_failure_from_before_the_trouble_is_left_out() -> None:
    """A job that failed days ago and is not part of the trouble is not listed."""
    old = a_job(40.0, "failure", "execution")
    text = text_of([old], good_days(), failures("execution"))

    assert old["attempts"][0]["provider_job_id"] not in text
