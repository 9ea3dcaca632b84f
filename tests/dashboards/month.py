"""A month of a service, as events of a journal: what its users trained and asked for.

Ten training runs a day on one device, inference on another and on a simulator. Two of a hundred
fail. Until `HEALTHY` all is well. The last three hours are an outage: the devices are away, what is
submitted fails or waits, and the samples that still come are bad.
"""

import random
from collections.abc import Iterator
from typing import Any

from qgm_observe.catalog import ErrorClass, observe_signals, provider_signals, signals
from qgm_observe.journal.event import Event, OpenWork

HOUR, DAY = 3600.0, 86400.0
END = 1_735_689_600.0
"""2025-01-01 00:00 UTC: a whole hour, so that what is asked at whole steps meets samples."""

START = END - 31 * DAY
HEALTHY = END - 3 * HOUR
"""The last instant of the healthy data set; that of the outage is `END`."""

TROUBLE = HEALTHY + 60
TRAINING = {
    "project": "chem",
    "pipeline": "train-qcbm",
    "model": "qcbm",
    "model_version": "3",
    "kind": "training",
}
INFERENCE = TRAINING | {"pipeline": "sample-api", "kind": "inference"}
ON_FEZ = TRAINING | {
    "provider": "ibm",
    "device": "ibm_fez",
    "region": "us-east",
    "execution_mode": "session",
    "shot_class": "1k",
}
ON_MARRAKESH = INFERENCE | {
    "provider": "ibm",
    "device": "ibm_marrakesh",
    "region": "us-east",
    "execution_mode": "job",
    "shot_class": "1k",
}
ON_AER = INFERENCE | {
    "provider": "local",
    "device": "aer_simulator",
    "region": "local",
    "execution_mode": "local",
    "shot_class": "1k",
}
USUAL, RUNAWAY, REQUEST = 1.8, 12.0, 0.2
"""USD of a training run in good days, of one in the outage, of a remote request."""

STEPS = 12
SHOTS = 4096
GOOD = {  # statistic: value in the good month, in trouble, half of the interval
    "valid_shot_ratio": (0.93, 0.55, 0.01),
    "linear_xeb": (0.82, 0.21, 0.03),
    "linear_xeb_residual": (0.0, -0.4, 0.03),
    "hellinger_fidelity": (0.95, 0.52, 0.01),
    "total_variation": (0.07, 0.44, 0.01),
    "jensen_shannon": (0.02, 0.3, 0.01),
    "kullback_leibler": (0.03, 0.9, 0.01),
    "mmd_squared": (0.002, 0.09, 0.001),
    "entropy": (3.6, 1.4, 0.05),
    "effective_modes": (11.0, 2.6, 0.3),
    "good_turing_coverage": (0.999, 0.97, 0.001),
    "mode_deficit": (0.02, 0.7, 0.02),
    "shots_per_usable_sample": (1.08, 1.82, 0.02),
    "gradient_snr": (4.0, 0.4, 0.5),
    "gradient_norm2_debiased": (0.05, 0.0004, 0.004),
    "loss_descent": (0.01, -0.02, 0.003),
    "loss": (0.1, 1.0, 0.02),
    "loss_slope": (-0.01, 0.02, 0.003),
    "input_drift_p": (0.6, 0.0001, 0.0),
    "parameter_move_share": (0.1, 0.9, 0.02),
    "expected_success": (0.8, 0.35, 0.02),
}
MODES = (  # the target's and the samples' shares, in the good month and in trouble
    [[0.25, 0.24], [0.25, 0.26], [0.2, 0.19], [0.2, 0.21]],
    [[0.25, 0.61], [0.25, 0.22], [0.2, 0.08], [0.2, 0.01]],
)
ANSWERS = {  # question: in the good month, in trouble
    "training": ("improving", "diverging"),
    "collapse": ("whole", "collapsed"),
    "cause": ("none", "device"),
    "mitigation": ("helpful", "harmful"),
    "inputs": ("steady", "drifted"),
    "parameters": ("steady", "moved"),
    "encoding": ("matching", "mismatched"),
}
_CHARTED = ("linear_xeb", "linear_xeb_residual", "effective_modes", "valid_shot_ratio")


