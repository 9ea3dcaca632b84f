"""Which price holds for an account."""

from decimal import Decimal

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.spend.pricing import as_text, tariff


def test_a_plan_gives_ibm_a_price_and_leaves_others_theirs():
    """IBM's price depends on the plan; Braket's and a simulator's do not."""
    prices = tariff("pay-as-you-go")

    assert prices.price("ibm", "ibm_fez").per_second == Decimal("1.60")
    assert prices.price("braket", "Garnet").per_shot == Decimal("0.00145")
    assert tariff().price("ibm", "ibm_fez") is None


def test_a_plan_that_no_provider_has_is_refused():
    """The message names the plans there are."""
    with pytest.raises(UsageError, match="plan 'gold': write one of flex, open, pay-as-you-go"):
        tariff("gold")


@pytest.mark.parametrize(
    ("amount", "text"), [("3.20", "3.2"), ("0", "0"), ("100", "100"), ("0.0000004", "0")]
)
def test_amounts_are_written_in_full(amount, text):
    """No exponent, no idle zeros, to a millionth of the currency."""
    assert as_text(Decimal(amount)) == text
