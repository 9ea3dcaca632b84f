"""The clauses of a PromQL expression, each of them broken in turn: what mutations.py tries."""

import re
from collections import Counter
from collections.abc import Iterator

Edit = tuple[str, str]
"""What is done to an expression, and the expression that results."""

_SET = re.compile(r"\b(unless|and|or)\b")
_COMPARED = re.compile(r"(?<=[\s)])(==|!=|>=|<=|>|<)(?= )")
_TURNED = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<", "<=": ">"}
_AT_EDGE = {">": ">=", ">=": ">", "<": "<=", "<=": "<"}
_ADDED = re.compile(r"(?<= )[-+*/](?= )")
_OPPOSITE = {"+": "-", "-": "+", "*": "/", "/": "*"}
_SELECTOR = re.compile(r"\w[\w:]*\{[^}]*\}")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_NUMBER = re.compile(r"(?<![\w.\"\[:])(\d+(?:\.\d+)?)(?![\w.\"])")
_SPAN = re.compile(r"(\[|offset |:)(\d+)([smhd])\b")
_LABELS = re.compile(r"\b(by|on|group_left) \(([^()]+)\)")
_BARE = re.compile(r" (?:(?:on|group_left) \(\)|@ end\(\))")
_CALLED = re.compile(r"\b([a-z_]+\d?) ?(?:by \([^()]*\) ?)?\(")
_OTHER_CALL = {
    "sum": ("max",),
    "max": ("min",),
    "min": ("max",),
    "count": ("max",),
    "sum_over_time": ("max_over_time",),
    "last_over_time": ("min_over_time", "max_over_time"),
    "min_over_time": ("max_over_time",),
    "rate": ("delta",),
    "increase": ("delta",),
    "clamp_min": ("clamp_max",),
    "ln": ("log2",),
    "absent": ("max",),
    "label_replace": ("",),
    "timestamp": ("",),
}
"""What is called instead of a function; `""` is its first argument alone."""
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN_FACTOR, _NEAR = 4, 30
_EXACT = re.compile(
    r"clamp_min\(max by \([^)]*\) \(last_over_time\((\w+(?:\{[^}]*\})?)\[1h\]\)\) - "
    r"\(max by \([^)]*\) \(last_over_time\(\1\[6h\] offset (\w+)\)\) or "
    r"(?:min by \([^)]*\) \(min_over_time\(qgm:slo_first:\w+\{[^}]*\}\[\2\]\)\) or )?"
    r"max by \([^)]*\) \(last_over_time\(\1\[1h\]\)\) \* 0\), 0\)"
)
_SHORT = re.compile(r"exact\((\w+(?:\{[^}]*\})?)\[(\w+)\]\)")
_FEW = 3


def of_rule(expression: str, is_exact: bool) -> Iterator[Edit]:
    """Break an expression; what one function renders everywhere, only if is_exact."""
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
    yield from _matched_nowhere(expression)
    yield from _other_spans(expression, bare)
    yield from _fewer_labels(expression, bare)
    yield from _called_otherwise(expression, bare)


def _matched_nowhere(expression: str) -> Iterator[Edit]:
    """Leave out a matcher that several selectors have, in all of them."""
    selectors = dict.fromkeys(_SELECTOR.findall(expression))
    had = Counter(found[0] for each in selectors for found in _MATCHER.finditer(each))
    for matcher in (each for each, times in had.items() if times > 1):
        text = expression.replace(matcher, "").replace(",,", ",")
        yield f"drop {matcher} everywhere", text.replace("{,", "{").replace(",}", "}")


def _other_spans(expression: str, bare: str) -> Iterator[Edit]:
    """Make ranges, offsets and resolutions longer and shorter, all of a selector at once."""
    spans = {expression[max(0, m.start() - _NEAR) : m.end()]: m for m in _SPAN.finditer(bare)}
    for text, found in spans.items():
        seconds = int(found[2]) * SECONDS[found[3]]
        before = text.removesuffix(found[0])
        for other in (seconds * _SPAN_FACTOR, seconds // _SPAN_FACTOR):
            pattern = re.escape(text) + r"(?=[\]:)\s,]|$)"
            changed = f"{before}{found[1]}{other}s".replace("\\", r"\\")
            yield f"{found[0]} becomes {other}s", re.sub(pattern, changed, expression)


def _called_otherwise(expression: str, bare: str) -> Iterator[Edit]:
    """Break each call, and its like; the rest of a match or of a subquery that stands alone."""
    calls = {expression[each.start() : _end(bare, each.end())]: each for each in _calls(bare)}
    for call, found in calls.items():
        for other in _OTHER_CALL[found[1]]:
            told = " ".join(call.split())[:70]
            if other:
                text = expression.replace(call, other + call.removeprefix(found[1]))
                yield f"{told} becomes {other}", text
            else:
                first = _first_argument(call[len(found[0]) : -1])
                yield f"{told} is left out", expression.replace(call, first)
    for found in _BARE.finditer(bare):
        text = expression[: found.start()] + expression[found.end() :]
        yield f"{_around(expression, found)} without{found[0]}", text


def _calls(bare: str) -> Iterator[re.Match[str]]:
    return (found for found in _CALLED.finditer(bare) if found[1] in _OTHER_CALL)


def _end(bare: str, begin: int) -> int:
    """Return where a call ends whose arguments begin here."""
    depth, place = 1, begin
    while depth:
        depth += (bare[place] in "({[") - (bare[place] in ")}]")
        place += 1
    return place


def _first_argument(arguments: str) -> str:
    return arguments[: _end_of_operand(_without_strings(arguments), 0)]


def _compared_otherwise(expression: str, bare: str) -> Iterator[Edit]:
    for found in _COMPARED.finditer(bare):
        for other in filter(None, (_TURNED[found[0]], _AT_EDGE.get(found[0]))):
            text = expression[: found.start()] + other + expression[found.end() :]
            yield f"{_around(expression, found)} becomes {other}", text
    for found in _ADDED.finditer(bare):
        other = _OPPOSITE[found[0]]
        text = expression[: found.start()] + other + expression[found.end() :]
        yield f"{_around(expression, found)} becomes {other}", text
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
    """Return a place of an expression, and what is broken there in angles."""
    before = expression[max(0, found.start() - 25) : found.start()]
    told = f"{before}«{found[0].strip()}»{expression[found.end() : found.end() + 12]}"
    return " ".join(told.split())


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
