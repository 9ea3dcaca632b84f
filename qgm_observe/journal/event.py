"""What happened, appended once.

An event has a verb and a noun. These are written:

| verb | noun | body |
|---|---|---|
| opened | run, step, job, session | labels, `start`, plus what is known at the start |
| intent | attempt | `job`, `number`, device labels; committed before the submit |
| submitted | attempt | `job`, `number`, `provider_job_id` |
| finished | run, step, job, session | the whole record; see below |
| reconciled | run, step, job, session | a later truth about a finished subject; never counted |
| estimated | attempt, session | labels, `job`, `number`, `device_seconds`, `cost`, `currency` |
| guarded | attempt | the same, and `reason`: it was not submitted, or was cancelled; see below |
| billed | attempt | labels, `job`, `number`, `provider_job_id`, and its bill; see below |
| billed | session | labels, `provider_session_id`, `idle_seconds`, and its bill |
| invoiced | line | labels where its work is known, `invoice`, `cost`, `currency`; see below |
| tallied | process | `totals`: measurements of jobs whose detail was not kept |
| reading | device, account | a `Reading` |
| estimate | run, step, job, model | labels, `Estimate`; known `circuit`, `mitigation`, `modes` |
| judged | run, step, job | labels, a `Verdict`; `circuit`, `mitigation`, `encoding` where known |
| baseline | model | labels, `name`, `baseline`, and what else its keeper needs; see below |
| drift | model | the same, after further points |
| noted | process | what no record tells: `{signal: [[labels, increment or observation]]}` |

The body of a finished subject is a JSON object: the label names of the catalog (`project` ...
`shot_class`), `start` (epoch s), `duration` (s), `outcome`, and where they exist `error`
(`{"class", "type", "stage"}`), `stages` (`[[stage, start offset s, duration s, clock], ...]`),
`attributes`, `blobs` (`{kind: [content hash, ...]}`). A run or job that did not succeed may have
`log`: redacted log lines since it began (see `qgm_observe.lifecycle.logs`). A run adds `steps`,
`resumed_from`, `restart_seconds`, `resources`, `process` (as the subject of what was tallied); a
step `index`, `loss`; a job `step`, `session`, `shots`, `circuits` and `attempts` (`[{"number",
"outcome", "provider_job_id", "error", "queue_seconds", "execute_seconds", "throttle_seconds"},
...]`, and once the provider settled it `device_seconds` (s), `cost` (decimal text) and `currency`);
a session `usage_seconds`. A missing key means unknown.

`resources` are what the process spent while the run was open: `cpu_seconds`, `children_cpu_seconds`
(children it waited for), `memory_peak_bytes` (the kernel's high-water mark where it rose meanwhile,
else the most that was seen, once a second), `read_bytes` and `written_bytes` (of storage), `reads`
and `writes` (calls, of anything), `disk_free_bytes` (where the journal is, at the end),
`gpu_utilization` (mean over devices and time, in [0, 1]) and `gpu_memory_peak_bytes` (of all
devices and processes).

`modes` come with the estimate `mode_deficit`: of each of the likeliest modes, the likeliest first,
the target's share and the samples'. Which outcomes they are is not told.

What guards say is known before a job ends: an intent has `ttl_seconds` (how long the job may live
from its submission) and `program` (hash of its circuits and values, by which a resumed run knows
it again), a job and a session have `ttl_seconds`. A `guarded` attempt was stopped before its
submission, or cancelled after it, by its process or by the reconciler; its money is what that would
have cost, and of a simulation it has the reason alone.

A bill is settled usage at a price: `device_seconds`, `cost` (decimal text; missing where no price
is known), `currency`, `price` (its source and date) and `wasted` (reason to decimal text). It is
written once. What an attempt in session mode used is a part of its session's bill, so it has a time
and no cost. An estimate of a job in a session holds the idle time since the job before, and that of
a session the idle time since its last job. An invoice line names `job` and `number`, or `session`,
where its work is known; bills and invoices tell of the same money in two ways.

The subject of a baseline is its series: statistic, mitigation, model, version, device and circuit;
the newest row of a subject holds. Its body has the labels of its history, `name` (of the
statistic), `circuit`, `frozen`, `every` (s between points, `null` for each evaluation), `until`
(epoch s up to which points were seen), `baseline` (see `qgm_observe.quality.baseline.Baseline`) and
`state` (see `qgm_observe.quality.drift.DriftState`, or `null`). Baselines are never pruned.

`provenance` on a finished job has what differs from job to job; the documents that it shares with
others are `blobs` of that kind (see `qgm_observe.lifecycle.provenance`).

`encoding` on a finished subject names how its data were encoded: name, version and fingerprint.

`versions` on a run, or on a job outside any run, are those of the quantum libraries its process had
loaded: `{"qiskit": "2.6.1", ...}`.

What was opened is open work of the process that appended it, and so is the job of an intent, until
it is finished or closed.

The id of a finished event is `<subject>/finished`, so whoever says it first is counted and nobody
is counted twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TERMINAL = "finished"
MONEY = ("estimated", "guarded", "billed", "invoiced")
"""Verbs that tell of money; each is counted, under a basis of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the journal.

    Attributes:
        verb: What happened.
        noun: To what kind of thing.
        subject: The thing's id.
        at: The event's own time, epoch seconds.
        run: The run it belongs to, or `None`; a stored run belongs to itself.
        body: JSON-compatible facts.
        id: Unique; the same id is never stored twice.
        recorded_at: When the journal took it, epoch seconds; 0 before that.
        seq: Its place in the journal; 0 before that.
    """

    verb: str
    noun: str
    subject: str
    at: float
    body: Mapping[str, Any]
    id: str
    run: str | None = None
    recorded_at: float = 0.0
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """Something still going on, kept fresh by the heartbeat of its process.

    Attributes:
        subject: Its id.
        noun: `run`, `step`, `job` or `session`.
        run: The run it belongs to, or `None`.
        opened_at: Epoch seconds.
        heartbeat: When its process last said so, epoch seconds.
        process: JSON list `[host, boot, pid, started]`.
        body: Labels and what is known: `stage` (now in), for a run `steps`, `last_step_at`,
            `median_step_seconds`, `planned_steps` where it told, `needed`
            (`[[provider, device, device time in s], ...]`: of what is planned and not submitted
            yet); for a job `waiting_since` while it is submitted and not executing,
            `needed_seconds` (device time foreseen) until its attempt ends, and of a remote one by
            the newest calibration known `calibrated_at` (`{parameter: epoch s}`, the oldest among
            the qubits and gates that its circuits use) and `disabled_edges` (how many of the pairs
            in use have lost their gate).
    """

    subject: str
    noun: str
    run: str | None
    opened_at: float
    heartbeat: float
    process: tuple[str, str, int, int]
    body: Mapping[str, Any]
