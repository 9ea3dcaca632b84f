"""A verdict answers a question of the catalog, and nothing else."""

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.records import Verdict


@pytest.mark.parametrize(
    ("question", "answer"), [("training", "healthy"), ("weather", "improving"), ("inputs", "")]
)
def test_an_unknown_answer_is_refused(question, answer):
    """Neither question nor answer may be one that the catalog does not list."""
    with pytest.raises(UsageError, match="catalog"):
        Verdict(question=question, answer=answer)


def test_a_known_answer_keeps_its_reason():
    """A listed answer stands with the reason that was given."""
    assert Verdict(question="inputs", answer="steady", reason="all").reason == "all"
