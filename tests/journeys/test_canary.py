"""A token and a data sample are planted everywhere, everything fails: nowhere do they come out."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qgm_observe.journal import open_journal

TOKEN = "cAn4ry7Qz"  # too short for the rule of long random runs: the other rules have to hold
SAMPLE = "0110canary0110sample"
SCRIPT = """
import logging, os, sys, urllib.request
import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.lifecycle import Device
from qgm_observe.lifecycle.logs import ContextFilter, TailHandler

TOKEN, SAMPLE = os.environ.pop("CANARY_TOKEN"), sys.argv[1]
logging.basicConfig(level=logging.INFO, filename=sys.argv[0] + ".log", filemode="w")
tail = TailHandler()
tail.addFilter(ContextFilter())
logging.getLogger().addHandler(tail)

class ProviderError(Exception):
    status_code = 401

class Backend:
    name = "ibm_fez"
    _instance = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{TOKEN}:{TOKEN}::"
    def __repr__(self): return f"Backend(token={TOKEN})"
    __str__ = __repr__
Backend.__module__ = "qiskit_ibm_runtime.ibm_backend"

def submit(pubs, token):
    logging.info("Authorization: Bearer %s", token)
    logging.info("POST https://user:%s@host/jobs apikey=%s", token, token)
    logging.error("not at %s", Backend._instance)
    logging.error("refused: %s", ProviderError(f"{token} {SAMPLE}"))
    raise ProviderError(f"401 for {token}: {SAMPLE}")

class Provided:
    def job_id(self): raise ProviderError(TOKEN)
    def status(self): raise ProviderError(TOKEN)
    def metrics(self): raise ProviderError(TOKEN)
    def result(self): raise ProviderError(f"{TOKEN} {SAMPLE}")

class Core:
    backend = Backend()
    def fit(self, data, *, credentials=None, callback=None):
        return self.execute(data)
    def execute(self, data):
        raise ValueError(f"bad sample {data[0]} with {TOKEN}")
    def sample(self, shots):
        return [SAMPLE] * shots

class Account:
    def __repr__(self): return TOKEN

core = qgm.observe(Core(), model="qcbm")
failures = 0
for work in (
    lambda: core.fit([SAMPLE], credentials=Account(), callback=lambda: TOKEN),
    lambda: fail_remotely(),
    lambda: fail_waiting(),
):
    def fail_remotely():
        with qgm.run(), qgm.job(Backend()) as job:
            job.note(service=Account(), data={SAMPLE.encode(): 1})
            job.attempt(submit, [SAMPLE], token=TOKEN)
    def fail_waiting():
        with qgm.run() as run, run.session(Backend(), provider=Provided()) as session:
            with session.job(Backend()) as job:
                job.keep("calibration", lambda: (_ for _ in ()).throw(ProviderError(TOKEN)))
                job.results(job.attempt(Provided))
    try:
        work()
    except (ValueError, ProviderError):
        failures += 1
core.sample(3)
with qgm.run() as run:
    run.inputs({"x": [SAMPLE] * 30}, {"x": ["another"] * 30})
    qgm.evaluate([SAMPLE[:4]] * 30, {SAMPLE[:4]: 0.5, "1111": 0.5},
        mitigation={"kind": "other", "method": "m", "options": {"token": TOKEN}})
endpoint = qgm.serve(0)
qgm.flush(10)
print(urllib.request.urlopen(endpoint.url).read().decode())
print("failures", failures)
"""


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, bytes]:
    """Everything of ours that such a training leaves behind, by name."""
    journal, file = tmp_path / "state" / "journal.db", tmp_path / "train.py"
    file.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(file), SAMPLE],
        env=os.environ
        | {"QGM_OBSERVE_JOURNAL": str(journal), "QGM_OBSERVE_STRICT": "0", "CANARY_TOKEN": TOKEN},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"failures 3\n")
    logged = file.with_name("train.py.log").read_bytes().splitlines()
    with open_journal(journal, read_only=True) as store:
        events = list(store.events())
        kept = [store.blob(key) for event in events for key in _hashes(event.body)]
    return {
        "/metrics": done.stdout,
        "stderr": done.stderr,
        "our log": b"\n".join(line for line in logged if b"qgm_observe:" in line),
        "events": repr(events).encode(),
        "spans": repr(_spans(events)).encode(),
        **{path.name: path.read_bytes() for path in journal.parent.iterdir()},
        **{f"blob {n}": gzip.compress(data or b"") + (data or b"") for n, data in enumerate(kept)},
    }


def _hashes(body: object) -> list[str]:
    blobs = body.get("blobs", {})  # type: ignore[attr-defined]
    return [key for keys in blobs.values() for key in keys]


def _spans(events: list[object]) -> list[object]:
    from opentelemetry.sdk.resources import Resource

    from qgm_observe.telemetry.otel import spans

    made = [span for event in events for span in spans(event, Resource({}))]  # type: ignore[arg-type]
    return [(s.name, s.status.description, dict(s.attributes or {}), s.events) for s in made]


def test_neither_token_nor_sample_comes_out(outputs: dict[str, bytes]) -> None:
    """No label, record, span, log line or error of ours has the token or a sample of the data."""
    secrets = {"token": TOKEN, "a part of it": TOKEN[:6], "sample": SAMPLE}
    found = [
        (name, what)
        for name, content in outputs.items()
        for what, secret in secrets.items()
        if secret.encode() in content
    ]

    assert found == []


def test_the_scan_sees_what_it_looks_for(outputs: dict[str, bytes]) -> None:
    """What may be known is in the same outputs: the region, the error's type, the masked lines."""
    assert b'region="us-east"' in outputs["/metrics"]
    assert b"ProviderError" in outputs["events"]
    assert b"Bearer ***" in outputs["events"]
    assert b"qgm.job" in outputs["spans"]
    assert b"the training goes on without it" in outputs["our log"]
    assert b"ibm_fez" in outputs["journal.db"] + outputs.get("journal.db-wal", b"")
