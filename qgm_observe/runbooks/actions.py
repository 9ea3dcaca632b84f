"""The one safe next action: it costs nothing, deletes nothing and submits nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from qgm_observe.alerts.table import BY_NAME
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.cause import Cause
from qgm_observe.runbooks.diagnosis import UNTOLD, Diagnosis
from qgm_observe.runbooks.evidence import RECOVERS
from qgm_observe.runbooks.priors import TOLD_BY_PROVIDERS
from qgm_observe.runbooks.situation import Change, Situation
from qgm_observe.runbooks.verdict import is_shown, is_unreached
from qgm_observe.runbooks.work_sightings import WATCHDOG


@dataclass(frozen=True, slots=True)
class Action:
    """What to do next.

    Attributes:
        text: One sentence.
        command: What stands behind `triage ALERT` where it is empty or begins with `--`, else the
            whole of it.
    """

    text: str
    command: str


_SHIPPED = ("qiskit", "qiskit-aer", "qiskit-ibm-runtime", "pennylane", "amazon-braket-sdk")


def next_action(told: Diagnosis, situation: Situation) -> Action:
    """Return what to do next."""
    if is_unreached(told, situation):
        return _unreached(situation)
    if told.is_over:
        return Action(
            "What failed lately goes well again: watch one more run, then close the alert.",
            "--show runs",
        )
    if told.is_quiet:
        return _quiet(situation)
    if told.cause is not None and (told.side != UNTOLD or is_shown(told)):
        of_alert = _OF_ALERT.get(situation.alert) if told.is_claim else None
        return of_alert or _ACTIONS[told.cause](told)
    if told.failed and situation.alert in RECOVERS:
        return Action("Read the newest failure.", "--show failures")
    return _further(told, situation)


def _unreached(situation: Situation) -> Action:
    if any(hint in situation.unreached for hint in ("write http", "--ca-file")):
        return Action("Mend the command as it is said there, and ask again.", "")
    return Action("See that the address is right and that you are in its network.", "")


def _quiet(situation: Situation) -> Action:
    if situation.alert == WATCHDOG:
        return Action(
            "Where it no longer arrives, look at Prometheus and Alertmanager first.",
            "--show journals",
        )
    if situation.is_inactive:
        return Action("Nothing: it is not active now. See what there was.", _list(situation.alert))
    return Action(
        "Nothing, if the alert is about the exporter that was asked; else ask that one.",
        _list(situation.alert),
    )


def _further(told: Diagnosis, situation: Situation) -> Action:
    """Whom to ask where nothing shows what the alert says."""
    if situation.active_at is not None:
        return Action("See that --url is the exporter that the alert is about.", "--show runs")
    if told.seen is not None and told.seen.holds:
        return _OF_ALERT.get(situation.alert, Action("Look at it.", _list(situation.alert)))
    if situation.alert in TOLD_BY_PROVIDERS and not any(situation.levels(provided.PROVIDER_UP)):
        return Action("Ask the provider's exporter too: it is told there.", "--url $QGM_PROVIDER")
    if not (situation.has_prometheus or situation.no_prometheus):
        return Action("Ask the Prometheus whether it is active.", "--prometheus $QGM_PROMETHEUS")
    return Action("Look at the newest of it.", _list(situation.alert))


def _list(alert: str) -> str:
    command = BY_NAME[alert].command
    return command if command.startswith("--") else "--show runs"


def _compiler(diagnosis: Diagnosis) -> Action:
    change = _changed(diagnosis, _SHIPPED)
    if change is None or change.before is None:
        return Action("Read why the newest circuit did not compile.", "--show failures")
    return Action(
        f"On the machine of {change.where}, put {change.what} back to {change.before}, with which "
        "it last went well, and start one run.",
        f"pip install '{change.what}=={change.before}'",
    )


def _code(diagnosis: Diagnosis) -> Action:
    change = _changed(diagnosis, ("model version", "encoding", *_SHIPPED))
    text = "Read the newest failure."
    if change is not None:
        text = f"Take the change of {change.what} in {change.where} back, and start one run."
    return Action(text, "--show failures")


def _changed(diagnosis: Diagnosis, kinds: tuple[str, ...]) -> Change | None:
    return next((each for each in reversed(diagnosis.changes) if each.what in kinds), None)


def _fixed(text: str, command: str) -> Callable[[Diagnosis], Action]:
    return lambda _: Action(text, command)


_ACTIONS: dict[Cause, Callable[[Diagnosis], Action]] = {
    Cause.COMPILER: _compiler,
    Cause.CODE: _code,
    Cause.CREDENTIALS: _fixed(
        "Start nothing new; renew the provider's key where the jobs read it.", "--show account"
    ),
    Cause.QUOTA: _fixed(
        "Start nothing new: what is submitted now waits until device time is free.",
        "--show account",
    ),
    Cause.PACE: _fixed(
        "Halve how many scripts submit at once, and do not retry sooner than asked.",
        "--show failures",
    ),
    Cause.MACHINE: _fixed(
        "Look at the machine that the newest failure ran on, before anything is started there.",
        "--show failures",
    ),
    Cause.NETWORK: _fixed(
        "Ask who runs the network; start nothing until a provider answers again.",
        "--show account",
    ),
    Cause.TELEMETRY: _fixed(
        "Bring the exporter or its journal back first: until then no other alert can be believed.",
        "--show journals",
    ),
    Cause.SPENDING: _fixed(
        "Start nothing new, and look which jobs still wait or run: they will be billed.",
        "--show jobs",
    ),
    Cause.TRAINING: _fixed(
        "Hold the training where it is, and compare its newest run with the last good one.",
        "--show runs",
    ),
    Cause.PROVIDER: _fixed(
        "Start nothing new there; look which devices of others are free, and tell the provider "
        "with --vendor.",
        "--show devices",
    ),
    Cause.DEVICE: _fixed(
        "Send nothing more to this device; look which others are online, and tell the provider "
        "with --vendor.",
        "--show devices",
    ),
    Cause.QUEUE: _fixed(
        "Leave what waits in the queue, for a new job would wait behind it; look for a shorter "
        "queue.",
        "--show devices",
    ),
    Cause.CALIBRATION: _fixed(
        "Judge no sample taken since then against the old baseline; see what was calibrated when.",
        "--show readings",
    ),
}

_OF_ALERT = {
    "QgmRunStalled": Action(
        "See in which stage its job is open: one that waits at a provider is left alone.",
        "--show jobs",
    ),
    "QgmDeviceMaintenance": Action(
        "Leave what is queued there; move what is urgent to a device that is online.",
        "--show devices",
    ),
    "QgmReadingsStale": Action(
        "See whether the provider answers, and whether calls are held back.", "--show account"
    ),
    "QgmJournalDisk": Action(
        "Free that disk, on its machine; never delete the journal.", "--show journals"
    ),
    "QgmCredentialsExpire": Action(
        "Make a new key before this one ends, and put it where jobs and exporter read it.",
        "--show account",
    ),
    "QgmJobsAbandoned": Action(
        "See which runs ended without their jobs, and ask their owner before you cancel.",
        "--show runs",
    ),
    "QgmRunTooLong": Action(
        "Compare shots and circuits of what was cancelled with the last good one.",
        "--show failures",
    ),
    "QgmRetriesExcessive": Action("See what the attempts fail with.", "--show failures"),
    "QgmCostAnomaly": Action(
        "Compare jobs a run and shots a job with those of last week.", "--show jobs"
    ),
    "QgmLayoutEdgeDisabled": Action(
        "Compile anew, which leaves the pair out; doubt samples taken since that calibration.",
        "--show readings",
    ),
    "QgmCalibrationStale": Action(
        "See which parameter it is, and whether only our reading of it is old.", "--show devices"
    ),
}
"""Where the alert's own words are the verdict, and what its cause asks for is too much."""
