"""The clauses of a PromQL expression, each of them broken in turn: what mutations.py tries."""

import re
from collections.abc import Iterator

Edit = tuple[str, str]
"""What is done to an expression, and the expression that results."""

_SET = re.compile(r"\b(unless|and|or)\b")
_COMPARED = re.compile(r"(?<=[\s)])(==|!=|>=|<=|>|<)(?= )")
_TURNED = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<", "<=": ">"}
_SELECTOR = re.compile(r"\w[\w:]*\{[^}]*\}")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_NUMBER = re.compile(r"(?<![\w.\"\[:])(\d+(?:\.\d+)?)(?![\w.\"])")
_SPAN = re.compile(r"(\[|offset )(\d+)([smhd])")
_LABELS = re.compile(r"\b(by|on|group_left) \(([^()]+)\)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN_FACTOR = 4
_EXACT = re.compile(
    r"clamp_min\(max by \([^)]*\) \(last_over_time\((\w+(?:\{[^}]*\})?)\[1h\]\)\) - "
    r"\(max by \([^)]*\) \(last_over_time\(\1\[6h\] offset (\w+)\)\) or "
    r"max by \([^)]*\) \(last_over_time\(\1\[1h\]\)\) \* 0\), 0\)"
)
_SHORT = re.compile(r"exact\((\w+(?:\{[^}]*\})?)\[(\w+)\]\)")
_FEW = 3


def of_rule(expression: str, is_exact: bool) -> Iterator[Edit]:
    """Break an expression; the exact count, which one function renders, only where it is whole."""
    if is_exact:
        yield from changes(expression)
        return
    counts = {found[1]: found[0] for found in _EXACT.finditer(expression)}
    short = _EXACT.sub(lambda found: f"exact({found[1]}[{found[2]}])", expression)
    metrics = {selector.partition("{")[0]: whole for selector, whole in counts.items()}
    for what, text in changes(short):
        yield what, _SHORT.sub(lambda found: _whole(found, metrics), text)


def _whole(found: re.Match[str], metrics: dict[str, str]) -> str:
    whole = metrics[found[1].partition("{")[0]]
    selector, offset = _EXACT.findall(whole)[0]
    return whole.replace(selector, found[1]).replace(f"offset {offset})", f"offset {found[2]})")


def changes(expression: str) -> Iterator[Edit]:
    """Yield every way in which an expression is broken."""
    bare = _without_strings(expression)
    for found in _SET.finditer(bare):
        yield from _without_a_side(expression, bare, found)
    yield from _compared_otherwise(expression, bare)
    for selector in dict.fromkeys(_SELECTOR.findall(expression)):
        for what, other in _selected_more(selector):
            yield f"{selector[:40]}: {what}", expression.replace(selector, other)
    for found in {each[0]: each for each in _SPAN.finditer(bare)}.values():
        seconds = int(found[2]) * SECONDS[found[3]]
        for other in (seconds * _SPAN_FACTOR, seconds // _SPAN_FACTOR):
            pattern = re.escape(found[0]) + r"(?=[\]:)\s,]|$)"
            yield f"{found[0]} becomes {other}s", re.sub(pattern, f"{found[1]}{other}s", expression)
    yield from _fewer_labels(expression, bare)


def _compared_otherwise(expression: str, bare: str) -> Iterator[Edit]:
    for found in _COMPARED.finditer(bare):
        turned = _TURNED[found[0]]
        text = expression[: found.start()] + turned + expression[found.end() :]
        yield f"{_around(expression, found)} becomes {turned}", text
    for found in _NUMBER.finditer(bare):
        for other in _others(float(found[1])):
            text = expression[: found.start()] + f"{other:.9g}" + expression[found.end() :]
            yield f"{_around(expression, found)} becomes {other:g}", text


def _fewer_labels(expression: str, bare: str) -> Iterator[Edit]:
    pinned = {found[1] for found in _MATCHER.finditer(expression) if found[2] == "="}
    for found in {each[0]: each for each in _LABELS.finditer(bare)}.values():
        labels = found[2].split(", ")
        for label in labels:
            if found[1] == "by" and label in pinned and len(labels) > _FEW:
                continue  # of one value in all that is selected: it tells nothing apart
            kept = ", ".join(each for each in labels if each != label)
            text = expression.replace(found[0], f"{found[1]} ({kept})")
            yield f"{found[1]} ({len(labels)} labels) without {label}", text


def _without_strings(expression: str) -> str:
    """Blank what stands in quotes, so that nothing in it is taken for PromQL."""
    return re.sub(r'"[^"]*"', lambda found: '"' + "_" * (len(found[0]) - 2) + '"', expression)


def _others(number: float) -> tuple[float, float]:
    return (number * 2, number / 2) if number else (1.0, -1.0)


def _without_a_side(expression: str, bare: str, found: re.Match[str]) -> Iterator[Edit]:
    end = _end_of_operand(bare, found.end())
    dropped = " ".join(expression[found.start() : end].split())
    yield f"drop {dropped[:90]}", expression[: found.start()].rstrip() + expression[end:]
    if found[0] == "unless":
        return
    begin = _begin_of_operand(bare, found.start())
    condition = re.match(r"\s*(on \([^)]*\))?", bare[found.end() :])
    kept = expression[found.end() + (condition.end() if condition else 0) :]
    dropped = " ".join(expression[begin : found.end()].split())
    yield f"drop {dropped[-90:]}", expression[:begin] + kept


def _around(expression: str, found: re.Match[str]) -> str:
    return " ".join(expression[max(0, found.start() - 25) : found.end() + 12].split())


def _selected_more(selector: str) -> Iterator[Edit]:
    for found in _MATCHER.finditer(selector):
        text = selector[: found.start()] + selector[found.end() :].removeprefix(",")
        yield f"drop {found[0]}", text.replace(",}", "}")
        values = found[3].split("|")
        for value in values if len(values) > 1 else ():
            kept = "|".join(each for each in values if each != value)
            begin, end = found.span(3)
            yield f"drop {value} of {found[1]}", selector[:begin] + kept + selector[end:]


def _end_of_operand(bare: str, begin: int) -> int:
    """Return where the right side of a set operator ends: at its parenthesis, or the next one."""
    depth = 0
    for place in range(begin, len(bare)):
        depth += (bare[place] in "({[") - (bare[place] in ")}]")
        if depth < 0 or (depth == 0 and bare[place] == ","):
            return place
        if depth == 0 and bare[place - 1].isspace() and _SET.match(bare, place):
            return place
    return len(bare)


def _begin_of_operand(bare: str, end: int) -> int:
    """Return where the left side of a set operator begins."""
    depth = 0
    for place in range(end - 1, -1, -1):
        depth += (bare[place] in ")}]") - (bare[place] in "({[")
        if depth < 0 or (depth == 0 and bare[place] == ","):
            return place + 1
    return 0
