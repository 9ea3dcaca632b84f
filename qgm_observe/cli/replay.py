"""The recorded run: events of a real demo, shown again with the base installation alone."""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path

from qgm_observe.cli.progress import progress
from qgm_observe.cli.showing import serve_on, tell
from qgm_observe.journal import Event, open_journal
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.endpoint import serve

RECORDED = "recorded.jsonl.gz"
SECONDS = 4.0
MOST = 10_000


def replay(args: argparse.Namespace) -> int:
    """Show the recorded run; returns the exit code."""
    events = list(recorded())
    aggregates = Aggregates(source="journal", scrape_interval=0.5)
    endpoint = serve(aggregates.exposition, port=args.port)
    sys.stderr.write(f"metrics  {endpoint.url}\n")
    steps = sum(_is_step(event) for event in events)
    with progress("a recorded run", steps) as advance:
        for event in events:
            aggregates.fold([event])
            if _is_step(event):
                advance(event.body.get("loss"))
                time.sleep(SECONDS / steps)
    if args.journal is not None:
        with open_journal(args.journal) as journal:
            journal.append(events)
    tell(events, args.journal, as_json=args.json)
    serve_on(endpoint, wanted=args.serve)
    return 0


def recorded() -> Iterator[Event]:
    """Yield the events of the recorded run, in their order."""
    packed = files("qgm_observe.cli").joinpath(RECORDED).read_bytes()
    for line in gzip.decompress(packed).decode().splitlines()[:MOST]:
        yield replace(Event(**json.loads(line)), seq=0)


def record(path: Path) -> None:
    """Make the recorded run anew from the journal of a demo (`make recorded`)."""
    with open_journal(path, read_only=True) as journal:
        kept = [event for event in journal.events() if event.noun in {"run", "step", "job"}]
    lines = []
    for event in kept:
        body = {key: value for key, value in event.body.items() if key != "blobs"}
        lines.append(json.dumps(asdict(replace(event, body=body)), separators=(",", ":")))
    packed = gzip.compress("\n".join(lines).encode(), mtime=0)
    Path(__file__).with_name(RECORDED).write_bytes(packed)


def _is_step(event: Event) -> bool:
    return (event.verb, event.noun) == ("finished", "step")
