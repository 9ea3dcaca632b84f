"""The signals of the sidecars: what providers say of devices and accounts, and their own health.

An instant is exported as such, not as an age: `time() - x` stays right when an exporter hangs.
"""

from qgm_observe.catalog import labels as by
from qgm_observe.catalog.buckets import DURATION
from qgm_observe.catalog.signal import Kind, Signal

COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

PROVIDER_UP = Signal(
    "qgm.provider.up",
    GAUGE,
    "1",
    "Whether the newest call to the provider was answered: 1 or 0.",
    by.ACCOUNTING,
)
COLLECTOR_UP = Signal(
    "qgm.provider.collector.up",
    GAUGE,
    "1",
    "Whether the newest poll of this collector worked: 1 or 0.",
    (*by.ACCOUNTING, by.COLLECTOR),
)
LAST_SUCCESS = Signal(
    "qgm.provider.last_success.timestamp",
    GAUGE,
    "s",
    "When this collector last worked, epoch seconds.",
    (*by.ACCOUNTING, by.COLLECTOR),
)
PROVIDER_REQUESTS = Signal(
    "qgm.provider.requests",
    COUNTER,
    "{request}",
    "Calls to the provider by what came of them: `ok` or the class of the error.",
    (*by.ACCOUNTING, by.COLLECTOR, by.RESULT),
)
PROVIDER_REQUEST_DURATION = Signal(
    "qgm.provider.request.duration",
    HISTOGRAM,
    "s",
    "Duration of calls to the provider.",
    (*by.ACCOUNTING, by.COLLECTOR),
    DURATION,
)
PROVIDER_CIRCUIT = Signal(
    "qgm.provider.circuit.state",
    GAUGE,
    "1",
    "State of the circuit breaker that holds calls back: 1 for the present one.",
    (*by.ACCOUNTING, by.CIRCUIT_STATE),
)
PROVIDER_RETRY_AT = Signal(
    "qgm.provider.retry.timestamp",
    GAUGE,
    "s",
    "Until when calls are held back, epoch seconds; no sample when they are not.",
    by.ACCOUNTING,
)

DEVICE_STATE = Signal(
    "qgm.device.state",
    GAUGE,
    "1",
    "State of the device: 1 for the present one, 0 for the others.",
    (*by.DEVICES, by.DEVICE_STATE),
)
DEVICE_PROCESSING = Signal(
    "qgm.device.processing",
    GAUGE,
    "1",
    "Whether accepted work is also processed: 1 or 0.",
    by.DEVICES,
)
DEVICE_OBSERVED = Signal(
    "qgm.device.observed.timestamp",
    GAUGE,
    "s",
    "When the provider last told the device's state, epoch seconds.",
    by.DEVICES,
)
DEVICE_QUEUE = Signal(
    "qgm.device.queue.jobs", GAUGE, "{job}", "Jobs of all users in the device's queue.", by.DEVICES
)
DEVICE_QUEUE_CAPPED = Signal(
    "qgm.device.queue.capped",
    GAUGE,
    "1",
    "Whether the provider counts the queue no further than told: 1 or 0.",
    by.DEVICES,
)
DEVICE_WAIT = Signal(
    "qgm.device.queue.wait",
    GAUGE,
    "s",
    "Time that jobs wait on the device, as its provider tells.",
    (*by.DEVICES, by.WAIT),
)
DEVICE_AVAILABLE_AT = Signal(
    "qgm.device.available.timestamp",
    GAUGE,
    "s",
    "When the device is next available, epoch seconds, where its provider says so.",
    by.DEVICES,
)
DEVICE_QUBITS = Signal(
    "qgm.device.qubits", GAUGE, "{qubit}", "Qubits of the device by their condition.",
    (*by.DEVICES, by.CONDITION),
)  # fmt: skip
DEVICE_EDGES = Signal(
    "qgm.device.edges",
    GAUGE,
    "{edge}",
    "Pairs of qubits with this gate, by their condition; each pair counts once.",
    (*by.DEVICES, by.GATE, by.CONDITION),
)
DEVICE_CLOPS = Signal(
    "qgm.device.clops",
    GAUGE,
    "{layer}",
    "Circuit layer operations a second, as the provider tells.",
    by.DEVICES,
)
DEVICE_TWO_QUBIT_ERROR = Signal(
    "qgm.device.two_qubit.error",
    GAUGE,
    "1",
    "The provider's own figure for two-qubit gates of the whole device.",
    (*by.DEVICES, by.FIGURE),
)

