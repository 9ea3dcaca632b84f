"""What is read from the text of an expression."""

import pytest

from qgm_observe.dashboards.expressions import (
    Asked,
    Condition,
    asked,
    kept_labels,
    made_labels,
    unbalanced,
)


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up", ["up"]),
        ('sum by (le) (rate(a_bucket{x="1"}[5m]))', ["a_bucket"]),
        ("a - (b offset 1d or a * 0)", ["a", "b", "a"]),
        ('a{x="b or c"} / on (slo) group_left () d', ["a", "d"]),
        ("topk(10, a) and topk(3, b @ end())", ["a", "b"]),
        ("vector(0.95) * NaN", []),
        ('count by (v) ({__name__="x"})', ["__name__"]),
        ("a:b:c unless on () d > bool 0", ["a:b:c", "d"]),
        ("x offset $__range", ["x"]),
        ('max(a{y=~"$y"}) * 1e9 + Inf', ["a"]),
    ],
)
def test_metrics_are_found(expr, metrics):
    """Functions, words, labels, durations and numbers are no metrics; a nameless one is seen."""
    assert sorted(each.metric for each in asked(expr)) == sorted(metrics)


def test_conditions_are_read():
    """Each with its operator, also where a value holds brackets and quotes."""
    expr = r'a{b="1",c=~"x|y{2}",d!~"\"q\""}'

    assert list(asked(expr)) == [
        Asked(
            "a",
            (
                Condition("b", "=", "1"),
                Condition("c", "=~", "x|y{2}"),
                Condition("d", "!~", r"\"q\""),
            ),
        )
    ]


def test_kept_labels_are_read():
    """Those of groupings and of matchings, not those of strings."""
    expr = 'sum by (a, b) (x{y="by (z)"}) / on (c) group_left (d) max without (e) (f)'

    assert kept_labels(expr) == {"a", "b", "c", "d", "e"}


def test_made_labels_are_read():
    """The first text of each replacing and joining, and what values become."""
    expr = (
        'label_join(label_replace(count_values by (a) ("b", x{c="1"}), "d", "$1 %", "b", "(.+)"), '
        '"e", " ", "f", "g", "h")'
    )

    assert made_labels(expr) == {"b", "d", "e"}


@pytest.mark.parametrize("expr", ["(a", "a)", "a[5m", 'a{b="1"', "(a]"])
def test_an_open_bracket_is_seen(expr):
    """Also one that is closed by another kind."""
    assert unbalanced(expr)


def test_brackets_in_strings_do_not_count():
    """A value may hold one."""
    assert not unbalanced('sum(a{b="(",c="]"}[5m])')
