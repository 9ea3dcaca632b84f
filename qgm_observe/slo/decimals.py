"""Numbers as people write them: `0.05`, never `0.050000000000000044`."""

from decimal import ROUND_HALF_EVEN, Decimal

_SIX = Decimal("0.000001")


def plain(number: float | Decimal) -> str:
    """Return a number with at most six decimals, no exponent and no zeros at the end."""
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    rounded = exact.quantize(_SIX, ROUND_HALF_EVEN).normalize()
    return f"{rounded:f}" if rounded else "0"


def percent(share: float | Decimal) -> str:
    """Return a share in percent: `95 %`, `99.9 %`."""
    exact = share if isinstance(share, Decimal) else Decimal(str(share))
    return f"{plain(exact * 100)} %"
