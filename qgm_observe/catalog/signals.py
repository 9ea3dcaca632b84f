"""The signals of the work, and every signal by name.

Each is declared once; rules, panels, exporters and documentation refer to these objects.
"""

from qgm_observe.catalog import labels as by
from qgm_observe.catalog import observe_signals, provider_signals
from qgm_observe.catalog.buckets import DURATION
from qgm_observe.catalog.signal import Kind, Signal, Stability

COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
STABLE = Stability.STABLE

RUNS = Signal("qgm.runs", COUNTER, "{run}", "Runs ended.", (*by.WORK, by.OUTCOME), stability=STABLE)
ROOTS = Signal(
    "qgm.roots",
    COUNTER,
    "{root}",
    "Work ended that was asked for by itself: runs inside no run, and jobs outside any run.",
    (*by.WORK, by.OUTCOME),
)
RUN_DURATION = Signal(
    "qgm.run.duration", HISTOGRAM, "s", "Duration of runs.", by.WORK, DURATION, STABLE
)
RUN_RESTART_DURATION = Signal(
    "qgm.run.restart.duration",
    HISTOGRAM,
    "s",
    "From the start of a resumed run to its first completed step.",
    by.WORK,
    DURATION,
)
RUNS_IN_FLIGHT = Signal("qgm.runs.in_flight", GAUGE, "{run}", "Runs open now.", by.WORK)
RUNS_STALLED = Signal(
    "qgm.runs.stalled",
    GAUGE,
    "{run}",
    "Open runs whose last completed step is older than five times their median step.",
    by.WORK,
)
RUN_CPU_TIME = Signal(
    "qgm.run.cpu.time",
    COUNTER,
    "s",
    "Processor time, user and system, of the processes of ended runs.",
    by.WORK,
)
RUN_CHILDREN_CPU_TIME = Signal(
    "qgm.run.children.cpu.time",
    COUNTER,
    "s",
    "Processor time of the child processes that ended runs waited for.",
    by.WORK,
)
RUN_READ = Signal("qgm.run.io.read", COUNTER, "By", "What ended runs had storage read.", by.WORK)
RUN_WRITTEN = Signal(
    "qgm.run.io.written", COUNTER, "By", "What ended runs had storage written.", by.WORK
)
RUN_READS = Signal(
    "qgm.run.io.reads",
    COUNTER,
    "{operation}",
    "Read calls of ended runs: of files, also where the page cache answers, pipes and sockets.",
    by.WORK,
)
RUN_WRITES = Signal(
    "qgm.run.io.writes",
    COUNTER,
    "{operation}",
    "Write calls of ended runs, to files, pipes and sockets.",
    by.WORK,
)
RUN_MEMORY_PEAK = Signal(
    "qgm.run.memory.peak",
    GAUGE,
    "By",
    "Most resident memory of the process in the run that was last seen.",
    by.WORK,
)
RUN_GPU_UTILIZATION = Signal(
    "qgm.run.gpu.utilization",
    GAUGE,
    "1",
    "Mean share of the time that the GPUs were at work in the run that was last seen.",
    by.WORK,
)
RUN_GPU_MEMORY_PEAK = Signal(
    "qgm.run.gpu.memory.peak",
    GAUGE,
    "By",
    "Most GPU memory allocated, by whatever process, in the run that was last seen.",
    by.WORK,
)
STEPS = Signal(
    "qgm.steps", COUNTER, "{step}", "Steps ended.", (*by.WORK, by.OUTCOME), stability=STABLE
)
STEP_DURATION = Signal(
    "qgm.step.duration", HISTOGRAM, "s", "Duration of steps.", by.WORK, DURATION, STABLE
)
STEP_LOSS = Signal("qgm.step.loss", GAUGE, "1", "Loss of the last completed step.", by.WORK)

