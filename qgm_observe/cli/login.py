"""The options by which a command logs in at an exporter, and the settings that they give."""

import argparse
from pathlib import Path
from typing import Any


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--user", metavar="NAME", help="login (or QGM_OBSERVE_SHIP_USER)")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with its password (or QGM_OBSERVE_SHIP_TOKEN_FILE, QGM_OBSERVE_SHIP_TOKEN)",
    )
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust")


def given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were written; those that were not keep what they are."""
    told = {
        "ship_user": args.user,
        "ship_token_file": args.token_file,
        "ship_ca_file": args.ca_file,
    }
    return {name: value for name, value in told.items() if value is not None}
