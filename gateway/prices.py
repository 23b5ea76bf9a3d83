"""Last prices of one venue: from the stream while it flows, else asked for, many keys in one request."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Protocol

import structlog

from gateway.domain.errors import BrokerError, BrokerFault
from gateway.domain.quote import Quote
from gateway.kite.book import Book

log = structlog.get_logger()

#: What the free Personal plan cannot do (facts/kite.md 6.6).
WITHOUT_MARKET_DATA = (
    "no quotes and no stream. Orders are polled every second while one works; prices come from the account's "
    "positions, so only what is held has one: ATM and other relative strikes are refused, and premium limits "
    "are checked against Kite's margin, or not at all"
)

#: Kite answers one price request a second, and ten of most others (facts/kite.md 5).
REQUEST_INTERVAL, POSITIONS_INTERVAL = 1.0, 0.25
#: Contracts followed on the one stream, whose limit is 3000; what is beyond is asked for.
MOST_FOLLOWED = 2900
_OPTIONS = ("NFO:", "BFO:")
#: Another client of the account (this gateway before its restart, too) may have taken the second's request.
ATTEMPTS = 3
#: Asking again would bring the same answer.
HOPELESS = frozenset({BrokerFault.TOKEN, BrokerFault.PERMISSION})
#: A price older than this is asked for anew; one that the stream brought lives longer, because what does not
#: trade brings no ticks either.
FRESH_SECONDS, STREAMED_FRESH_SECONDS = 1.5, 3.0
#: So long a request waits for company: alerts that come at once must not wait a second for one another.
GATHERING_SECONDS = 0.003


class Feed(Protocol):
    """What brings the prices of instruments, by their tokens."""

    async def subscribe(self, tokens: Iterable[int]) -> None:
        """From now on."""
        ...

    async def unsubscribe(self, tokens: Iterable[int]) -> None:
        """No more."""
        ...


class Prices:
    """`last` never waits longer than a request or two; None when no price can be had."""

    def __init__(
        self, book: Book, *, market_data: bool, feed: Callable[[], Feed | None] = lambda: None
    ) -> None:
        """Without `market_data` prices are those of the account's positions; `feed`: the stream, if any."""
        self._book = book
        self._market_data = market_data
        self._feed = feed
        self._known: dict[str, tuple[Decimal, float]] = {}
        self._streamed: set[str] = set()
        self._keys: dict[int, str] = {}
        self._wanted: set[str] = set()
        self._quotes: dict[str, tuple[Quote, float]] = {}
        self._wanted_quotes: set[str] = set()
        self._request: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")

    @property
    def lacking(self) -> str | None:
        """What cannot be done because the app has no market data; None when it has."""
        return None if self._market_data else WITHOUT_MARKET_DATA

    async def follow(self, instrument_token: int, key: str) -> None:
        """From now on the stream brings this instrument's prices, where there is a stream."""
        feed = self._feed()
        if self._keys.get(instrument_token) == key or feed is None:
            return
        if len(self._keys) < MOST_FOLLOWED or instrument_token in self._keys:
            self._keys[instrument_token] = key
            await feed.subscribe([instrument_token])

    async def forget(self) -> None:
        """Nothing is followed any more: the day's list may have given its tokens to other contracts
        (facts/kite.md 7.1). Whoever needs a price follows anew."""
        tokens = list(self._keys)
        self._keys.clear()
        self._known.clear()
        self._streamed.clear()
        feed = self._feed()
        if feed is not None and tokens:
            await feed.unsubscribe(tokens)

    def note(self, prices: Mapping[int, Decimal]) -> None:
        """Prices from the stream, by instrument token."""
        now = time.monotonic()
        for token, price in prices.items():
            if key := self._keys.get(token):
                self._known[key] = (price, now)
                self._streamed.add(key)

    def cached(self, key: str, max_age: float = FRESH_SECONDS) -> Decimal | None:
        """The last price if it is at most `max_age` seconds old."""
        price, at = self._known.get(key, (None, 0.0))
        return price if price is not None and time.monotonic() - at <= max_age else None

    async def last(self, key: str) -> Decimal | None:
        """The last price of an instrument (`NFO:NIFTY26DEC24000CE`) in rupees or index points."""
        if not self._market_data and not key.startswith(_OPTIONS):
            return None
        fresh = self.cached(key, STREAMED_FRESH_SECONDS if key in self._streamed else FRESH_SECONDS)
        if fresh is not None:
            return fresh
        self._wanted.add(key)
        while key in self._wanted:
            await self._answer()
        return self.cached(key)

    async def quotes(self, keys: Collection[str]) -> dict[str, Quote]:
        """Both sides of the market beside the last price, in one request; what cannot be had is missing.

        It is for the eye: whoever waits for a price goes first.
        """
        if not self._market_data:
            return {}
        while self._wanted or self._wait() > 0:  # noqa: ASYNC110  the pace is time itself
            await asyncio.sleep(max(self._wait(), GATHERING_SECONDS))
        self._asked_at = time.monotonic()
        try:
            found = await self._book.quotes(keys)
        except BrokerError as error:
            log.warning("no_quotes", keys=sorted(keys), error=error.sentence)
            return {}
        now = time.monotonic()
        self._known |= {key: (quote.last_price, now) for key, quote in found.items() if quote.last_price}
        return found

    async def quote(self, key: str) -> Quote | None:
        """Both sides of the market, at most FRESH_SECONDS old; None when no quote can be had."""
        if not self._market_data:
            return None
        if (known := self._cached_quote(key)) is not None:
            return known
        self._wanted_quotes.add(key)
        while key in self._wanted_quotes:
            await self._answer()
        return self._cached_quote(key)

    def _cached_quote(self, key: str) -> Quote | None:
        quote, at = self._quotes.get(key, (None, 0.0))
        return quote if quote is not None and time.monotonic() - at <= FRESH_SECONDS else None

    async def _answer(self) -> None:
        """Waits for the request under way; starts one where there is none."""
        if self._request is None or self._request.done():
            self._request = asyncio.create_task(self._ask(), name="prices")
        await asyncio.shield(self._request)

    async def _fetch(self, keys: set[str], quoted: set[str]) -> dict[str, Decimal]:
        """One request: quotes, which carry the last prices, where any are wanted. Raises BrokerError."""
        if not self._market_data:
            return await self._of_positions()
        if not quoted:
            return await self._book.last_prices(sorted(keys))
        quotes = await self._book.quotes(sorted(keys | quoted))
        now = time.monotonic()
        self._quotes |= {key: (quote, now) for key, quote in quotes.items()}
        return {key: quote.last_price for key, quote in quotes.items() if quote.last_price > 0}

    async def _ask(self) -> None:
        """One request for all that is wanted by the time the pace allows it; a failed one is tried again."""
        await asyncio.sleep(GATHERING_SECONDS)
        await self._pace()
        keys, self._wanted = self._wanted, set()
        quoted, self._wanted_quotes = self._wanted_quotes, set()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found = await self._fetch(keys, quoted)
            except BrokerError as error:
                log.warning("no_prices", keys=sorted(keys), error=error.sentence, attempt=attempt)
                if error.fault in HOPELESS or attempt == ATTEMPTS:
                    return
                await self._pace()
            else:
                now = time.monotonic()
                self._known |= {key: (price, now) for key, price in found.items()}
                self._streamed -= found.keys()
                return

    async def _of_positions(self) -> dict[str, Decimal]:
        """The free plan has no quotes; positions carry a price (facts/kite.md 6.6)."""
        rows = await self._book.positions()
        prices = {f"{row.exchange}:{row.tradingsymbol}": row.last_price for row in rows}
        return {key: price for key, price in prices.items() if price > 0}

    async def _pace(self) -> None:
        await asyncio.sleep(self._wait())
        self._asked_at = time.monotonic()

    def _wait(self) -> float:
        """Seconds until the next request may go out."""
        interval = REQUEST_INTERVAL if self._market_data else POSITIONS_INTERVAL
        return max(0.0, self._asked_at + interval - time.monotonic())
