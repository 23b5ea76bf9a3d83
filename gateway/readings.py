"""What the rules want to know of the broker, read before the transaction that judges; what does not come soon
is not known."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import structlog
from sqlalchemy import Row

from config.settings import Settings
from gateway.domain.errors import BrokerError
from gateway.domain.funds import Funds
from gateway.domain.money import Paise
from gateway.domain.order import Purpose, Side
from gateway.domain.risk import NOTHING_READ, Readings
from gateway.drafts import Draft, proposal_of, ticket_like
from gateway.venues import VenueAccess

log = structlog.get_logger()

Read = TypeVar("Read")

#: An entry waits so long for what it can do without.
PATIENCE_SECONDS = 1.5
#: The account's money is asked for anew after so long, or at once when it would not do.
MONEY_FRESH_SECONDS = 10.0


class Money:
    """The free margin of one venue's account; alerts that come at once share one request."""

    def __init__(self, access: VenueAccess) -> None:
        self._access = access
        self._known: tuple[Paise, float] | None = None
        self._request: asyncio.Task[Funds | None] | None = None

    async def available(self, needs: Paise | None) -> Paise | None:
        """What new orders may take, in paise; None when it cannot be read. May be some seconds old, but a
        no for `needs` is always from a fresh reading."""
        if self._known is not None:
            amount, at = self._known
            enough = needs is None or amount >= needs
            if enough and time.monotonic() - at <= MONEY_FRESH_SECONDS:
                return amount
        funds = await self.refresh()
        return None if funds is None else funds.available

    async def refresh(self) -> Funds | None:
        """A fresh reading, shared by all who ask while it is under way."""
        if self._request is None or self._request.done():
            self._request = asyncio.create_task(self._read(), name="funds")
        return await asyncio.shield(self._request)

    def spent(self, needs: Paise | None) -> None:
        """An order that takes so much is being sent: the next one does not count on it."""
        if self._known is not None:
            amount, at = self._known
            self._known = (Paise(amount - (needs or 0)), at)

    async def _read(self) -> Funds | None:
        try:
            funds = await self._access.book.funds()
        except BrokerError as error:
            log.warning("no_funds", error=error.sentence)
            self._known = None
            return None
        self._known = (funds.available, time.monotonic())
        return funds


class Reader:
    """Reads what the configured rules ask for, and nothing else."""

    def __init__(self, settings: Settings, venues: Mapping[str, VenueAccess]) -> None:
        self._risk = settings.risk
        self._market_data = settings.kite.market_data
        self._venues = venues
        self._money = {venue: Money(access) for venue, access in venues.items()}

    async def keep_warm(self, market_open: Callable[[], bool]) -> None:
        """Reads the free margin on and on while the market is open, so that no alert waits for it."""
        while True:
            if market_open():
                alive = [venue for venue, access in self._venues.items() if access.session.alive]
                await asyncio.gather(*(_soon(self._money[venue].refresh()) for venue in alive))
            await asyncio.sleep(MONEY_FRESH_SECONDS * 0.8)

    async def read(self, venue: str, quote_key: str, needs: Paise | None) -> Readings:
        """Before an entry at `venue` in the contract `quote_key` (`NFO:...`) that takes `needs` paise.

        Raises nothing: what cannot be read soon is None.
        """
        prices = self._venues[venue].prices
        wants_price = self._risk.max_price_drift_percent is not None or self._risk.min_price is not None
        price, quote, available = await asyncio.gather(
            _soon(prices.last(quote_key)) if wants_price else _nothing(),
            _soon(prices.quote(quote_key)) if self._risk.max_spread_percent is not None else _nothing(),
            _soon(self._money[venue].available(needs)),
        )
        return Readings(price=price, quote=quote, available=available)

    async def before_claim(self, row: Row[Any]) -> Readings:
        """For the rules on entries; an exit is held up by nothing that only they want to know."""
        if row.purpose != Purpose.ENTRY:
            return NOTHING_READ
        needs = proposal_of([row], asked=False, policy="none").needs
        return await self.read(row.venue, f"{row.exchange}:{row.tradingsymbol}", needs)

    async def with_margin(self, draft: Draft) -> Draft:
        """What the broker says it needs; for an option bought that is its premium, where no price was had."""
        if draft.margin_paise is not None:
            return draft
        try:
            margin = await self._venues[draft.venue].book.order_margin([ticket_like(draft)])
        except BrokerError as error:
            log.warning("no_margin", error=error.sentence)
            return draft
        values = {**draft.__dict__, "margin_paise": margin}
        if draft.premium is None and draft.side is Side.BUY and not self._market_data and margin:
            values["premium"] = (Decimal(margin) / 100 / draft.quantity).quantize(Decimal("0.01"))
        return Draft(**values)

    def spent(self, venue: str, needs: Paise | None) -> None:
        """An entry that takes `needs` paise was claimed."""
        self._money[venue].spent(needs)


async def _soon(reading: Awaitable[Read | None]) -> Read | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reading
    except TimeoutError:
        log.warning("entry_judged_without_a_reading")
        return None


async def _nothing() -> None:
    return None