_CLIENT = tuple(
    signal.name
    for signal in (
        signals.CLIENT_REQUESTS,
        signals.CLIENT_RETRIES,
        signals.CLIENT_REQUEST_DURATION,
        signals.CLIENT_CONNECT_DURATION,
        signals.COMPILE_LOOKUPS,
        signals.COMPILE_HITS,
        provider_signals.RECONCILED,
    )
)


class Month:
    """The events of a month in order of their time."""

    def __init__(self) -> None:
        self._chance = random.Random()
        self._number = 0

    def events(self) -> list[Event]:
        """Everything that happened."""
        made: list[Event] = []
        for at in _every(START, END, 2.4 * HOUR):
            made += self._training(at, in_trouble=False) if at + 1.1 * HOUR < TROUBLE else ()
        for at in _every(START + 100, END, DAY / 50):
            made += self._request(at, ON_AER, 2.0)
        for at in _every(START + 200, END, DAY / 30):
            made += self._request(at, ON_MARRAKESH, 40.0)
        for at in _every(TROUBLE + 120, END, 180.0):
            made += self._training(at, in_trouble=True)
            made += self._request(at + 20, ON_MARRAKESH, 40.0)
            made += self._request(at + 40, ON_AER, 2.0)
        for at in _every(START + 300, END, HOUR / 2):
            made.append(self._asked(at, in_trouble=at >= TROUBLE))
        for at in _every(START + 400, END, DAY):
            made += self._unassigned(at)
        lost = {
            observe_signals.ERRORS.name: [[["writer"], 4]],
            observe_signals.DROPPED.name: [[[], 9]],
        }
        made.append(self._event("noted", "process", TROUBLE + HOUR, lost, None))
        return sorted(made, key=lambda event: event.at)

    def open_work(self, now: float) -> list[OpenWork]:
        """What is going on: one run with a job that waits; in trouble since the trouble began."""
        since = TROUBLE if now >= TROUBLE else now - 90
        run = TRAINING | {"last_step_at": since, "median_step_seconds": 60.0, "start": since - HOUR}
        job = ON_FEZ | {"waiting_since": since, "stage": "queue", "needed_seconds": 60.0}
        oldest = now - (200 if now >= TROUBLE else 3) * HOUR
        job |= {"calibrated_at": {"t1": oldest, "cz_error": oldest + HOUR}}
        job |= {"disabled_edges": int(now >= TROUBLE)}
        return [_open("run", run, now), _open("job", job, now)]

    def _asked(self, at: float, *, in_trouble: bool) -> Event:
        """What scripts' clients asked their provider for in half an hour."""
        body: dict[str, Any] = {name: [] for name in _CLIENT}
        requests, retries, seconds, connected, looked, found, reconciled = body.values()
        for operation, asked in (("submit", 4), ("read", 40)):
            key = [*("ibm", "us-east"), operation]
            again = asked // 2 if in_trouble else 0
            requests += [[[*key, "2xx"], asked], [[*key, "5xx"], again]]
            retries.append([key, again])
            seconds += [[key, 4.0 if in_trouble else 0.3] for _ in range(asked)]
        for phase, lasts in (("tcp", 0.02), ("tls", 0.05)):
            connected.append([["ibm", "us-east", phase], lasts])
        looked.append([["ibm", "ibm_fez"], 12])
        found.append([["ibm", "ibm_fez"], 0 if in_trouble else 11])
        reconciled.append([["ibm", "success"], 1])
        return self._event("noted", "process", at, body, None)

    def _unassigned(self, at: float) -> Iterator[Event]:
        """An invoice line of nobody's work, a bill in another currency, and one without a price."""
        line = {"provider": "ibm", "device": "ibm_fez", "cost": "2.40", "currency": "USD"}
        yield self._event("invoiced", "line", at, line, None)
        for told in ({"cost": "1.10", "currency": "EUR"}, {}):
            yield self._event("billed", "attempt", at, ON_MARRAKESH | told, None)

    def _training(self, start: float, *, in_trouble: bool) -> Iterator[Event]:
        self._begin(start, TRAINING)
        run = self._id()
        fails = in_trouble or self._chance.random() < 0.02
        steps = 1 if in_trouble else STEPS
        at = start
        for index in range(steps):
            failing = fails and index == steps - 1
            length = 30.0 if in_trouble else self._chance.uniform(200, 300)
            at += length
            error = self._error("submit", in_trouble=in_trouble) if failing else None
            yield self._job(at, length, ON_FEZ, error, run)
            loss = 0.9 + 0.01 * index if in_trouble else 0.9 * 0.8**index
            body = TRAINING | {"duration": length, "index": index, "loss": loss}
            body |= {"outcome": "failure" if failing else "success", "stages": self._of_step()}
            yield self._event("finished", "step", at, body, run)
        yield from self._told(at, ON_FEZ, run, in_trouble=in_trouble)
        yield from self._baselines(at, ON_FEZ, in_trouble=in_trouble)
        body = TRAINING | {"start": start, "duration": at - start, "steps": steps}
        body["restart_seconds"] = 40.0
        body |= {
            "outcome": "failure" if fails else "success",
            "stages": [["prepare", 0, 3, "local"]],
        }
        body["resources"] = {
            "cpu_seconds": 0.6 * (at - start),
            "children_cpu_seconds": 0.1 * (at - start),
            "reads": 400,
            "writes": 900,
            "memory_peak_bytes": 9e8,
            "read_bytes": 2e6,
            "written_bytes": 5e6,
            "gpu_utilization": 0.4,
            "gpu_memory_peak_bytes": 2e9,
        }
        yield Event(
            verb="finished",
            noun="run",
            subject=run,
            at=at,
            run=run,
            body=body,
            id=f"{run}/finished",
        )
        yield from self._paid(at, ON_FEZ, RUNAWAY if in_trouble else USUAL, run, failed=fails)
        if at % DAY < 2.4 * HOUR:
            guarded = ON_FEZ | {"cost": "0.9", "currency": "USD"}
            yield self._event("guarded", "attempt", at, guarded, run)
            stopped = ON_FEZ | {"outcome": "guarded", "duration": 0.1}
            yield self._event("finished", "job", at, stopped, run)
        usage = ON_FEZ | {"outcome": "success", "shot_class": "none", "usage_seconds": 20.0 * steps}
        yield self._event("finished", "session", at, usage, run)

    def _request(self, start: float, labels: dict[str, Any], length: float) -> Iterator[Event]:
        """A job outside any run."""
        self._begin(start, labels)
        in_trouble = start >= TROUBLE
        fails = self._chance.random() < 0.02
        if in_trouble:
            fails = labels is ON_MARRAKESH or int(start / 60) % 2 == 0
            length *= 6
        length *= self._chance.uniform(0.6, 1.6)
        stage = "compile" if labels is ON_AER else "queue"
        error = self._error(stage, in_trouble=in_trouble) if fails else None
        yield self._job(start + length, length, labels, error, None)
        if labels is ON_MARRAKESH:
            yield from self._paid(start + length, labels, REQUEST, None, failed=fails)
        if not fails:
            yield from self._told(start + length, labels, None, in_trouble=in_trouble)
            yield from self._baselines(start + length, labels, in_trouble=in_trouble)

    def _paid(
        self, at: float, labels: dict[str, Any], usd: float, run: str | None, *, failed: bool
    ) -> Iterator[Event]:
        """An estimate a tenth too high, and the bill; of work that failed all of it is wasted."""
        noun = "session" if run else "attempt"
        told = labels | {"cost": f"{1.1 * usd:.3f}", "currency": "USD"}
        yield self._event("estimated", noun, at, told, run)
        wasted = {"failed": f"{usd:.3f}"} if failed else {"idle": f"{0.1 * usd:.3f}"} if run else {}
        bill = told | {"cost": f"{usd:.3f}", "device_seconds": 10 * usd, "wasted": wasted}
        yield self._event("billed", noun, at, bill, run)

    def _job(
        self,
        at: float,
        length: float,
        labels: dict[str, Any],
        error: dict[str, str] | None,
        run: str | None,
    ) -> Event:
        stages, begun = [], 0.0
        in_trouble = at >= TROUBLE
        shares = {"compile": 0.05, "submit": 0.01, "queue": 0.7, "execute": 0.2, "decode": 0.02}
        if labels is ON_AER:
            shares = {"compile": 0.3, "execute": 0.6, "decode": 0.05}
        for name, share in shares.items():
            lasts = share * length * (12 if in_trouble and name == "compile" else 1)
            stages.append([name, begun, lasts, "provider" if name == "queue" else "local"])
            begun += lasts
            if error is not None and error["stage"] == name:
                break
        outcome = "success" if error is None else error.pop("outcome")
        body = labels | {"duration": length, "stages": stages, "shots": SHOTS, "circuits": 1}
        body["outcome"] = outcome
        tried = 3 if in_trouble else 1
        body["attempts"] = [
            {
                "number": number + 1,
                "outcome": outcome if number == tried - 1 else "failure",
                "throttle_seconds": 0.2,
            }
            for number in range(tried)
        ]
        if error is not None:
            body["error"] = error
        return self._event("finished", "job", at, body, run)

    def _error(self, stage: str, *, in_trouble: bool) -> dict[str, str]:
        known = {"submit": "offline", "queue": "queue_timeout", "compile": "compile"}
        usual = ("network", "execution", "rate_limit", "resource")
        told = known[stage] if in_trouble else self._chance.choice(usual)
        outcome = "timeout" if told == ErrorClass.QUEUE_TIMEOUT else "failure"
        return {"class": told, "type": "Error", "stage": stage, "outcome": outcome}

    def _of_step(self) -> list[list[Any]]:
        return [
            ["encode", 0.0, 0.2, "local"],
            ["evaluate", 5, 0.4, "local"],
            ["optimize", 6, 0.05, "local"],
        ]

    def _told(
        self, at: float, labels: dict[str, Any], run: str | None, *, in_trouble: bool
    ) -> Iterator[Event]:
        for name, values in GOOD.items():
            value = values[in_trouble] * (1 + 0.02 * self._chance.uniform(-1, 1))
            half = values[2]
            body = labels | {
                "name": name,
                "value": value,
                "low": value - half,
                "high": value + half,
            }
            body |= {"n": SHOTS, "level": 0.95, "floor": values[0] * 0.98, "mitigation": "none"}
            if name == "mode_deficit":
                body["modes"] = MODES[in_trouble]
            yield self._event("estimate", "job", at, body, run)
        for question, answers in ANSWERS.items():
            body = labels | {"question": question, "answer": answers[in_trouble], "reason": "told"}
            yield self._event("judged", "job", at, body, run)

    def _baselines(self, at: float, labels: dict[str, Any], *, in_trouble: bool) -> Iterator[Event]:
        for name in _CHARTED:
            level = 9.0 if in_trouble else abs(self._chance.gauss(0, 0.8))
            charts = [
                {"kind": kind, "level": level, "limit": limit}
                for kind, limit in (("ewma", 3.1), ("cusum", 5.2))
            ]
            body = labels | {
                "name": name,
                "circuit": "c",
                "frozen": True,
                "every": None,
                "until": at,
            }
            body |= {"baseline": {"center": GOOD[name][0]}, "state": {"charts": charts}}
            yield self._event("drift", "model", at, body, None)

    def _event(
        self, verb: str, noun: str, at: float, body: dict[str, Any], run: str | None
    ) -> Event:
        subject = self._id()
        return Event(
            verb=verb, noun=noun, subject=subject, at=at, run=run, body=body, id=f"{subject}/{verb}"
        )

    def _begin(self, start: float, labels: dict[str, Any]) -> None:
        """What happens depends on when it does alone."""
        self._chance = random.Random(f"{start} {sorted(labels.items())}")

    def _id(self) -> str:
        self._number += 1
        return f"{self._number:016x}"


def health(at: float) -> list[tuple[Any, tuple[str, ...], float]]:
    """What the journal's exporter tells of itself: in trouble its disk is full."""
    bad = at >= TROUBLE
    return [
        (observe_signals.JOURNAL_SIZE, (), 4e7),
        (observe_signals.DISK_FREE, (), 4e8 if bad else 5e10),
        (observe_signals.SKEW, ("ibm",), 4.0 if bad else 0.2),
        (provider_signals.RECONCILE_PENDING, ("ibm",), 40.0 if bad else 1.0),
    ]


def _every(start: float, end: float, seconds: float) -> Iterator[float]:
    for number in range(int((end - start) / seconds)):
        yield start + number * seconds


def _open(noun: str, body: dict[str, Any], now: float) -> OpenWork:
    return OpenWork(
        subject=f"open-{noun}",
        noun=noun,
        run=None,
        opened_at=now - HOUR,
        heartbeat=now,
        process=("host", "boot", 1, 1),
        body=body,
    )
