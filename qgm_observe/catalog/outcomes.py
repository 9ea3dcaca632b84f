"""How work ends, and why it fails: closed sets, because they are label values."""

import enum


class Outcome(enum.StrEnum):
    """How a run, step, job, attempt or stage ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    LOST = "lost"
    GUARDED = "guarded"


class ErrorClass(enum.StrEnum):
    """Why it failed; the exception's own name and text stay in the journal."""

    AUTH = "auth"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    VALIDATION = "validation"
    COMPILE = "compile"
    OFFLINE = "offline"
    QUEUE_TIMEOUT = "queue_timeout"
    RUN_TIMEOUT = "run_timeout"
    EXECUTION = "execution"
    CANCELLED = "cancelled"
    NETWORK = "network"
    NOT_FOUND = "not_found"
    RESOURCE = "resource"
    LOST = "lost"
    OTHER = "other"


class ExecutionMode(enum.StrEnum):
    """How the provider is asked; local work never waits in a provider's queue."""

    JOB = "job"
    BATCH = "batch"
    SESSION = "session"
    LOCAL = "local"


class Purpose(enum.StrEnum):
    """What the work is for; objectives keep the two apart (label `kind`)."""

    TRAINING = "training"
    INFERENCE = "inference"


class Basis(enum.StrEnum):
    """How a cost is known; what is known in several ways is never added up."""

    ESTIMATED = "estimated"
    BILLED = "billed"
    INVOICED = "invoiced"


class Waste(enum.StrEnum):
    """Why money went for nothing."""

    FAILED = "failed"
    CANCELLED = "cancelled"
    REPEATED = "repeated"
    IDLE = "idle"


def shot_class(shots: int | None) -> str:
    """Return the decade of a shot count: `none`, `1`, `10`, `100`, `1k` ... `1M`."""
    if not shots or shots < 1:
        return "none"
    return SHOT_CLASSES[min(len(str(shots)), len(SHOT_CLASSES) - 1)]


SHOT_CLASSES = ("none", "1", "10", "100", "1k", "10k", "100k", "1M")
