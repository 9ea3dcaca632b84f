"""What to write to a provider's support: facts that they can look up, and no secret of ours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from qgm_observe.redaction import LONGEST, redacted
from qgm_observe.runbooks.cause import THEIRS
from qgm_observe.runbooks.diagnosis import Diagnosis
from qgm_observe.runbooks.evidence import AT_HOME
from qgm_observe.runbooks.roots import BAD, Facts, ended_at

_MOST_JOBS = 10


def utc(seconds: float) -> str:
    """Return an instant as people and support desks write it: `2026-11-23 07:41:16 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def support_text(
    diagnosis: Diagnosis,
    jobs: Iterable[Facts],
    calibrations: Sequence[Mapping[str, Any]],
    now: float,
) -> str | None:
    """Return the text of a support case, `None` where nothing points at a provider.

    Args:
        diagnosis: What triage answers.
        jobs: In any order; failed remote ones of the trouble are listed, the newest ten.
        calibrations: As `/api/v1/readings` tells them.
        now: Epoch seconds.

    Returns:
        Plain text. It names devices, job ids, times, error classes and calibrations, and neither
        projects, accounts, model names nor what was computed.
    """
    failed = _failed(jobs, diagnosis.failed)
    if not failed and diagnosis.side != THEIRS:
        return None
    places = sorted({_place(job) for job in failed})
    lines = [
        *_begun(failed, ", ".join(places), diagnosis),
        *_calibrated(calibrations, places),
        *_seen(diagnosis),
        "Please tell us whether this device or your service had an incident then, whether our",
        "jobs are billed, and when we can submit again.",
        f"Written {utc(now)}; all times are UTC by our clocks.",
    ]
    return "\n".join(lines) + "\n"


def _begun(failed: Sequence[Facts], where: str, diagnosis: Diagnosis) -> list[str]:
    """Subject, since when, and each failed job; nothing is said to have failed that did not."""
    if not failed:
        return ["Subject: trouble on your service", "", *_good(diagnosis), ""]
    since = utc(diagnosis.since or 0.0)
    lines = [f"  {_line(job)}" for job in failed[:_MOST_JOBS]]
    if len(failed) > _MOST_JOBS:
        lines.append(f"  and {len(failed) - _MOST_JOBS} more")
    return [
        f"Subject: jobs fail on {where} since {since}",
        "",
        f"Since {since} {len(failed)} of our jobs have failed on {where}.",
        *_good(diagnosis),
        "",
        "job id, device, submitted, ended, error:",
        *lines,
        "",
    ]


def _failed(jobs: Iterable[Facts], roots: frozenset[str]) -> list[Facts]:
    found = {
        str(job["id"]): job
        for job in jobs
        if job.get("outcome") in BAD
        and job.get("execution_mode") != "local"
        and job.get("error_stage") not in AT_HOME
        and (job.get("run") in roots or job["id"] in roots)
    }
    return sorted(found.values(), key=lambda job: ended_at(job) or 0.0, reverse=True)


def _place(job: Facts) -> str:
    region = job.get("region")
    where = f" ({region})" if region and region != "unknown" else ""
    return _clean(f"{job.get('provider')} {job.get('device')}{where}")


def _line(job: Facts) -> str:
    ids = [each.get("provider_job_id") for each in job.get("attempts") or ()]
    newest = next((str(id_)[:128] for id_ in reversed(ids) if id_), "no id")
    kind = "/".join(str(job[k]) for k in ("error_stage", "error_class") if job.get(k))
    told = _clean(f"{kind} {job.get('error_type') or ''}".strip())
    ended = ended_at(job)
    submitted = utc(float(job["started_at"]))
    return f"{newest}, {_place(job)}, {submitted}, {'' if ended is None else utc(ended)}, {told}"


def _good(diagnosis: Diagnosis) -> list[str]:
    good = diagnosis.good
    if good is None or good.ended_at is None:
        return []
    ids = f", job {good.provider_job_ids[0]}" if good.provider_job_ids else ""
    return [f"The last good one before ended at {utc(good.ended_at)}{ids}."]


def _calibrated(calibrations: Sequence[Mapping[str, Any]], places: Sequence[str]) -> list[str]:
    found = [
        each
        for each in calibrations
        if not places or any(p.startswith(f"{each['provider']} {each['device']}") for p in places)
    ]
    lines = [
        f"Calibration {_clean(str(each.get('calibration_id') or 'without an id'))} of "
        f"{each['device']}, taken {utc(float(each.get('taken_at') or each['observed_at']))}."
        for each in found[-2:]
    ]
    return [*lines, ""] if lines else []


def _seen(diagnosis: Diagnosis) -> list[str]:
    """What speaks for them, as far as it is of theirs."""
    if diagnosis.side != THEIRS:
        return []
    told = [clue.text for clue in diagnosis.pro if "pipeline" not in clue.text]
    return ["What we see:", *(f"  {_clean(text)}" for text in told), ""]


def _clean(text: str) -> str:
    return redacted(" ".join(text.split()))[:LONGEST]
