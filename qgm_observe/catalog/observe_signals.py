"""The signals of this package itself: what it lost, held back, delivered, and the room it takes."""

from qgm_observe.catalog import labels as by
from qgm_observe.catalog.signal import Kind, Signal

COUNTER, GAUGE = Kind.COUNTER, Kind.GAUGE

INFO = Signal(
    "qgm.observe.build", Kind.INFO, "1", "The running version of this package.", (by.VERSION,)
)
ERRORS = Signal(
    "qgm.observe.errors",
    COUNTER,
    "{error}",
    "Errors inside this package that were kept away from the training.",
    (by.PART,),
)
DROPPED = Signal(
    "qgm.observe.events.dropped", COUNTER, "{event}", "Events lost because the ring was full."
)
UNWRITTEN = Signal(
    "qgm.observe.events.unwritten", COUNTER, "{event}", "Events the journal could not take."
)
GAPS = Signal(
    "qgm.observe.intent.gaps",
    COUNTER,
    "{gap}",
    "Submissions that went ahead before their intent was on disk.",
)
HOOKS_MISSING = Signal(
    "qgm.observe.hooks.missing",
    COUNTER,
    "{method}",
    "Methods that an instrumented library lacks in its present version, so that they go unseen.",
)
SPANS = Signal(
    "qgm.observe.spans.delivered", COUNTER, "{span}", "Spans that an OTLP endpoint has taken."
)
SPANS_SKIPPED = Signal(
    "qgm.observe.spans.skipped",
    COUNTER,
    "{span}",
    "Spans that were not delivered: too old, refused, or beyond what may wait.",
)
FOLDED = Signal(
    "qgm.observe.label_sets.folded",
    COUNTER,
    "{label_set}",
    "Label values that were folded into `other` by the cardinality guard.",
)
SKEW = Signal(
    "qgm.observe.clock.skew",
    GAUGE,
    "s",
    "Provider clock minus local clock, as last seen.",
    (by.PROVIDER,),
)
JOURNAL_SIZE = Signal("qgm.observe.journal.size", GAUGE, "By", "Size of the journal on disk.")
DISK_FREE = Signal("qgm.observe.journal.disk.free", GAUGE, "By", "Free space where the journal is.")
