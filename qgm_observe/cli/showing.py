"""How the demo and the replay end: the summary, and the endpoint for whoever wants it on."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qgm_observe.cli.summary import summarize, to_json
from qgm_observe.cli.summary_text import render
from qgm_observe.journal import Event


def tell(events: Sequence[Event], path: Path | None, *, as_json: bool) -> None:
    """Print the summary of events on standard output."""
    summary = summarize(events, path)
    if as_json:
        sys.stdout.write(json.dumps(to_json(summary), indent=2) + "\n")
        return
    from rich.console import Console

    Console().print(render(summary, list(_model(events)), "model"))


def _model(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """Rows on the trained model: what the sampling job noted."""
    for event in events:
        if (event.noun, event.verb) == ("job", "finished"):
            for name, value in event.body.get("attributes", {}).items():
                yield name.replace("_", " "), str(value)


def serve_on(endpoint: Any, *, wanted: bool) -> None:
    """Serve until Ctrl-C if that is wanted, then close."""
    if wanted:
        sys.stderr.write(f"serving {endpoint.url} until Ctrl-C\n")
        threading.Event().wait()
    endpoint.close()
