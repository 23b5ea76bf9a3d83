"""What is held, at the last prices known: kept fresh from outside transactions, read inside them."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from gateway.domain.profit import OpenHolding
from gateway.profit import open_holding, prices_of_positions
from gateway.venues import VenueAccess
from storage import holdings, intents
from storage.engine import Database

log = structlog.get_logger()

#: A price this old is asked for anew while its contract is held; one older than the second is not known.
FRESH_SECONDS, KNOWN_SECONDS = 3.0, 30.0
#: So long a reading may take.
PATIENCE_SECONDS = 3.0


class Valuation:
    """Knows prices of what is held: from the stream where it flows, else from the account's positions, which
    cost none of the one price request a second that entries need (facts/kite.md 5)."""

    def __init__(self, database: Database, venues: Mapping[str, VenueAccess]) -> None:
        self._database = database
        self._venues = venues
        self._noted: dict[tuple[str, str], tuple[Decimal, float]] = {}

    async def refresh(self, venue: str) -> None:
        """Reads what is held at the venue and has no fresh price. What cannot be read stays unknown.

        Raises StorageFailed.
        """
        access = self._venues[venue]
        tokens = await self._database.read(lambda connection: _tokens(connection, venue))
        for key, token in tokens.items():
            await access.prices.follow(token, key)
        missing = [key for key in tokens if access.prices.cached(key, FRESH_SECONDS) is None]
        if not missing or not access.session.alive:
            return
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await prices_of_positions(access)
                for key in missing:
                    price = found.get(key) or await access.prices.last(key)
                    if price is not None:
                        self._noted[venue, key] = (price, time.monotonic())
        except TimeoutError:
            log.warning("holdings_not_priced_in_time", venue=venue, keys=missing)

    def value(self, rows: Iterable[Row[Any]]) -> tuple[OpenHolding, ...]:
        """Open holdings' rows at the prices known, without a wait."""
        found = []
        for row in rows:
            price = self._price(row.venue, f"{row.exchange}:{row.tradingsymbol}")
            found.append(open_holding(row, price))
        return tuple(found)

    def _price(self, venue: str, key: str) -> Decimal | None:
        prices = self._venues[venue].prices
        price, at = self._noted.get((venue, key), (None, 0.0))
        streamed = prices.cached(key, FRESH_SECONDS)
        if streamed is not None:
            return streamed
        if price is not None and time.monotonic() - at <= KNOWN_SECONDS:
            return price
        return prices.cached(key, KNOWN_SECONDS)


def _tokens(connection: Connection, venue: str) -> dict[str, int]:
    """The instrument token of each contract held, by its quote key."""
    found = {}
    for row in holdings.open_(connection, venue=venue):
        intent = intents.get(connection, row.intent_id)
        if intent is not None:
            found[f"{row.exchange}:{row.tradingsymbol}"] = intent.instrument_token
    return found
