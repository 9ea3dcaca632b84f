"""Secrets in what is about to be handed out: found by detectors of known forms, and by value.

Detectors of mere entropy are left out: everything registered here names its parts by hashes. What
is found is told by file, line and kind, and never shown.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from qgm_observe.errors import MissingExtra
from qgm_observe.redaction import credentials

_LEAST = 8
_LONGEST_LINE = 20_000
_LARGEST_SECRET = 64 * 1024
_NAMED_LIKE_SECRETS = re.compile(
    r"(?i)passw|passphrase|secret|token|api_?key|credential|access_?key"
)
_LEFT_OUT = ("HighEntropyString", "IPPublicDetector")
_VERSION = re.compile(r"^\d{1,6}$|^\d+(\.\d+){1,5}([.+]?(a|b|rc|dev|post)\d{0,8})?$")

_HASH_OF_CODE = re.compile(r'^\s*"[^"]*\.py": "[0-9a-f]{12}",?\s*$')
"""A script may be called tokenizer.py; what follows its name in a provenance is its hash."""


class Finding(NamedTuple):
    """Where a secret is; never what it is.

    Attributes:
        kind: The detector's word for it, or the variable whose value it is.
    """

    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        """Return file, line and kind."""
        return f"{self.file}:{self.line} ({self.kind})"


def secrets_in(
    files: Mapping[str, bytes], environ: Mapping[str, str] = os.environ
) -> list[Finding]:
    """Return where files hold secrets.

    Args:
        files: Contents by name; binary ones are read byte by byte as Latin-1.
        environ: The environment: the values of variables that are named like secrets, and what is
            in the files that such variables name, are looked for as they are.

    Raises:
        MissingExtra: detect-secrets is not installed.
    """
    known = list(_known_values(environ))
    found: list[Finding] = []
    for name, data in files.items():
        text = data.decode("latin-1")
        found += _by_value(name, text, known)
        found += _by_form(name, text)
    return list(dict.fromkeys(found))


def _by_value(name: str, text: str, known: list[tuple[str, str]]) -> Iterator[Finding]:
    for variable, value in known:
        place = text.find(value)
        if place >= 0:
            yield Finding(name, text.count("\n", 0, place) + 1, f"the value of {variable}")


def _known_values(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable, value in environ.items():
        if not _NAMED_LIKE_SECRETS.search(variable):
            continue
        if variable.endswith("_FILE"):
            value = _content(Path(value))  # noqa: PLW2901  the file stands for it
        if len(value.strip()) >= _LEAST:
            yield variable, value.strip().encode().decode("latin-1")


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_SECRET).decode("utf-8", "replace")
    except OSError:
        return ""


def _by_form(name: str, text: str) -> Iterator[Finding]:
    scan, settings = _detectors()
    with settings:
        for number, line in enumerate(text.splitlines(), start=1):
            if _HASH_OF_CODE.match(line):
                continue
            for start in range(0, len(line), _LONGEST_LINE):
                part = line[start : start + _LONGEST_LINE]
                for secret in scan(part):
                    if not _VERSION.match(secret.secret_value or ""):
                        yield Finding(name, number, secret.type)
                for value in credentials(part):
                    if not _VERSION.match(value.strip("\"' ")):
                        yield Finding(name, number, "what follows a name like token or password")


def _detectors() -> tuple[Any, Any]:
    try:
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import default_settings, get_settings, transient_settings
    except ImportError as error:
        raise MissingExtra("looking for secrets", "mlflow") from error
    with default_settings():
        names = [name for name in get_settings().plugins if not name.endswith(_LEFT_OUT)]
    return scan_line, transient_settings({"plugins_used": [{"name": name} for name in names]})
