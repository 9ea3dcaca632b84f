"""Burn rates: the workbook's windows, with factors for the period that is asked."""

from qgm_observe.slo.burn import burns, windows_of
from qgm_observe.slo.decimals import plain

DAY = 86400.0


def factors(days):
    return [plain(each.factor) for each in burns(days * DAY)]


def test_the_factors_are_computed_for_the_period():
    """30 days have the workbook's 14.4, 6, 3 and 1; 28 days 13.44, 5.6, 2.8 and 0.933333."""
    assert factors(30) == ["14.4", "6", "3", "1"]
    assert factors(28) == ["13.44", "5.6", "2.8", "0.933333"]


def test_two_pairs_page_and_two_make_tickets():
    """An hour and six hours page; a day and three days make tickets."""
    told = [(each.severity, each.long, each.short) for each in burns(28 * DAY)]
    assert told == [
        ("page", 3600, 300),
        ("page", 21600, 1800),
        ("ticket", 86400, 7200),
        ("ticket", 259200, 21600),
    ]


def test_all_windows_are_recorded_once():
    """Six hours are a long and a short window, and recorded once."""
    assert windows_of(burns(28 * DAY)) == (300, 1800, 3600, 7200, 21600, 86400, 259200)
