"""Compare a live /metrics endpoint, in either text format, with the catalog; find duplicates.

It looks in both directions: what is there and should not be, what should be and is not.
Exit codes: 0 all is as the catalog says; 1 findings, one line each; 2 nothing to compare.
Notes do not count: a signal that needs data is absent until there is some, and those of providers
are told by `export provider` alone.
"""

import argparse
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import urlsplit

from qgm_observe.errors import UsageError
from qgm_observe.telemetry.conformity import Finding, Report, Sample, examine
from qgm_observe.telemetry.openmetrics import MEDIA_TYPE, OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC

LARGEST = 1 << 27
FORMS = {"text": CLASSIC, "openmetrics": OPENMETRICS}
_TYPE = re.compile(r"^#[ \t]+TYPE[ \t]+(\S+)[ \t]+(\S+)", re.MULTILINE)
_EXEMPLAR = re.compile(
    r"""^([^\s{#]+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?\ [^#\n]+)  # a sample
        \ \#\ \{.*$""",
    re.MULTILINE | re.VERBOSE,
)


class Reply(NamedTuple):
    """What an endpoint answered.

    Attributes:
        media_type: Without parameters, lower case.
        text: The exposition.
    """

    media_type: str
    text: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("url", metavar="URL", help="for instance http://127.0.0.1:9464/metrics")
    parser.add_argument(
        "--format", choices=FORMS, default="text", help="what to ask for (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--verbose", action="store_true", help="list signals without data, too")
    parser.add_argument(
        "--timeout", type=float, default=10.0, help="seconds to wait (default: %(default)s)"
    )


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    url = address(args.url)
    reply = scraped(url, args.timeout, args.format)
    report = examined(reply, url)
    if args.format == "openmetrics" and reply.media_type != MEDIA_TYPE:
        message = f"came where {MEDIA_TYPE} was asked for"
        report.findings.append(Finding("wrong format", reply.media_type, message))
    if args.json:
        print(json.dumps(_described(url, report), indent=2))
    else:
        _print(report, lists_notes=args.verbose)
    return 1 if report.findings else 0


def address(url: str) -> str:
    """Return a full URL: `http` and `/metrics` are what is meant when they are left out.

    Raises:
        UsageError: it is no address of a web server.
    """
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"{url}: write an address such as http://127.0.0.1:9464/metrics")
    return whole if parts.path.strip("/") else f"{whole.rstrip('/')}/metrics"


def scraped(url: str, timeout: float, form: str = "text") -> Reply:
    """Return what a URL answers to a scrape that prefers a format (a key of `FORMS`).

    Raises:
        UsageError: nothing answers there, or not with text.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    accept = f"{FORMS[form].content_type}, text/plain;q=0.5"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310  address() has checked the scheme
    try:
        with opener.open(request, timeout=timeout) as response:
            body: bytes = response.read(LARGEST + 1)
            media_type: str = response.headers.get_content_type()
    except urllib.error.HTTPError as error:
        error.close()
        raise UsageError(f"{url} answers {error.code}: write where the metrics are") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UsageError(f"{url} is not reached ({reason}): is the endpoint up?") from error
    if len(body) > LARGEST:
        raise UsageError(f"{url} answers more than {LARGEST >> 20} MiB: is it a metrics endpoint?")
    try:
        return Reply(media_type, body.decode())
    except UnicodeDecodeError:
        raise UsageError(f"{url} does not answer with metrics: is it the right address?") from None


def examined(reply: Reply, url: str = "the text") -> Report:
    """Return what is to be said about a reply, in either format; families as the catalog has them.

    Raises:
        UsageError: it holds no samples.
    """
    if reply.media_type != MEDIA_TYPE:
        return examine(_TYPE.findall(reply.text), list(samples(reply.text, url)))
    types = [_classic(name, kind) for name, kind in _TYPE.findall(reply.text)]
    lines = "".join(f"# TYPE {name} {kind}\n" for name, kind in types)
    bare = "\n".join(line for line in reply.text.split("\n") if not line.startswith("#"))
    report = examine(types, list(samples(lines + _EXEMPLAR.sub(r"\1", bare), url)))
    report.findings += _breaches(reply.text)
    return report


def _classic(name: str, kind: str) -> tuple[str, str]:
    """Return a family's name and type as the classic text has them."""
    if kind == "counter":
        return f"{name}_total", kind
    return (f"{name}_info", "gauge") if kind == "info" else (name, kind)


def _breaches(text: str) -> Iterator[Finding]:
    """Yield where a text first leaves the specification of OpenMetrics, if anywhere."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    try:
        for _ in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
            pass
    except (ValueError, KeyError, IndexError) as error:
        told = str(error).partition("\n")[0]
        yield Finding("bad format", MEDIA_TYPE, f"is not kept to: {told or type(error).__name__}")


def samples(text: str, url: str = "the text") -> Iterator[Sample]:
    """Yield every sample of an exposition.

    Raises:
        UsageError: it is none.
    """
    from prometheus_client.parser import text_string_to_metric_families

    counters = {name for name, kind in _TYPE.findall(text) if kind == "counter"}
    found = False
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found = True
                name = sample.name.removesuffix("_total")
                name = name if name in counters else sample.name  # the parser adds the suffix
                yield Sample(name, sample.labels, float(sample.value))
    except (ValueError, KeyError, IndexError) as error:
        raise UsageError(f"{url} does not answer with metrics ({error})") from error
    if not found:
        raise UsageError(f"{url} does not answer with metrics: is it the right address?")


def _print(report: Report, *, lists_notes: bool) -> None:
    for note in report.notes if lists_notes else ():
        print(f"note: {note.family} {note.message}")
    if report.notes and not lists_notes:
        print(f"note: {len(report.notes)} signals have had no data yet; --verbose lists them")
    for finding in report.findings:
        print(f"{finding.kind}: {finding.family} {finding.message}")
    verdict = f"{len(report.findings)} findings" if report.findings else "ok"
    print(f"{verdict}: {report.families} families, {report.series} samples of qgm-observe")


def _described(url: str, report: Report) -> dict[str, object]:
    return {
        "url": url,
        "ok": not report.findings,
        "families": report.families,
        "samples": report.series,
        "findings": [finding._asdict() for finding in report.findings],
        "notes": [note._asdict() for note in report.notes],
    }
