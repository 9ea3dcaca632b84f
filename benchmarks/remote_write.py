"""Prometheus alone, and with remote write into VictoriaMetrics: same answers, at what cost.

A page of so many series, of which one changes with each scrape, is scraped once a second by a real
Prometheus (`make tools`), which writes on to a real VictoriaMetrics (a Debian package that this
script downloads and unpacks into .tools, without root). One scrape a second of N series is what
15 N series are at the usual 15 s. Measured are each process's own processor time and resident
memory, bytes on disk a sample, how far the writing lags, and whether both count the same samples
over an outage of 5 s in the middle.

    python benchmarks/remote_write.py [--series N] [--seconds S] [--json]
"""

import argparse
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from scrape import aggregates_of, job

TOOLS = Path(__file__).parents[1] / ".tools"
VICTORIA = TOOLS / "victoria-metrics" / "usr" / "bin" / "victoria-metrics"
PROMETHEUS = TOOLS / "bin" / "prometheus"
TICKS = 100.0
OUTAGE = 5.0
"""Seconds for which VictoriaMetrics is stopped in the middle."""
CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
- job_name: qgm
  honor_labels: true
  static_configs: [{{targets: ["127.0.0.1:{page}"]}}]
"""
REMOTE = """\
remote_write:
- url: http://127.0.0.1:{victoria}/api/v1/write
"""


def main() -> int:
    """Measure both shapes and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=13_000)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not PROMETHEUS.exists() or not fetched():
        print("needs Prometheus (run `make tools`) and Debian's package victoria-metrics")
        return 0
    with page(args.series) as port:
        found = [measured(port, args.seconds, remote=remote) for remote in (False, True)]
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(told(found)))
    return 0


def fetched() -> bool:
    """Bring the package into .tools, once."""
    if VICTORIA.exists():
        return True
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpack is None:
        return False
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        words = [apt, "-qq", "download", "victoria-metrics"]
        if subprocess.run(words, cwd=folder, check=False, **quiet).returncode:
            return False
        (package,) = Path(folder).glob("*.deb")
        subprocess.run([unpack, "-x", package, VICTORIA.parents[2]], check=True)
    return VICTORIA.exists()


@contextmanager
def page(size: int) -> Iterator[int]:
    """Serve so many series, with a job folded before each scrape; gives the port."""
    from qgm_observe.telemetry.endpoint import serve

    aggregates, event = aggregates_of(size), job(0)

    def changing(form: Any) -> Any:
        aggregates.fold([event])
        return aggregates.exposition(form)

    with serve(changing, port=0) as endpoint:
        yield endpoint.port


