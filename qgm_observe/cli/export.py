"""Serve what a provider tells, or what journals hold, to Prometheus.

SIGTERM ends it, SIGHUP and `POST /-/reload` take the configuration anew. Certificates, users and
headers of the web configuration file are taken anew by themselves when the file changes.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

PROVIDER_ADDRESS = "127.0.0.1:9465"
JOURNAL_ADDRESS = "127.0.0.1:9466"

_EVERY_SETTING = (
    "FILE in one line: providers: [{provider: ibm, account: research, devices: [ibm_fez]}]. Every "
    "setting with its default: exporters/provider/config.yml, which `qgm-observe shelf copy DIR "
    "--only exporters` writes below DIR."
)

_log = logging.getLogger("qgm_observe.export")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what can be exported, and the options of the server."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    brief = "poll a provider: devices, queue, calibration, jobs, usage"
    provider = kinds.add_parser("provider", help=brief, description=brief, epilog=_EVERY_SETTING)
    provider.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="YAML: the accounts to poll"
    )
    _configure_server(provider, PROVIDER_ADDRESS, _provider)
    brief = "follow journals of any number of processes"
    journal = kinds.add_parser("journal", help=brief, description=brief)
    journal.add_argument(
        "paths",
        type=Path,
        nargs="*",
        metavar="PATH",
        help="a journal, or a folder of them; default: the configuration's, or else the user's own",
    )
    journal.add_argument("--config", type=Path, metavar="FILE", help="YAML")
    _configure_server(journal, JOURNAL_ADDRESS, _journal)


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop; 1 if the server failed."""
    from qgm_observe.exporters.web import web_config, worker

    web = web_config.load(args.web_config_file)
    warnings = _warnings(args.listen, web)
    exporter = args.open(args)
    if not args.check:
        _serve(exporter, args, warnings)
    with worker.snapshot(web.tls) as kept:
        worker.rehearse(kept, args.web_config_file)
    scheme = "https" if web.tls else "http"
    login = "with" if web.authenticates else "without"
    place = f"would serve at {scheme}://{args.listen}/ {login} authentication"
    print("\n".join([*_plan(exporter), place, *(f"warning: {each}" for each in warnings)]))
    return 0


def _serve(exporter: Any, args: argparse.Namespace, warnings: list[str]) -> NoReturn:
    from qgm_observe.exporters.web.server import Server, listen

    _log_to_standard_error()
    with listen(args.listen) as listening:
        server = Server(exporter, listening, args.web_config_file, logs_access=args.access_log)
        for line in _plan(exporter):
            _log.info("%s", line)
        for warning in warnings:
            _log.warning("%s", warning)
        code = server.run(started=lambda: _log.info("serving at %s", server.url))
    logging.shutdown()
    os._exit(code)  # threads of the server cannot be joined and would crash in a dying interpreter


def _configure_server(
    parser: argparse.ArgumentParser, address: str, opener: Callable[[argparse.Namespace], Any]
) -> None:
    parser.add_argument(
        "--listen", default=address, metavar="HOST:PORT", help=f"default {address}: this machine"
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS, users and headers, as every Prometheus exporter reads them",
    )
    parser.add_argument("--access-log", action="store_true", help="log a line for each request")
    parser.add_argument(
        "--check", action="store_true", help="read everything, tell what would be done, and end"
    )
    parser.set_defaults(open=opener)


def _provider(args: argparse.Namespace) -> Any:
    from qgm_observe.exporters.provider import open_exporter

    return open_exporter(args.config, needs_tokens=not args.check)


def _journal(args: argparse.Namespace) -> Any:
    from qgm_observe.exporters.journal import open_exporter
    from qgm_observe.settings import load_settings

    return open_exporter(args.paths, args.config, load_settings().journal_path)


def _plan(exporter: Any) -> list[str]:
    """Return what the exporter says it is going to do, if it says anything."""
    plan = getattr(exporter, "plan", None)
    return [] if plan is None else list(plan())


def _warnings(address: str, web: Any) -> list[str]:
    """Return what is wrong with being reachable from elsewhere, if anything is."""
    from qgm_observe.exporters.web.gate import is_loopback
    from qgm_observe.exporters.web.server import parsed

    host, _ = parsed(address)
    absent = [
        *([] if web.tls else ["TLS"]),
        *([] if web.authenticates else ["authentication"]),
    ]
    if is_loopback(host) or not absent:
        return []
    lacking = " and ".join(absent)
    return [f"{address} is open to the network without {lacking}: give --web.config.file"]


def _log_to_standard_error() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("qgm_observe")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