CALIBRATION_TIME = Signal(
    "qgm.device.calibration.timestamp",
    GAUGE,
    "s",
    "When this parameter was measured, epoch seconds; the worst is the oldest.",
    (*by.DEVICES, by.PARAMETER, by.AGGREGATE),
)
CALIBRATION_CHANGES = Signal(
    "qgm.device.calibration.changes",
    COUNTER,
    "{calibration}",
    "Calibrations that differed from the one before.",
    by.DEVICES,
)
DEVICE_T1 = Signal(
    "qgm.device.t1", GAUGE, "s", "Relaxation time T1 over the qubits that can be trusted.",
    (*by.DEVICES, by.AGGREGATE),
)  # fmt: skip
DEVICE_T2 = Signal(
    "qgm.device.t2", GAUGE, "s", "Dephasing time T2 over the qubits that can be trusted.",
    (*by.DEVICES, by.AGGREGATE),
)  # fmt: skip
DEVICE_READOUT_ERROR = Signal(
    "qgm.device.readout.error",
    GAUGE,
    "1",
    "Readout assignment error over the qubits that can be trusted.",
    (*by.DEVICES, by.AGGREGATE),
)
DEVICE_GATE_ERROR = Signal(
    "qgm.device.gate.error",
    GAUGE,
    "1",
    "Error of a gate over the qubits or pairs where it is not disabled.",
    (*by.DEVICES, by.GATE, by.AGGREGATE),
)
DEVICE_GATE_DURATION = Signal(
    "qgm.device.gate.duration",
    GAUGE,
    "s",
    "Duration of a gate over the qubits or pairs where it is not disabled.",
    (*by.DEVICES, by.GATE, by.AGGREGATE),
)

_QUBIT = (*by.DEVICES, by.QUBIT)
QUBIT_T1 = Signal("qgm.qubit.t1", GAUGE, "s", "Relaxation time T1 of a qubit.", _QUBIT)
QUBIT_T2 = Signal("qgm.qubit.t2", GAUGE, "s", "Dephasing time T2 of a qubit.", _QUBIT)
QUBIT_READOUT_ERROR = Signal(
    "qgm.qubit.readout.error", GAUGE, "1", "Readout assignment error of a qubit.", _QUBIT
)
QUBIT_MEAS0_PREP1 = Signal(
    "qgm.qubit.prob_meas0_prep1", GAUGE, "1", "Probability of reading 0 after preparing 1.", _QUBIT
)
QUBIT_MEAS1_PREP0 = Signal(
    "qgm.qubit.prob_meas1_prep0", GAUGE, "1", "Probability of reading 1 after preparing 0.", _QUBIT
)
QUBIT_GATE_ERROR = Signal(
    "qgm.qubit.gate.error",
    GAUGE,
    "1",
    "Error of a one-qubit gate; no sample where it is disabled.",
    (*_QUBIT, by.GATE),
)
QUBIT_ENABLED = Signal(
    "qgm.qubit.enabled", GAUGE, "1", "Whether a qubit can be used: 1 or 0.", _QUBIT
)
EDGE_ERROR = Signal(
    "qgm.edge.error",
    GAUGE,
    "1",
    "Error of a two-qubit gate on a pair; no sample where it is disabled.",
    (*by.DEVICES, by.EDGE, by.GATE),
)
EDGE_ENABLED = Signal(
    "qgm.edge.enabled",
    GAUGE,
    "1",
    "Whether a two-qubit gate on a pair can be used: 1 or 0.",
    (*by.DEVICES, by.EDGE, by.GATE),
)