JOBS = Signal("qgm.jobs", COUNTER, "{job}", "Jobs ended.", (*by.JOB, by.OUTCOME), stability=STABLE)
JOB_DURATION = Signal(
    "qgm.job.duration", HISTOGRAM, "s", "Duration of jobs.", by.JOB, DURATION, STABLE
)
JOB_STAGE_DURATION = Signal(
    "qgm.job.stage.duration",
    HISTOGRAM,
    "s",
    "Duration of one stage of the work; stages of steps and runs carry no device.",
    (*by.JOB, by.STAGE),
    DURATION,
    STABLE,
)
JOB_ERRORS = Signal(
    "qgm.job.errors",
    COUNTER,
    "{error}",
    "Jobs that failed, by the stage and the class of the error.",
    (*by.JOB, by.STAGE, by.ERROR_CLASS),
    stability=STABLE,
)
JOB_ATTEMPTS = Signal(
    "qgm.job.attempts",
    COUNTER,
    "{attempt}",
    "Attempts ended; a retry is a further attempt.",
    (*by.JOB, by.OUTCOME),
    stability=STABLE,
)
JOB_SHOTS = Signal(
    "qgm.job.shots", COUNTER, "{shot}", "Shots of successful jobs.", by.JOB, stability=STABLE
)
JOB_CIRCUITS = Signal(
    "qgm.job.circuits", COUNTER, "{circuit}", "Circuits of successful jobs.", by.JOB
)
JOBS_IN_FLIGHT = Signal("qgm.jobs.in_flight", GAUGE, "{job}", "Jobs open now.", by.JOB)
JOB_OLDEST_WAITING = Signal(
    "qgm.job.oldest_waiting.age",
    GAUGE,
    "s",
    "Age of the oldest job that is submitted and has not begun to execute.",
    by.JOB,
)
DEVICE_TIME_NEEDED = Signal(
    "qgm.device_time.needed",
    GAUGE,
    "s",
    "Device time that open jobs and planned steps need at least; no sample where none is known.",
    (*by.WORK, *by.DEVICES),
)
LAYOUT_CALIBRATION_TIME = Signal(
    "qgm.layout.calibration.timestamp", GAUGE, "s",
    "When the oldest of this parameter was measured among the qubits and gates that open remote "
    "jobs use, or did within an hour, epoch seconds.",
    (*by.DEVICES, by.REGION, by.PARAMETER),
)  # fmt: skip
LAYOUT_EDGES_DISABLED = Signal(
    "qgm.layout.edges.disabled", GAUGE, "{edge}",
    "Pairs that open remote jobs use, or did within an hour, although their gate is disabled.",
    (*by.DEVICES, by.REGION),
)  # fmt: skip
SESSIONS = Signal(
    "qgm.sessions", COUNTER, "{session}", "Provider sessions ended.", (*by.JOB, by.OUTCOME)
)
SESSION_USAGE = Signal(
    "qgm.session.usage", COUNTER, "s", "Device time that ended sessions used.", by.JOB
)

COST = Signal(
    "qgm.cost",
    COUNTER,
    "USD",
    "Cost of quantum work; of a session its whole usage, idle time included. "
    "Other currencies are in `qgm.cost.foreign`.",
    (*by.JOB, by.BASIS),
)
COST_BILLS = Signal(
    "qgm.cost.bills",
    COUNTER,
    "{bill}",
    "Amounts that `qgm.cost` is the sum of: estimates, settled bills, invoice lines.",
    (*by.JOB, by.BASIS),
)
COST_DEVICE_TIME = Signal(
    "qgm.cost.device_time",
    COUNTER,
    "s",
    "Device time that the cost is for; of a session its whole usage.",
    (*by.JOB, by.BASIS),
)
COST_WASTED = Signal(
    "qgm.cost.wasted",
    COUNTER,
    "USD",
    "Part of the billed cost that brought nothing, by the reason.",
    (*by.JOB, by.WASTE),
)
COST_PREVENTED = Signal(
    "qgm.cost.prevented",
    COUNTER,
    "USD",
    "Estimated cost of submissions that a guard did not let through.",
    by.JOB,
)
COST_FOREIGN = Signal(
    "qgm.cost.foreign",
    COUNTER,
    "{bill}",
    "Settled bills and invoice lines that are not in `qgm.cost`, by their currency.",
    (*by.JOB, by.CURRENCY),
)
THROTTLED = Signal(
    "qgm.job.throttle",
    COUNTER,
    "s",
    "Time that our own limiter held submissions back; no part of queue or submit.",
    by.JOB,
)

