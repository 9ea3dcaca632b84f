"""A number with its interval, as text."""

import pytest

from qgm_observe.records import Estimate, estimate_rows, estimate_text


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(name="mmd_squared", value=0.25), "mmd squared 0.25"),
        (
            Estimate(name="tvd", value=0.1, low=0.05, high=0.2, level=0.9, floor=0.01),
            "tvd 0.1, 0.05 to 0.2 at 90%, a perfect sampler shows 0.01",
        ),
        (Estimate(name="xeb", reason="insufficient shots"), "xeb not known: insufficient shots"),
        (Estimate(name="chi_square_p", value=0.0), "chi square p < 1e-16"),
    ],
    ids=["value", "interval", "reason", "p"],
)
def test_printed_it_is_a_sentence(estimate: Estimate, words: str) -> None:
    """One estimate is told in one line, however much of it is known."""
    assert str(estimate) == words


def test_a_shared_level_stands_in_the_heading() -> None:
    """Intervals of one level name it once, intervals of two name it on every line."""
    one = Estimate(name="a", value=1.0, low=0.5, high=2.0, level=0.9)
    other = Estimate(name="b", value=1.0, low=0.5, high=2.0, level=0.95)

    assert [row[2] for row in estimate_rows([one])] == ["interval at 90%", "0.5 to 2"]
    assert [row[2] for row in estimate_rows([one, other])] == [
        "interval",
        "0.5 to 2 at 90%",
        "0.5 to 2 at 95%",
    ]


def test_a_reason_moves_no_column() -> None:
    """A long reason runs on to the right, and the numbers of the others stay in their columns."""
    told = [
        Estimate(name="a_long_name", reason="there is no value here, for a reason", floor=1.0),
        Estimate(name="b", value=1.5, low=1.0, high=2.0, floor=0.25),
    ]

    assert estimate_text(told) == (
        "samples          value  interval at 95%  perfect shows\n"
        "a long name  not known  there is no value here, for a reason\n"
        "b                  1.5  1 to 2                    0.25"
    )


def test_nothing_estimated_is_a_heading() -> None:
    """Without estimates only the headings are left."""
    assert estimate_text([]) == "samples  value  interval  perfect shows"
