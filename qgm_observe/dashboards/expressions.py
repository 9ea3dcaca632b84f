"""What a PromQL expression asks, read from its text: metrics, conditions, labels that it keeps.

No parser: whether Prometheus takes an expression is for promtool to say. This tells what lint has
to know of one that it takes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)\s*\{((?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\}")
_MATCHER = re.compile(r'([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_LIST = re.compile(
    r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)", re.IGNORECASE
)
_DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\S+?(?=[\s)]|$)|@\s*(?:end|start)\s*\(\)")
_NAME = re.compile(r"(?<![\w:.$])([A-Za-z_:][\w:]*)(?!\s*\()(?![\w:])")
_MADE = re.compile(r'"(\w+)"(?:, "[^"]*"){3,}\)|\bcount_values\b[^"]*"(\w+)"')
_WORDS = {"and", "or", "unless", "bool", "nan", "inf", "by", "without", "on", "ignoring", "offset"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A matcher as it is written."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric with its conditions."""

    metric: str
    conditions: tuple[Condition, ...] = ()


def asked(expr: str) -> Iterator[Asked]:
    """Yield every selector of an expression, one with conditions before one without."""
    for name, inside in _SELECTOR.findall(expr):
        yield Asked(name, tuple(Condition(*each) for each in _MATCHER.findall(inside)))
    bare = _SELECTOR.sub(" ", expr)
    for pattern in (_STRING, _LIST, _DURATION):
        bare = pattern.sub(" ", bare)
    for name in _NAME.findall(bare):
        if name.lower() not in _WORDS:
            yield Asked(name)


def kept_labels(expr: str) -> set[str]:
    """Return the labels that an expression groups or matches by."""
    lists = (inside for _, inside in _LIST.findall(_STRING.sub(" ", expr)))
    return {name.strip() for inside in lists for name in inside.split(",") if name.strip()}


def made_labels(expr: str) -> set[str]:
    """Return the labels that an expression makes: by replacing, by joining, of values."""
    return {one or other for one, other in _MADE.findall(expr)}


def unbalanced(expr: str) -> bool:
    """Return whether its brackets do not close."""
    open_: list[str] = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for character in _STRING.sub("", expr):
        if character in "([{":
            open_.append(character)
        elif character in pairs and (not open_ or open_.pop() != pairs[character]):
            return True
    return bool(open_)
