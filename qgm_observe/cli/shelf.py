"""Copy what an operator applies out of this package: Kubernetes, compose, rules, boards, runbooks.

The shelves stand inside the wheel; in a checkout they are its top-level folders.
"""

import argparse
import shutil
from pathlib import Path

import qgm_observe
from qgm_observe.errors import UsageError

SHELVES = ("exporters", "alerts", "dashboards", "runbooks")
INSIDE = "_shelves"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb and its options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    brief = "copy the shelves into a folder"
    copy = verbs.add_parser("copy", help=brief, description=brief)
    copy.add_argument("folder", type=Path, metavar="DIR", help="made if it is not there")
    copy.add_argument(
        "--only", action="append", choices=SHELVES, metavar="SHELF", help="may be repeated"
    )
    copy.add_argument("--force", action="store_true", help="overwrite files that are there")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    sources = [_source(name) for name in args.only or present()]
    taken = [args.folder / path.name for path in sources if (args.folder / path.name).exists()]
    if taken and not args.force:
        raise UsageError(f"{taken[0]} is there: write another folder, or --force to overwrite")
    for source in sources:
        try:
            shutil.copytree(source, args.folder / source.name, dirs_exist_ok=True)
        except OSError as error:
            place = args.folder / source.name
            raise UsageError(f"{place} cannot be written: {_why(error)}") from None
        count = sum(path.is_file() for path in source.rglob("*"))
        print(f"{args.folder / source.name}: {count} files")
    return 0


def present() -> tuple[str, ...]:
    """Return the shelves of this installation."""
    return tuple(name for name in SHELVES if (_root() / name).is_dir())


def _source(name: str) -> Path:
    source = _root() / name
    if not source.is_dir():
        raise UsageError(f"this installation has no shelf {name}: write {', '.join(present())}")
    return source


def _root() -> Path:
    package = Path(qgm_observe.__file__).parent
    inside = package / INSIDE
    return inside if inside.is_dir() else package.parent


def _why(error: OSError) -> str:
    return error.strerror or str(error).splitlines()[0]
