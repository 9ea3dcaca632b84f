"""The command line: one module a command, imported only when it is called.

Exit codes: 0 done; 1 a check or a run failed; 2 bad input, one line on standard error says what
to write instead; 130 interrupted.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from qgm_observe.errors import Error, MissingExtra
from qgm_observe.version import __version__

COMMANDS = {
    "demo": "train a quantum generative model here and watch it, or replay a recorded run",
    "run": "run a Python script and record its quantum work",
    "journal": "show a run again; look into, export or prune the journal",
    "catalog": "print every signal",
    "baseline": "capture, show or freeze the levels that drift is judged against",
    "shots": "plan shots: for an interval, for a change to be seen, and when more are wasted",
    "devices": "list devices, and rank them for a circuit",
    "preflight": "tell before it is submitted whether work should be: cost, wait, quota, layout",
    "export": "serve a provider or journals to Prometheus",
    "diff": "tell what changed between two runs, the most suspicious first",
    "reproduce": "replay a recorded job on a simulator with its noise model or calibration",
    "model": "register trained parameters; judge a canary; promote and roll back",
    "reconcile": "ask providers how remote jobs ended, and complete their records",
    "ship": "ship a journal to a central exporter, once or as a sidecar",
    "cost": "what work cost: estimated, billed, wasted; take in invoice lines",
    "slo": "objectives: how they stand, targets from history, how alerts behave",
    "render": "write alert rules and their tests, boards and runbooks, or check them",
    "triage": "what an alert is about: ours or theirs, since when, what to do next",
    "check": "compare a live /metrics endpoint with the catalog",
    "doctor": "check this installation, or what a provider answers",
    "shelf": "copy manifests, rules, boards and runbooks out of this package",
}
"""Command to one line of help; the module of the same name has `configure` and `main`."""


_READING = "export"
"""The extra that brings what reads YAML; a command that needs more names its own."""

_EXTRAS = {"render": "render", "slo": "slo", "cost": "guard", "preflight": "guard"}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after one line that names the way out."""
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except Error as error:
        sys.stderr.write(f"qgm-observe: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _dispatch(words: list[str]) -> int:
    if words and words[0] in COMMANDS:
        module = importlib.import_module(f"qgm_observe.cli.{words[0]}")
        parser = Parser(prog=f"qgm-observe {words[0]}", description=module.__doc__)
        module.configure(parser)
        args = parser.parse_args(words[1:])
        try:
            code: int = module.main(args)
        except MissingExtra as error:
            if error.extra != _READING:
                raise
            raise MissingExtra(words[0], _EXTRAS.get(words[0], _READING)) from error
        return code
    _front_parser().parse_args(words or ["--help"])
    return 2


def _front_parser() -> Parser:
    lines = "\n".join(f"  {name:<10}{brief}" for name, brief in COMMANDS.items())
    parser = Parser(
        prog="qgm-observe",
        description="Observability and SRE suite for quantum generative models.",
        epilog=f"commands:\n{lines}\n\n'qgm-observe COMMAND --help' tells the rest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="qgm-observe [--help] [--version] COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=[*COMMANDS], metavar="COMMAND", help=argparse.SUPPRESS)
    return parser