def measured(port: int, seconds: int, *, remote: bool) -> dict[str, Any]:
    """Let Prometheus scrape for a while; return what it cost and what it knows."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        own, victoria = free_port(), free_port()
        text = CONFIGURATION.format(page=port)
        text += REMOTE.format(victoria=victoria) if remote else ""
        (folder / "prometheus.yml").write_text(text)
        store = stack.enter_context(started(*victoria_words(folder, victoria))) if remote else None
        prometheus = stack.enter_context(started(*prometheus_words(folder, own)))
        until(lambda: value(own, "sum(up)") == 2)
        if store is not None:
            until(lambda: ask(victoria, "query", query="1") is not None)
        begun = time.monotonic()
        before = cpu(prometheus), cpu(store)
        time.sleep(seconds / 3)
        with paused(store):
            time.sleep(OUTAGE)
        time.sleep(2 * seconds / 3 - OUTAGE)
        spent = (cpu(prometheus) - before[0], cpu(store) - before[1])
        lasted = time.monotonic() - begun
        samples = value(own, f"sum(sum_over_time(scrape_samples_scraped[{seconds}s]))") or 0
        found = {
            "remote_write": remote,
            "samples_per_second": samples / lasted,
            "prometheus_cpu_percent": 100 * spent[0] / lasted,
            "prometheus_mebibytes": resident(prometheus),
        }
        if store is not None:
            found |= of_store(own, victoria, folder, spent[1] / lasted, resident(store))
    return found


def of_store(own: int, port: int, folder: Path, cpu_share: float, memory: float) -> dict[str, Any]:
    """Return what VictoriaMetrics spent, and how far it agrees with Prometheus."""
    lag = value(
        own,
        "max(prometheus_remote_storage_highest_timestamp_in_seconds - "
        "ignoring(remote_name, url) group_right() "
        "prometheus_remote_storage_queue_highest_sent_timestamp_seconds)",
    )
    urllib.request.urlopen(f"http://127.0.0.1:{port}/internal/force_flush", timeout=10).close()
    at, window = time.time() - 5, "30s"  # the outage is inside
    from qgm_observe.catalog.signals import JOB_STAGE_DURATION

    family = JOB_STAGE_DURATION.prometheus
    counted = f"sum(count_over_time({family}_bucket[{window}]))"
    both = [value(each, counted, time=at) for each in (own, port)]
    rows = rows_of(port)
    size = sum(f.stat().st_size for f in (folder / "victoria" / "data").rglob("*") if f.is_file())
    return {
        "victoria_cpu_percent": 100 * cpu_share,
        "victoria_mebibytes": memory,
        "victoria_bytes_per_sample": size / rows if rows else None,
        "lag_seconds": lag,
        "samples_in_prometheus": both[0],
        "samples_in_victoria": both[1],
    }


def rows_of(port: int) -> float:
    """Samples that VictoriaMetrics has inserted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        lines = reply.read().decode().splitlines()
    name = 'vm_rows_inserted_total{type="promremotewrite"}'
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)


def prometheus_words(folder: Path, port: int) -> list[str]:
    """How Prometheus is started; it scrapes itself too, for its own lag."""
    text = (folder / "prometheus.yml").read_text()
    own = f'- job_name: own\n  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]\n'
    place = text.index("remote_write:") if "remote_write:" in text else len(text)
    (folder / "prometheus.yml").write_text(text[:place] + own + text[place:])
    return [
        str(PROMETHEUS),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def victoria_words(folder: Path, port: int) -> list[str]:
    """How VictoriaMetrics is started: on loopback, without a delay of answers."""
    return [
        str(VICTORIA),
        f"-storageDataPath={folder / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-search.latencyOffset=1s",
        "-retentionPeriod=12",
    ]


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, and end it."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def paused(process: subprocess.Popen[bytes] | None) -> Iterator[None]:
    """Stop a process for a while, as an overloaded one would be."""
    if process is not None:
        process.send_signal(signal.SIGSTOP)
    yield
    if process is not None:
        process.send_signal(signal.SIGCONT)


def cpu(process: subprocess.Popen[bytes] | None) -> float:
    """Processor seconds of a process, kernel included."""
    if process is None:
        return 0.0
    told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS


def resident(process: subprocess.Popen[bytes]) -> float:
    """Resident memory, MiB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def ask(port: int, what: str, **words: object) -> Any:
    """Return `data` of the HTTP API, `None` while it is not up."""
    url = f"http://127.0.0.1:{port}/api/v1/{what}?{urllib.parse.urlencode(words)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return json.load(reply)["data"]
    except OSError:
        return None


def value(port: int, query: str, **words: object) -> float | None:
    """Return the value of an expression with one result."""
    told = ask(port, "query", query=query, **words)
    return float(told["result"][0]["value"][1]) if told and told["result"] else None


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def until(condition: Any) -> None:
    """Wait within a bound."""
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("a server did not come up within 30 s")
        time.sleep(0.2)


def told(found: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of the table."""
    yield f"{'':34}{'alone':>12}{'remote write':>14}"
    for name in found[1]:
        if name == "remote_write":
            continue
        cells = (each.get(name) for each in found)
        alone, remote = ("-" if each is None else f"{each:,.2f}" for each in cells)
        yield f"{name.replace('_', ' '):34}{alone:>12}{remote:>14}"


if __name__ == "__main__":
    sys.exit(main())
