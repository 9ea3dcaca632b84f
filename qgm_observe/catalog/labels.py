"""Every label, once. Never a label: an id, an error text, an exact shot count."""

from qgm_observe.catalog.outcomes import (
    SHOT_CLASSES,
    Basis,
    ErrorClass,
    ExecutionMode,
    Outcome,
    Purpose,
    Waste,
)
from qgm_observe.catalog.questions import ANSWERS, CHARTS, MITIGATIONS
from qgm_observe.catalog.signal import Label
from qgm_observe.catalog.stages import STAGES

PROJECT = Label("project", "Whose work and budget it is.", bound=100)
PIPELINE = Label("pipeline", "The script, job or service that runs the work.", bound=100)
MODEL = Label("model", "The model's name.", bound=100)
MODEL_VERSION = Label("model_version", "The model's version.", bound=200)
KIND = Label("kind", "What the work is for.", tuple(Purpose))
PROVIDER = Label("provider", "Who runs the device.", bound=20)
DEVICE = Label("device", "The device's name.", bound=200)
REGION = Label("region", "The provider's region.", bound=50)
EXECUTION_MODE = Label("execution_mode", "How the provider is asked.", tuple(ExecutionMode))
SHOT_CLASS = Label("shot_class", "The decade of the shots asked for.", SHOT_CLASSES)

STAGE = Label("stage", "The part of the work.", tuple(STAGES))
OUTCOME = Label("outcome", "How it ended.", tuple(Outcome))
ERROR_CLASS = Label("error_class", "Why it failed.", tuple(ErrorClass))
BASIS = Label(
    "basis",
    "How the cost is known: before, by the settled usage at list price, by the invoice.",
    tuple(Basis),
)
WASTE = Label("reason", "Why it was spent for nothing.", tuple(Waste))
CURRENCY = Label("currency", "ISO 4217, or `unknown` where no price is known.", bound=20)
STATISTIC = Label("statistic", "What is estimated.", bound=100)
MODE = Label(
    "mode",
    "A part of the target by its rank, `01` the likeliest.",
    tuple(f"{rank:02}" for rank in range(1, 17)),
)
MITIGATION = Label("mitigation", "How errors were worked against.", MITIGATIONS)
CHART = Label("chart", "Which control chart.", CHARTS)
QUESTION = Label("question", "What is asked.", tuple(ANSWERS))
ANSWER = Label("answer", "What is answered.", tuple(dict.fromkeys(sum(ANSWERS.values(), ()))))
PART = Label("part", "The part of this package.", bound=50)
VERSION = Label("version", "The version of this package.", bound=20)

ACCOUNT = Label("account", "An alias of the provider's account, never its number.", bound=50)
COLLECTOR = Label("collector", "The part of a provider that is asked.", bound=20)
RESULT = Label("result", "What came of a call.", ("ok", *ErrorClass))
CIRCUIT_STATE = Label(
    "circuit_state", "State of a circuit breaker.", ("closed", "open", "half_open")
)
DEVICE_STATE = Label(
    "device_state", "State of a device.", ("online", "paused", "offline", "retired", "unknown")
)
JOB_STATE = Label("job_state", "State of a provider's job.", ("queued", "running", "unknown"))
WAIT = Label("percentile", "Of the distribution of waits.", ("average", "p50", "p95"))
CONDITION = Label("condition", "How far it can be used.", ("all", "disabled", "suspect", "missing"))
FIGURE = Label("figure", "Which figure of the provider's.", bound=10)
PARAMETER = Label("parameter", "What was calibrated.", bound=40)
AGGREGATE = Label(
    "aggregate",
    "Over qubits or gates; 90 % are no worse than the p90; the layout is the worst of the qubits "
    "that are watched, or of all; the whole is the provider's own figure.",
    ("median", "p90", "worst", "layout", "whole"),
)
QUBIT = Label("qubit", "The qubit's number.", bound=2_000)
EDGE = Label("edge", "Two qubits, the lower first: `a-b`.", bound=5_000)
GATE = Label("gate", "The gate's name.", bound=40)
ORIGIN = Label("origin", "Whose job it is, told by its tag.", ("ours", "other"))
PRICED = Label("priced", "What the price is for.", ("task", "shot", "second", "minimum"))
JOURNAL = Label("journal", "A journal, by its name in the configuration.", bound=100)
RECEIPT = Label("receipt", "What came of an event.", ("stored", "duplicate", "refused"))

OPERATION = Label(
    "operation", "What a request is for.", ("submit", "read", "cancel", "session", "other")
)
STATUS_CLASS = Label(
    "status_class",
    "Class of an HTTP status; 429 (too many requests) apart, `none` where no answer came.",
    ("1xx", "2xx", "3xx", "4xx", "429", "5xx", "none"),
)
PHASE = Label("phase", "Part of the connecting.", ("tcp", "tls"))

WORK = (PROJECT, PIPELINE, MODEL, MODEL_VERSION, KIND)
"""What every run, step and job carries."""

JOB = (*WORK, PROVIDER, DEVICE, REGION, EXECUTION_MODE, SHOT_CLASS)
"""What every job carries."""

CLIENT = (PROVIDER, REGION)
"""What every signal of a provider's client carries."""

ACCOUNTING = (PROVIDER, ACCOUNT)
"""What every signal of a provider's account carries."""

DEVICES = (PROVIDER, DEVICE)
"""What every signal of a device carries."""
