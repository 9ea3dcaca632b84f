"""YAML text: literally, and read back by another library."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog.yaml_text import yaml_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORDS = """1 1e3 0x1f 1_000 12:30 2001-01-01 true No NULL ~ y {job} [a] *a &a !a %a @a `a = << ...
--- ? | > _1 e1 inf .inf a: #b - -1"""
ENDS = ["", " ", "a ", "- a", "a: b", "a #b", "a\n", "\ufeff", "\u2028", "\x85", "\x7f"]
AWKWARD = st.sampled_from(WORDS.split() + ENDS)
NUMBERS = st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
LINES = st.lists(TEXTS | AWKWARD, max_size=4).map("\n".join)
DATA = st.recursive(
    TEXTS | AWKWARD | LINES | NUMBERS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(TEXTS | AWKWARD, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


def test_it_is_written_like_this():
    """Block style, two spaces a level, and quotes where a reader might guess wrong."""
    data = {
        "name": "qgm.jobs",
        "count": 3,
        "stable": True,
        "query": 'x{y="z"}',
        "text": "One\n  two.",
        "unit": "{job}",
        "type": {"members": [{"id": "1k", "brief": "A thousand."}, {"id": "none"}]},
        "matrix": [["a", "on"], ["b"]],
    }

    assert yaml_text(data) == (
        "name: qgm.jobs\n"
        "count: 3\n"
        "stable: true\n"
        "query: 'x{y=\"z\"}'\n"
        "text: |-\n"
        "  One\n"
        "    two.\n"
        'unit: "{job}"\n'
        "type:\n"
        "  members:\n"
        '    - id: "1k"\n'
        "      brief: A thousand.\n"
        "    - id: none\n"
        "matrix:\n"
        "  - - a\n"
        '    - "on"\n'
        "  - - b\n"
    )


@given(DATA)
def test_another_library_reads_back_what_was_written(data):
    """Whatever the texts hold, they come back the same in the same places."""
    assert yaml.safe_load(yaml_text(data)) == data


@pytest.mark.parametrize("empty", [[], {}, {"a": []}, [{}]])
def test_what_is_empty_is_refused(empty):
    """An empty list would be read back as nothing at all, so it is not written."""
    with pytest.raises(ValueError, match="leave it out"):
        yaml_text(empty)
