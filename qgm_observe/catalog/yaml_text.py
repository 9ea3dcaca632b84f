"""Plain data as YAML text: mappings, lists, texts, numbers and truths, no more.

Form: YAML 1.2 block style (https://yaml.org/spec/1.2.2/), also read alike as YAML 1.1. A string
stands plain only where no reader could take it for anything else, else in quotes: in single ones
where double ones would have to be escaped. Lines stand as lines.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

Data = str | float | bool | Sequence["Data"] | Mapping[str, "Data"]
"""What can be written: texts, numbers, lists and mappings of them; empty ones only as texts."""

_PLAIN = re.compile(r"[A-Za-z_][\w.\-/]*( [\w.\-/;()]*[\w.\-/;()])*", re.ASCII)
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_SHOWN = r" -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_SPECIAL = re.compile(rf'["\\]|[^{_SHOWN}]')
_SHOWN_ONLY = re.compile(rf"[{_SHOWN}]*")
_LINES = re.compile(rf"(?! )[{_SHOWN}]+(\n[{_SHOWN}]*)*[{_SHOWN}]\n?")
_NAMED = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t"}
_STEP = "  "


def yaml_text(data: Data) -> str:
    """Return a document.

    Args:
        data: Strings hold no unpaired surrogates.

    Raises:
        ValueError: a list or mapping is empty.
    """
    return "".join(f"{line}\n" for line in _lines(data))


def _lines(data: Data) -> Iterator[str]:
    if isinstance(data, str | float | int):
        yield from _value(data)
        return
    if not data:
        raise ValueError("an empty list or mapping has no block style: leave it out")
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _entry(f"{_scalar(key)}:", value)
    else:
        for value in data:
            yield from _item(value)


def _entry(key: str, value: Data) -> Iterator[str]:
    if isinstance(value, str | float | int):
        first, *rest = _value(value)
        yield f"{key} {first}"
        yield from rest
        return
    yield key
    for line in _lines(value):
        yield f"{_STEP}{line}"


def _item(value: Data) -> Iterator[str]:
    first, *rest = _lines(value)
    yield f"- {first}"
    for line in rest:
        yield f"{_STEP}{line}"


def _value(value: str | float) -> Iterator[str]:
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif not isinstance(value, str):
        text = repr(value)
        yield text if "." in text else text.replace("e", ".0e")  # as YAML 1.1 wants it
    elif "\n" in value and _LINES.fullmatch(value):
        yield "|" if value.endswith("\n") else "|-"
        for line in value.removesuffix("\n").split("\n"):
            yield f"{_STEP}{line}" if line else ""
    else:
        yield _scalar(value)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if '"' in text and _SHOWN_ONLY.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return f'"{_SPECIAL.sub(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return _NAMED.get(character) or f"\\u{ord(character):04x}"