CLIENT_REQUESTS = Signal(
    "qgm.client.requests",
    COUNTER,
    "{request}",
    "HTTP requests of this process's provider clients, each attempt of a repeated one included.",
    (*by.CLIENT, by.OPERATION, by.STATUS_CLASS),
)
CLIENT_REQUEST_DURATION = Signal(
    "qgm.client.request.duration",
    HISTOGRAM,
    "s",
    "From a request of a provider's client to its answer, with all its attempts.",
    (*by.CLIENT, by.OPERATION),
    DURATION,
)
CLIENT_RETRIES = Signal(
    "qgm.client.retries",
    COUNTER,
    "{retry}",
    "HTTP requests that a provider's client repeated by itself.",
    (*by.CLIENT, by.OPERATION),
)
CLIENT_CONNECT_DURATION = Signal(
    "qgm.client.connect.duration",
    HISTOGRAM,
    "s",
    "What a provider's client took to connect: `tcp` with name resolution, `tls` after it.",
    (*by.CLIENT, by.PHASE),
    DURATION,
)

QUALITY_SCORED = Signal(
    "qgm.quality.shots.scored",
    COUNTER,
    "{shot}",
    "Shots whose validity was judged, without mitigation.",
    by.JOB,
)
QUALITY_VALID = Signal(
    "qgm.quality.shots.valid",
    COUNTER,
    "{shot}",
    "Shots that were valid samples, of those that were judged.",
    by.JOB,
)
_STATISTIC = (*by.JOB, by.STATISTIC, by.MITIGATION)
QUALITY_VALUE = Signal(
    "qgm.quality.value", GAUGE, "1", "Newest value of a statistic, where it can be had.", _STATISTIC
)
QUALITY_TIME = Signal(
    "qgm.quality.timestamp", GAUGE, "s", "When it was estimated, epoch seconds.", _STATISTIC
)
QUALITY_LOW = Signal(
    "qgm.quality.low", GAUGE, "1", "Lower end of its confidence interval.", _STATISTIC
)
QUALITY_HIGH = Signal(
    "qgm.quality.high", GAUGE, "1", "Upper end of its confidence interval.", _STATISTIC
)
QUALITY_FLOOR = Signal(
    "qgm.quality.floor",
    GAUGE,
    "1",
    "What a perfect sampler would show on average at as many shots, on the scale of the value.",
    _STATISTIC,
)
_MODE = (*by.JOB, by.MITIGATION, by.MODE)
QUALITY_MODE_TARGET = Signal(
    "qgm.quality.mode.target",
    GAUGE,
    "1",
    "The target's share of a likely part of it.",
    _MODE,
)
QUALITY_MODE_SAMPLES = Signal(
    "qgm.quality.mode.samples", GAUGE, "1", "Share of the newest samples in that part.", _MODE
)
QUALITY_BASELINE = Signal(
    "qgm.quality.baseline",
    GAUGE,
    "1",
    "Level of a statistic in the healthy time that it is judged against.",
    _STATISTIC,
)
QUALITY_DRIFT_LEVEL = Signal(
    "qgm.quality.drift.level",
    GAUGE,
    "1",
    "Where a control chart of a statistic stands, in deviations of its baseline; worse is higher.",
    (*_STATISTIC, by.CHART),
)
QUALITY_DRIFT_LIMIT = Signal(
    "qgm.quality.drift.limit",
    GAUGE,
    "1",
    "Level at which the chart raises an alarm, by the stated rate of false ones.",
    (*_STATISTIC, by.CHART),
)
QUALITY_VERDICT = Signal(
    "qgm.quality.verdict",
    GAUGE,
    "1",
    "1 at the newest answer to a question on training, samples, inputs or device.",
    (*by.JOB, by.QUESTION, by.ANSWER),
)

COMPILE_LOOKUPS = Signal(
    "qgm.compile.cache.lookups",
    COUNTER,
    "{lookup}",
    "Circuits that were looked for among those compiled before.",
    by.DEVICES,
)
COMPILE_HITS = Signal(
    "qgm.compile.cache.hits",
    COUNTER,
    "{lookup}",
    "Circuits that were found there, for the same calibration and compiler.",
    by.DEVICES,
)

SIGNALS: dict[str, Signal] = {
    value.name: value
    for value in (
        *globals().values(),
        *vars(observe_signals).values(),
        *vars(provider_signals).values(),
    )
    if isinstance(value, Signal)
}
"""Every signal by name, in the order of declaration."""
