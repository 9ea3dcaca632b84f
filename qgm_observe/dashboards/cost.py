"""Cost: what does work cost, what was wasted, and does every bill belong to some work?"""

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.catalog import signals
from qgm_observe.dashboards import kinds, money_panels
from qgm_observe.dashboards.board import Board, Panel, Role, Row
from qgm_observe.dashboards.kinds import COUNT, SECONDS, column
from qgm_observe.dashboards.money_panels import MONTH, USD
from qgm_observe.dashboards.queries import pick
from qgm_observe.dashboards.site import Site, annotations, links, site, variables


def cost(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PROJECT, by.PROVIDER)
    return Board(
        slug="cost",
        title="Cost",
        brief="What does work cost, what was wasted, and does every bill belong to some work?",
        rows=(
            Row("Is it as planned?", (*money_panels.planned(here), _hourly(here))),
            Row("What was it for?", (*money_panels.purposes(here), _sessions(here))),
            Row("What is not in these figures?", (_untagged(here), _foreign(here), _prices(here))),
        ),
        variables=variables(here.scope, signals.COST, by.PROJECT, by.PROVIDER),
        annotations=annotations(here.scope),
        links=links(configuration, "cost"),
        refresh="5m",
        time_from="now-30d",
    )


def _hourly(here: Site) -> Panel:
    return money_panels.spend_rate(here, width=24)


def _sessions(here: Site) -> Panel:
    told = here.told(
        "Sessions that ended in 30 days, the device time they used, and the part of their bills "
        "that was for idle time.",
        "Little idle.",
        "QgmCostAnomaly",
    )
    key, scope = ("pipeline", "device"), here.scope
    idle = pick(signals.COST_WASTED, reason="idle")
    return kinds.table(
        "Sessions (30 d)",
        told,
        key,
        (
            column(f"{scope.count(signals.SESSION_USAGE, MONTH, key)} > 0", "Used", SECONDS),
            column(f"{scope.count(idle, MONTH, key)} > 0", "Idle", USD),
            column(f"{scope.count(signals.SESSIONS, MONTH, key)} > 0", "Sessions", COUNT,
                   role=Role.BASIS),
        ),
        width=24,
        height=6,
    )  # fmt: skip


def _untagged(here: Site) -> Panel:
    told = here.told(
        "Invoice lines of 30 days that belong to no recorded work: somebody else's, or submitted "
        "without the tag of its job.",
        "None.",
        "QgmCostAnomaly",
    )
    key = ("provider", "device")
    amount = here.scope.count(told_by.COST_UNTAGGED, MONTH, key)
    return kinds.table(
        "Untagged cost (30 d)",
        told,
        key,
        (column(f"{amount} > 0", "Untagged", USD),),
        width=8,
        empty=kinds.NONE,
    )


def _foreign(here: Site) -> Panel:
    told = here.told(
        "Bills and invoice lines of 30 days that no figure here holds, caps neither: in another "
        "currency, or unpriced, of work that no price is known of.",
        "None.",
        "QgmCostAnomaly",
    )
    key = ("provider", by.CURRENCY.name)
    bills = f"{here.scope.count(signals.COST_FOREIGN, MONTH, key)} > 0"
    name = by.CURRENCY.name
    worded = f'label_replace({bills}, "{name}", "unpriced", "{name}", "unknown")'
    return kinds.table(
        "Bills unpriced or not in USD (30 d)",
        told,
        key,
        (column(worded, "Bills", COUNT),),
        width=8,
        empty=kinds.NONE,
    )


def _prices(here: Site) -> Panel:
    told = here.told(
        "List prices that estimates rest on, from the dated price file.",
        "Those of your contract; else estimates are off by as much.",
        "QgmCostAnomaly",
    )
    key = ("provider", "device", by.PRICED.name)
    price = here.scope.level(told_by.PRICE, key)
    return kinds.table("List prices", told, key, (column(price, "Price", USD),), width=8)
