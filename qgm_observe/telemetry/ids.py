"""Trace and span ids, computed from the ids of runs, steps and jobs, so that both ends agree.

A run's id (32 hexadecimal digits) is the trace id of all that happens in it. A free-standing job,
step or session (16 digits) has a trace of its own. Ids are random, so that mixing bits keeps them
apart; the constants are those of SplitMix64 (Steele, Lea, Flood 2014).
"""

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_RUN_DIGITS = 32


def trace_id(subject: str, run: str | None) -> int:
    """Return the 128-bit trace id of a subject, given the run that it is or belongs to."""
    root = run or subject
    number = int(root, 16)
    if len(root) == _RUN_DIGITS:
        return number or 1
    return (_mixed(number) << 64) | number or 1


def span_id(subject: str) -> int:
    """Return the 64-bit id of the span of a run, step, job or session."""
    return (int(subject, 16) & _MASK) or 1


def stage_span_ids(subject: str, count: int) -> list[int]:
    """Return the 64-bit ids of the spans of a subject's stages, in the order they began."""
    first = _mixed(span_id(subject) + _GOLDEN)
    if first + count <= _MASK:
        return list(range(first + 1, first + count + 1))
    return [(first + place) & _MASK or 1 for place in range(1, count + 1)]


def _mixed(number: int) -> int:
    number &= _MASK
    return ((number ^ (number >> 30)) * _MIX) & _MASK
