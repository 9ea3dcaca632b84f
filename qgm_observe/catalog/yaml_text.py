"""Plain data as YAML text: mappings, lists and strings, no more.

Form: YAML 1.2 block style (https://yaml.org/spec/1.2.2/), also read alike as YAML 1.1. A string
stands plain only where no reader could take it for anything else, else in double quotes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

Data = str | Sequence["Data"] | Mapping[str, "Data"]
"""What can be written: texts, lists and mappings of them; empty ones only as texts."""

_PLAIN = re.compile(r"[A-Za-z_][\w.\-/]*( [\w.\-/;()]*[\w.\-/;()])*", re.ASCII)
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_SHOWN = r" -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_SPECIAL = re.compile(rf'["\\]|[^{_SHOWN}]')
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
    if isinstance(data, str):
        yield _scalar(data)
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
    if isinstance(value, str):
        yield f"{key} {_scalar(value)}"
        return
    yield key
    for line in _lines(value):
        yield f"{_STEP}{line}"


def _item(value: Data) -> Iterator[str]:
    first, *rest = _lines(value)
    yield f"- {first}"
    for line in rest:
        yield f"{_STEP}{line}"


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return f'"{_SPECIAL.sub(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return _NAMED.get(character) or f"\\u{ord(character):04x}"
