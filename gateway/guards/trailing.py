"""Trailing stops: the best price since the fill, seen twice, moves the stop that follows it."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row

from gateway.domain.guarding import Trail
from gateway.domain.money import round_to_tick
from gateway.guards.surroundings import Surroundings, is_short
from storage import guards, holdings


class Trailing:
    """Follows the prices of one venue's holdings that asked for it. The peak is kept: a restart goes on."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        #: The price at the look before: a single print must not raise a stop above the market.
        self._before: dict[str, Decimal] = {}
        self._raised_at: dict[str, datetime] = {}

    async def follow(self) -> None:
        """One look at the prices; a peak that is worth it is written down, and the levels follow from it."""
        wishes = await self._around.database.read(self._wishes)
        if not wishes or not self._around.is_open():
            self._before.clear()
            return
        prices = await asyncio.gather(*(self._around.last_price(wish) for wish in wishes))
        raised = {}
        for wish, price in zip(wishes, prices, strict=True):
            if price is not None and (peak := self._peak(wish, price)) is not None:
                raised[wish.holding] = peak
        if raised:
            await self._around.database.write(lambda connection: _raise(connection, raised))

    def _wishes(self, connection: Connection) -> list[Row[Any]]:
        return [wish for wish in guards.wishes(connection, self._around.venue) if wish.trail_said is not None]

    def _peak(self, wish: Row[Any], price: Decimal) -> Decimal | None:
        """The new peak, seen at two looks, when its stop has a step to go and the last one was long ago."""
        before, self._before[wish.holding] = self._before.get(wish.holding), price
        if before is None:
            return None
        seen = max(before, price) if is_short(wish) else min(before, price)
        trail, now = trail_of(wish), self._around.clock()
        if trail is None:
            return None
        better = trail.peak - seen if trail.short else seen - trail.peak
        if better < trail.step(wish.tick_size, self._around.figures):
            return None
        pause = timedelta(seconds=self._around.figures.trailing_seconds)
        if now - self._raised_at.get(wish.holding, now - pause) < pause:
            return None
        self._raised_at[wish.holding] = now
        return seen


def _raise(connection: Connection, raised: dict[str, Decimal]) -> None:
    for holding, peak in raised.items():
        holdings.raise_peak(connection, holding, peak)


def trail_of(wish: Row[Any]) -> Trail | None:
    """The trailing stop of a holding as it stands; None where none was asked for."""
    if wish.trail_said is None:
        return None
    short = is_short(wish)
    average = round_to_tick(Decimal(wish.cost_paise) / wish.bought / 100, wish.tick_size, up=short)
    known = wish.peak or average
    return Trail(
        said=wish.trail_said, peak=min(average, known) if short else max(average, known), short=short
    )
