"""Run an unmodified script and record every quantum job, session and compilation in it.

The script behaves as under `python`: its arguments, output, traceback and exit code are its own.
"""

import argparse
import atexit
import contextlib
import json
import os
import sys
from pathlib import Path

import qgm_observe as qgm
from qgm_observe.cli.program import Module, Program, Script
from qgm_observe.errors import Error, UsageError
from qgm_observe.instrumentation import instrument, loops, scoring, sessions
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import RunHandle
from qgm_observe.lifecycle.failures import outcome_of
from qgm_observe.records import current_process
from qgm_observe.settings import PREFIX, Settings, load_settings
from qgm_observe.telemetry.endpoint import Endpoint


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options; whatever follows the script is the script's."""
    parser.usage = "%(prog)s [options] (SCRIPT | -m MODULE) [argument ...]"
    for label, about in (
        ("model", "name of the model"),
        ("model-version", "version of the model"),
        ("project", "whose work it is"),
        ("pipeline", "label of the script (default: its name)"),
    ):
        parser.add_argument(f"--{label}", metavar="NAME", help=about)
    parser.add_argument(
        "--target",
        type=Path,
        metavar="FILE",
        help="evaluate samples; JSON, bitstring: probability",
    )
    parser.add_argument(
        "--sweep",
        action="store_true",
        default=None,
        help="each fit in the script is a run of its own, inside the script's run",
    )
    parser.add_argument(
        "--loss-floor",
        type=float,
        metavar="LOSS",
        help="the lowest that can be had, such as 0: tells a plateau from convergence",
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="the journal (default: yours)")
    parser.add_argument(
        "--guard", metavar="LIMITS", help="what it may take, such as '20 USD, 600 s, 3 retries'"
    )
    parser.add_argument(
        "--preflight", metavar="PLAN", help="ask first: 'ibm_fez, session, 200 jobs, 1024 shots'"
    )
    parser.add_argument("--plan", help="the provider account's plan, for prices")
    parser.add_argument("--serve", type=int, metavar="PORT", help="serve /metrics meanwhile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary as JSON")
    parser.add_argument(
        "--summary",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="end with a summary on standard error (default)",
    )
    rest = argparse.REMAINDER
    parser.add_argument("-m", dest="module", nargs=rest, metavar="MODULE", help="run a module")
    parser.add_argument("script", nargs=rest, metavar="SCRIPT", help="run a file")


def main(args: argparse.Namespace) -> int:
    """Run the script; returns its exit code."""
    program = _program(args)
    scoring.use(None if args.target is None else scoring.load_target(args.target))
    settings = _configured(args, program)
    endpoint = None if args.serve is None else qgm.serve(args.serve)
    if endpoint is not None:
        sys.stderr.write(f"qgm-observe: metrics at {endpoint.url}\n")
    watched = _Watched(args, settings, program, endpoint)
    # by then the script's threads have ended and its own exit handlers were called
    atexit.register(watched.finish)
    return watched.run()


class _Watched:
    """A program that is one run, from its first line to the end of the process."""

    def __init__(
        self,
        args: argparse.Namespace,
        settings: Settings,
        program: Program,
        endpoint: Endpoint | None,
    ) -> None:
        self._args = args
        self._settings = settings
        self._program = program
        self._endpoint = endpoint
        self._process = os.getpid()
        self._open = contextlib.ExitStack()
        labels = {"model": args.model, "model_version": args.model_version}
        told = {name: value for name, value in labels.items() if value is not None}
        self._run: RunHandle = qgm.run(guard=args.guard, preflight=args.preflight, **told)

    def run(self) -> int:
        """Run the program and return its exit code."""
        self._run.note(script=self._program.file)
        self._open.enter_context(self._run)
        # what the script starts by this command is a part of it, in the same journal
        os.environ[f"{PREFIX}PARENT"] = self._run.id
        os.environ[f"{PREFIX}JOURNAL"] = str(self._settings.journal_path)
        instrument(run=self._run)
        try:
            ending = self._program.run()
        except UsageError as error:
            self._run.end(error)
            raise
        if ending.error is not None:
            self._run.saw(ending.error, None)
            self._run.outcome = outcome_of(ending.error)
        self._run.note(exit_code=ending.exit_code)
        return ending.exit_code

    def finish(self) -> None:
        """End the run and tell what it came to; a forked child has nothing to tell."""
        if os.getpid() != self._process or self._run.ended:
            return
        loops.leave()
        for line in sessions.leave():
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"qgm-observe: {line}\n")
        self._open.close()
        self._run.recorder.flush()
        if self._endpoint is not None:
            self._endpoint.close()
        if not self._settings.disabled:
            try:
                self._tell()
            except (Error, OSError, ValueError) as error:  # ValueError: a stream was closed
                with contextlib.suppress(OSError, ValueError):
                    sys.stderr.write(f"qgm-observe: no summary: {error}\n")

    def _tell(self) -> None:
        if not self._args.summary and self._args.json is None:
            return
        from rich.console import Console
        from rich.rule import Rule

        from qgm_observe.cli.summary import summarize, to_json
        from qgm_observe.cli.summary_text import render

        still_open = sum(handle.noun == "job" for handle in self._run.recorder.open)
        summary = summarize(self._events(), self._settings.journal_path, still_open)
        if self._args.json is not None:
            self._args.json.write_text(json.dumps(to_json(summary), indent=2) + "\n")
        if self._args.summary:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            Console(stderr=True).print(Rule("qgm-observe", align="left"), render(summary))
            if why := scoring.why_nothing():
                sys.stderr.write(f"--target: no samples were evaluated: {why}\n")

    def _events(self) -> list[Event]:
        """What the journal has of this run, of runs inside it, and of what was only tallied."""
        from qgm_observe.cli.finding import events_of, tallied_by

        with open_journal(self._settings.journal_path, read_only=True) as journal:
            start = self._run.wall / 1e9
            tallied = tallied_by(journal, str(current_process()), start)
            return [*events_of(journal, [self._run.id], start), *tallied]


def _program(args: argparse.Namespace) -> Program:
    script, module = args.script, args.module
    if script[:1] == ["--"]:
        script = script[1:]
    if module is not None:
        if not module:
            raise UsageError("-m: write the name of a module after it")
        return Module(module[0], module[1:])
    if not script:
        raise UsageError("nothing to run: write a script's path, or -m and a module")
    return Script(script[0], script[1:])


def _configured(args: argparse.Namespace, program: Program) -> Settings:
    """Begin the recording with the options over the environment; the script's name comes last."""
    if args.json is not None:
        if not args.json.absolute().parent.is_dir():
            raise UsageError(f"--json {args.json}: write a file in a folder that exists")
        args.json = args.json.absolute()
    changes = {
        name: getattr(args, name)
        for name in ("journal", "project", "pipeline", "sweep", "plan", "loss_floor")
        if getattr(args, name) is not None
    }
    settings = load_settings(**changes)
    if settings.pipeline == Settings().pipeline:
        changes["pipeline"] = program.name
    changes["journal"] = settings.journal_path.absolute()  # the script may change its folder
    return qgm.configure(**changes)
