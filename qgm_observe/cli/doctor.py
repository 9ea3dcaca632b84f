"""Check this installation; with --live, what a provider answers against what we read of it."""

import argparse
import json
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from qgm_observe.errors import Error, UsageError
from qgm_observe.settings import load_settings

PORTS = {9464: "run, demo", 9465: "export provider", 9466: "export journal"}
LEAST_FREE = 2**30
MOST_SKEW = 2.0
MARKS = {"ok": "ok", "note": "--", "fault": "!!"}


class Finding(NamedTuple):
    """What one check found.

    Attributes:
        level: `ok`, `note` (nothing is wrong, but look) or `fault`.
    """

    name: str
    level: str
    text: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--live", choices=("ibm",), help="ask the provider too: reads only, no device time"
    )
    parser.add_argument("--device", metavar="NAME", help="that is looked at (default: the first)")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write the replies there, redacted, as JSON"
    )
    parser.add_argument(
        "--api-url", metavar="URL", help="of the provider's interface, where it is another"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Run the command; 1 if something is wrong."""
    if args.live is None:
        for name in ("device", "record", "api_url"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} goes with --live ibm alone")
        findings = list(_installation())
    else:
        findings = _live(args)
    if args.json:
        print(json.dumps([each._asdict() for each in findings], indent=2))
    else:
        for each in findings:
            print(f"{MARKS[each.level]}  {each.name:<12}{each.text}")
    return 1 if any(each.level == "fault" for each in findings) else 0


# -------------------------------------------------------------------------------- installation


def _installation() -> Iterator[Finding]:
    own = metadata.version("qgm-observe")
    python = platform.python_version()
    yield Finding("version", "ok", f"qgm-observe {own}, Python {python}, {platform.platform()}")
    for extra, packages in extras().items():
        yield _extra(extra, packages)
    yield from _journal()
    yield _clock()
    for port, user in PORTS.items():
        yield _port(port, user)


def extras() -> dict[str, list[str]]:
    """Return the packages that each extra brings, from the installed metadata."""
    found: dict[str, list[str]] = {}
    for line in metadata.requires("qgm-observe") or ():
        match = re.match(r"([\w.-]+)[^;]*;.*\bextra == ['\"](\w+)['\"]", line)
        if match and match[1] != "qgm-observe":
            found.setdefault(match[2], []).append(match[1])
    return found


def _extra(extra: str, packages: list[str]) -> Finding:
    versions = {name: _version(name) for name in packages}
    absent = [name for name, version in versions.items() if version is None]
    if absent:
        advice = f"not installed ({', '.join(absent)}): pip install 'qgm-observe[{extra}]'"
        return Finding(f"[{extra}]", "note", advice)
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding(f"[{extra}]", "ok", told)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _journal() -> Iterator[Finding]:
    try:
        path = load_settings().journal_path
    except Error as error:
        yield Finding("journal", "fault", str(error))
        return
    place = next(each for each in (path, *path.parents) if each.exists())
    if not os.access(place, os.W_OK):
        yield Finding("journal", "fault", f"{place} cannot be written: set QGM_OBSERVE_JOURNAL")
    elif path.exists():
        yield _opened(path)
    else:
        yield Finding("journal", "ok", f"{path} will be made")
    folder = place if place.is_dir() else place.parent
    free = shutil.disk_usage(folder).free
    level = "ok" if free >= LEAST_FREE else "fault"
    yield Finding("disk", level, f"{free / 2**30:,.1f} GiB free below {folder}")


def _opened(path: Path) -> Finding:
    from qgm_observe.journal import open_journal

    try:
        with open_journal(path, read_only=True) as journal:
            info = journal.info()
    except Error as error:
        return Finding("journal", "fault", str(error))
    told = f"{path}, {info.form}, schema {info.schema}, {info.runs:,} runs"
    ahead = (info.last_at or 0) - time.time()
    if ahead > MOST_SKEW:
        return Finding("journal", "fault", f"{told}; its newest event is {ahead:,.0f} s ahead")
    return Finding("journal", "ok", told)


def _clock() -> Finding:
    """The wall clock beside that of the file system, which another machine may keep."""
    with tempfile.NamedTemporaryFile() as file:
        before = time.time()
        file.write(b"now")
        file.flush()
        skew = os.fstat(file.fileno()).st_mtime - before
    level = "ok" if abs(skew) <= MOST_SKEW else "fault"
    return Finding("clock", level, f"{time.strftime('%Y-%m-%d %H:%M:%S %Z')}, skew {skew:+.2f} s")


def _port(port: int, user: str) -> Finding:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        told = f"{port} is taken ({error.strerror}): '{user}' needs another, see its --help"
        return Finding("port", "note", told)
    return Finding("port", "ok", f"{port} is free for '{user}'")


# ---------------------------------------------------------------------------------------- live


def _live(args: argparse.Namespace) -> list[Finding]:
    from qgm_observe.providers.ibm_check import Examination, recording
    from qgm_observe.providers.registry import open_provider

    _check_place(args.record)
    options = {} if args.api_url is None else {"api_url": args.api_url}
    provider: Any = open_provider(args.live, **options)
    try:
        checks = Examination(provider, args.device).run()
    finally:
        provider.close()
    if args.record is not None:
        lines = (json.dumps(each, sort_keys=True) for each in recording(checks))
        args.record.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sys.stderr.write(f"qgm-observe: look through {args.record} before you share it\n")
    client = metadata.version("qiskit-ibm-runtime")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    head = Finding("live", "ok", f"{args.live}, qiskit-ibm-runtime {client}, {today}")
    return [head, *(each for check in checks for each in _told(check))]


def _check_place(path: Path | None) -> None:
    if path is not None and (path.exists() or not path.parent.is_dir()):
        why = "is there already" if path.exists() else "has no folder"
        raise UsageError(f"--record {path} {why}: write another file")


def _told(check: Any) -> Iterator[Finding]:
    if check.skipped:
        yield Finding(check.question, "note", f"not asked: {check.skipped}")
        return
    if check.problem:
        yield Finding(check.question, "fault", check.problem)
        return
    fields = check.fields
    told = f"{len(fields) - len(check.absent)} of {len(fields)} fields that we read are there"
    yield Finding(check.question, "ok" if fields else "note", told)
    if check.absent:
        yield Finding(check.question, "note", f"absent: {', '.join(check.absent)}")
    unread = sorted({name for answer in check.answers for name in answer.unread})
    if unread:
        yield Finding(check.question, "note", f"not read by us: {', '.join(unread)}")
