"""List prices: a dated file with their sources, and the user's own before it.

A device that no entry names has no price: unknown is `None`, never 0. Amounts are decimals in a
currency that is stated.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from qgm_observe.documents import Model, read
from qgm_observe.errors import UsageError
from qgm_observe.providers.protocol import Price

VARIABLE = "QGM_OBSERVE_PRICES"
SHIPPED = Path(__file__).with_name("prices.yml")
ANY = "*"
AMOUNTS = ("per_task", "per_shot", "per_second", "per_gate_1q", "per_gate_2q", "minimum")


class Entry(Model):
    """One line of a price file; see the head of `prices.yml`."""

    provider: str
    devices: tuple[str, ...]
    plan: str | None = None
    currency: str
    per_task: Decimal | None = None
    per_shot: Decimal | None = None
    per_second: Decimal | None = None
    per_gate_1q: Decimal | None = None
    per_gate_2q: Decimal | None = None
    minimum: Decimal | None = None
    source: str
    as_of: date
    certainty: Literal["primary", "secondary", "uncertain"]


class PriceFile(Model):
    """A price file."""

    prices: tuple[Entry, ...]


class Prices:
    """Prices by provider, device and plan; entries that stand first win.

    Args:
        files: The entries of each file, the user's own before the shipped ones.
    """

    def __init__(self, *files: tuple[Entry, ...]) -> None:
        self._files = files

    def find(self, provider: str, device: str, plan: str | None = None) -> Entry | None:
        """Return the entry of a device, `None` where none or, without a plan, several fit.

        An entry that names the device goes before one of all devices, and a file before the next.
        """
        for entries in self._files:
            fitting = [e for e in entries if e.provider == provider and plan in {None, e.plan}]
            for name in (device, ANY):
                found = [entry for entry in fitting if name in entry.devices]
                if found:
                    return found[0] if len({entry.plan for entry in found}) == 1 else None
        return None

    def price(self, provider: str, device: str, plan: str | None = None) -> Price | None:
        """Return the price of a device, `None` where it is not known.

        Args:
            provider: The label, for instance `braket`.
            device: The device's name as the provider gives it.
            plan: The account's plan, where the provider has several; without it their price is
                not known.
        """
        entry = self.find(provider, device, plan)
        if entry is None:
            return None
        told = entry.model_dump(exclude={"provider", "devices", "as_of", "certainty"})
        return Price(provider=provider, device=device, as_of=entry.as_of.isoformat(), **told)

    def providers(self) -> tuple[str, ...]:
        """Return the providers that have a price, in the order of the files."""
        return tuple(dict.fromkeys(e.provider for entries in self._files for e in entries))

    def plans(self, provider: str) -> tuple[str, ...]:
        """Return the plans that a provider's prices differ by."""
        named = {e.plan: None for entries in self._files for e in entries if e.provider == provider}
        return tuple(plan for plan in named if plan)


def prices(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Prices:
    """Read the user's price file, where there is one, and the shipped one behind it.

    Args:
        path: The user's file; without it the one that `QGM_OBSERVE_PRICES` names.
        environ: The environment.

    Raises:
        UsageError: the file cannot be read, or what is wrong with it, with its line.
    """
    own = path or (Path(environ[VARIABLE]).expanduser() if environ.get(VARIABLE) else None)
    return Prices(_entries(own), _shipped()) if own else Prices(_shipped())


@cache
def _shipped() -> tuple[Entry, ...]:
    return _entries(SHIPPED)


def _entries(path: Path) -> tuple[Entry, ...]:
    documents = read(path)
    if len(documents) != 1:
        raise UsageError(f"{path}: write exactly one document, not {len(documents)}")
    (document,) = documents
    entries = document.validated(PriceFile).prices
    for number, entry in enumerate(entries):
        for field, message in _complaints(entry):
            raise document.error(("prices", number, field), message)
    return entries


def _complaints(entry: Entry) -> Iterator[tuple[str, str]]:
    if len(entry.currency) != 3 or not entry.currency.isupper():  # noqa: PLR2004  ISO 4217
        yield "currency", f"currency {entry.currency!r}: write three capitals, such as USD"
    if not entry.devices:
        yield "devices", 'devices: write names, or ["*"] for all'
    amounts = {name: getattr(entry, name) for name in AMOUNTS}
    for name, amount in amounts.items():
        if amount is not None and not (amount.is_finite() and amount >= 0):
            yield name, f"{name} {amount}: write an amount of 0 or more"
    if all(amount is None for amount in amounts.values()):
        yield "provider", f"no amount: write one of {', '.join(AMOUNTS)}"
