"""For tests of code that samples: assertions whose rate of false failures is stated.

`qgm_observe.testing.provider` is a provider on loopback to run such code against.
"""

from qgm_observe.testing.statistics import (
    assert_same_distribution,
    assert_score_at_least,
    assert_valid_ratio,
)

__all__ = ["assert_same_distribution", "assert_score_at_least", "assert_valid_ratio"]