ACCOUNT_USED = Signal(
    "qgm.account.used", GAUGE, "s", "Device time used in the present period.", by.ACCOUNTING
)
ACCOUNT_LIMIT = Signal(
    "qgm.account.limit", GAUGE, "s", "Device time allowed in the present period.", by.ACCOUNTING
)
ACCOUNT_REMAINING = Signal(
    "qgm.account.remaining", GAUGE, "s", "Device time left in the present period.", by.ACCOUNTING
)
ACCOUNT_LIMIT_REACHED = Signal(
    "qgm.account.limit_reached",
    GAUGE,
    "1",
    "Whether the provider starts no more work for lack of quota: 1 or 0.",
    by.ACCOUNTING,
)
ACCOUNT_PERIOD_START = Signal(
    "qgm.account.period.start.timestamp",
    GAUGE,
    "s",
    "When the present period began, epoch seconds; use before it counts no more.",
    by.ACCOUNTING,
)
ACCOUNT_PERIOD_END = Signal(
    "qgm.account.period.end.timestamp",
    GAUGE,
    "s",
    "When the present period ends, epoch seconds; one that rolls on ends when it is told.",
    by.ACCOUNTING,
)
ACCOUNT_PENDING = Signal(
    "qgm.account.jobs.pending",
    GAUGE,
    "{job}",
    "The newest 200 jobs of the account that wait or run at the provider, ours by their tag.",
    (*by.ACCOUNTING, by.DEVICE, by.JOB_STATE, by.ORIGIN),
)
ACCOUNT_OLDEST_PENDING = Signal(
    "qgm.account.oldest_pending.timestamp",
    GAUGE,
    "s",
    "When the oldest job that waits or runs was created, epoch seconds.",
    (*by.ACCOUNTING, by.DEVICE, by.ORIGIN),
)
ACCOUNT_ABANDONED = Signal(
    "qgm.account.jobs.abandoned",
    GAUGE,
    "{job}",
    "Our jobs that wait or run at the provider although the run they belong to has ended.",
    (*by.ACCOUNTING, by.DEVICE),
)
PRICE = Signal(
    "qgm.price",
    GAUGE,
    "USD",
    "List price of a unit of work, from the dated price file.",
    (*by.DEVICES, by.PRICED),
)
COST_UNTAGGED = Signal(
    "qgm.account.untagged",
    COUNTER,
    "USD",
    "Invoice lines that belong to no recorded work.",
    by.DEVICES,
)
CREDENTIALS_EXPIRE = Signal(
    "qgm.account.expiry.timestamp",
    GAUGE,
    "s",
    "When the account's credentials expire, epoch seconds, where that is known.",
    by.ACCOUNTING,
)

EXPORTER_SERIES = Signal(
    "qgm.exporter.series", GAUGE, "{series}", "Series on the page of this exporter."
)
EXPORTER_DROPPED = Signal(
    "qgm.exporter.series.dropped",
    COUNTER,
    "{series}",
    "Series left out because a cap was reached, counted anew at every poll.",
    (by.COLLECTOR,),
)
EXPORTER_RELOADS = Signal(
    "qgm.exporter.reloads",
    COUNTER,
    "{reload}",
    "Reloads of the configuration by whether it could be used.",
    (by.OUTCOME,),
)
EXPORTER_LAG = Signal(
    "qgm.exporter.journal.lag",
    GAUGE,
    "s",
    "Age of the newest event when it was folded.",
    (by.JOURNAL,),
)
EXPORTER_FOLLOWED = Signal(
    "qgm.exporter.journal.up",
    GAUGE,
    "1",
    "Whether the journal could be read the last time: 1 or 0.",
    (by.JOURNAL,),
)
EXPORTER_RECEIVED = Signal(
    "qgm.exporter.events.received",
    COUNTER,
    "{event}",
    "Events that other processes shipped, by what came of them.",
    (by.RECEIPT,),
)
RECONCILED = Signal(
    "qgm.exporter.jobs.reconciled",
    COUNTER,
    "{job}",
    "Remote jobs whose later truth was found at the provider, by what it was.",
    (by.PROVIDER, by.OUTCOME),
)
RECONCILE_PENDING = Signal(
    "qgm.exporter.jobs.unreconciled",
    GAUGE,
    "{job}",
    "Remote jobs whose end or bill the provider has not told yet.",
    (by.PROVIDER,),
)
