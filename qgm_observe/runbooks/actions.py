"""The one safe next action: it costs nothing, deletes nothing and submits nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from qgm_observe.runbooks.diagnosis import Diagnosis
from qgm_observe.runbooks.evidence import Cause
from qgm_observe.runbooks.situation import Change


@dataclass(frozen=True, slots=True)
class Action:
    """What to do next.

    Attributes:
        text: One sentence.
        command: The command; what stands behind `triage ALERT` where it begins with `--`.
    """

    text: str
    command: str


_SHIPPED = ("qiskit", "qiskit-aer", "qiskit-ibm-runtime", "pennylane", "amazon-braket-sdk")


def next_action(diagnosis: Diagnosis) -> Action:
    """Return what to do next."""
    if diagnosis.is_over:
        return Action(
            "What failed lately goes well again: watch one more run, then close the alert.",
            "--show runs",
        )
    if diagnosis.is_quiet:
        return Action(
            "See that --url is the exporter which the alert is about: what this one follows went "
            "well.",
            "--show runs",
        )
    if diagnosis.cause is None:
        return Action("Nothing is failing in the records: look at the newest runs.", "--show runs")
    return _ACTIONS[diagnosis.cause](diagnosis)


def _compiler(diagnosis: Diagnosis) -> Action:
    change = _changed(diagnosis, _SHIPPED)
    if change is None or change.before is None:
        return Action("Read why the newest circuit did not compile.", "--show failures")
    return Action(
        f"Put {change.what} of {change.where} back to {change.before}, with which it last went "
        "well, and start one run.",
        f"pip install '{change.what}=={change.before}'",
    )


def _code(diagnosis: Diagnosis) -> Action:
    change = _changed(diagnosis, ("model version", "encoding", *_SHIPPED))
    text = "Read the newest failure with its log."
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
