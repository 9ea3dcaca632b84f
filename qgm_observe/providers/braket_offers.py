"""Amazon's own price list of Braket, where `BRAKET_PRICE_OFFERS_URL` says where it is.

Source: the bulk price list's CSV, five lines of metadata and then a table; which rows price a task
is taken from `braket.tracking.tracker`, which reads the same variable.
"""

import csv
import io
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.providers.protocol import Price

VARIABLE = "BRAKET_PRICE_OFFERS_URL"
HEAD_LINES = 5
MOST_BYTES = 16 * 2**20

Offers = Sequence[Mapping[str, str]]


def read_offers(url: str, timeout: float) -> Offers:
    """Return the rows of a price list, read within `timeout` seconds.

    Raises:
        UsageError: the address is none of http, https or file, or no price list answers there.
    """
    if not url.startswith(("http://", "https://", "file://")):
        raise UsageError(f"{VARIABLE}={url}: write an http, https or file address")
    with urllib.request.urlopen(url, timeout=timeout) as reply:  # noqa: S310  the scheme is checked above
        text = reply.read(MOST_BYTES).decode("utf-8")
    lines = io.StringIO("".join(text.splitlines(keepends=True)[HEAD_LINES:]))
    rows = list(csv.DictReader(lines))
    if not rows or "PricePerUnit" not in rows[0]:
        raise UsageError(f"{VARIABLE}={url}: no price list of Amazon Braket")
    return rows


def offered(offers: Offers, arn: str, region: str, source: str) -> Price | None:
    """Return the price of a device of one region, `None` where the list has no single row for it.

    Simulators are billed by duration, with 3 s at least.
    """
    name = arn.rsplit("/", 1)[-1]
    if ":device/quantum-simulator/" in arn:
        where = {"Region Code": region, "Version": name.upper(), "operation": "CompleteTask"}
        row = _row(offers, **where, **{"Product Family": "Simulator Task"})
        return _price(name, source, per_second=row) if row else None
    where = {"Region Code": region, "DeviceName": _listed(name)}
    task = _row(offers, **where, **{"Product Family": "Quantum Task"})
    shot = _row(offers, **where, **{"Product Family": "Quantum Task-Shot"})
    return _price(name, source, per_task=task, per_shot=shot) if task and shot else None


def _row(offers: Offers, **wanted: str) -> Mapping[str, str] | None:
    found = [row for row in offers if all(row.get(k) == v for k, v in wanted.items())]
    return found[0] if len(found) == 1 else None


def _listed(name: str) -> str:
    """How the list spells a device that its ARN ends with."""
    return (name[:1].upper() + name[1:]).replace("Ibex", "IBEX")


def _price(device: str, source: str, **rows: Mapping[str, str]) -> Price:
    first = next(iter(rows.values()))
    today = datetime.now(UTC).date().isoformat()
    price = Price(
        provider="braket",
        device=device,
        currency=first["Currency"],
        source=source,
        as_of=(first.get("EffectiveDate") or today)[:10],
    )
    amounts: dict[str, Any] = {part: _amount(row) for part, row in rows.items()}
    return replace(price, **amounts)


def _amount(row: Mapping[str, str]) -> Decimal:
    amount = Decimal(row["PricePerUnit"])
    seconds = {"minutes": 60, "hours": 3600}.get(row.get("Unit", "").lower(), 1)
    return amount / seconds
