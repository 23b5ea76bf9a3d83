"""Last prices: from the stream while it flows, else many keys in one request; never one that is old."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest

from gateway import prices as module
from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.prices import Prices

KEY, TOKEN = "NFO:X", 7


class Book:
    """Answers after a moment, and counts."""

    def __init__(self, **prices):
        self.prices = {f"NFO:{name}": Decimal(price) for name, price in prices.items()}
        self.asked = []
        self.failures = []
        self.held = []
        self.positions_read = 0

    async def positions(self):
        self.positions_read += 1
        return self.held

    async def last_prices(self, keys):
        self.asked.append(list(keys))
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        return {key: self.prices[key] for key in keys if key in self.prices}


class Feed:
    """A stream that remembers what it was asked for."""

    def __init__(self):
        self.followed = []

    async def subscribe(self, tokens):
        self.followed += tokens

    async def unsubscribe(self, tokens):
        self.followed = [token for token in self.followed if token not in tokens]


def position(name, price):
    return SimpleNamespace(exchange="NFO", tradingsymbol=name, last_price=Decimal(price))


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(module, "REQUEST_INTERVAL", 0.0)
    monkeypatch.setattr(module, "POSITIONS_INTERVAL", 0.0)


@pytest.fixture
def now(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


def failure(fault):
    return BrokerError("no", outcome=Outcome.REFUSED, fault=fault)


async def test_many_who_ask_at_once_share_one_request():
    book = Book(A="1", B="2", C="3")
    prices = Prices(book, market_data=True)
    found = await asyncio.gather(*(prices.last(f"NFO:{name}") for name in "ABCABC"))
    assert found == [Decimal(n) for n in (1, 2, 3, 1, 2, 3)]
    assert len(book.asked) <= 2
    assert sorted({key for keys in book.asked for key in keys}) == ["NFO:A", "NFO:B", "NFO:C"]


async def test_a_fresh_price_is_not_asked_for_again_and_an_old_one_is(now):
    book = Book(X="1")
    prices = Prices(book, market_data=True)
    assert await prices.last(KEY) == 1
    now[0] += module.FRESH_SECONDS
    assert await prices.last(KEY) == 1
    assert len(book.asked) == 1
    now[0] += 0.01
    book.prices[KEY] = Decimal(2)
    assert prices.cached(KEY) is None
    assert await prices.last(KEY) == 2


async def test_what_the_stream_brings_spares_the_request(now):
    feed = Feed()
    book = Book()
    prices = Prices(book, market_data=True, feed=lambda: feed)
    prices.note({TOKEN: Decimal(5)})
    assert prices.cached(KEY) is None, "not followed yet"
    await prices.follow(TOKEN, KEY)
    await prices.follow(TOKEN, KEY)
    assert feed.followed == [TOKEN]
    prices.note({TOKEN: Decimal(6), 99: Decimal(1)})
    assert await prices.last(KEY) == 6
    assert book.asked == []


async def test_a_new_list_may_give_a_token_to_another_contract(now):
    """Tokens are used again after an expiry: yesterday's contract must not lend its name to today's price."""
    feed = Feed()
    prices = Prices(Book(), market_data=True, feed=lambda: feed)
    await prices.follow(TOKEN, KEY)
    prices.note({TOKEN: Decimal(5)})
    await prices.forget()
    assert feed.followed == []
    prices.note({TOKEN: Decimal(6)})
    assert prices.cached(KEY) is None
    await prices.follow(TOKEN, "NFO:Y")
    prices.note({TOKEN: Decimal(7)})
    assert prices.cached("NFO:Y") == 7
    assert prices.cached(KEY) is None


async def test_more_than_the_stream_takes_is_asked_for(monkeypatch, now):
    monkeypatch.setattr(module, "MOST_FOLLOWED", 1)
    feed = Feed()
    prices = Prices(Book(A="1", B="2"), market_data=True, feed=lambda: feed)
    await prices.follow(1, "NFO:A")
    await prices.follow(2, "NFO:B")
    assert feed.followed == [1]
    assert await prices.last("NFO:B") == 2


async def test_without_market_data_prices_are_those_of_the_positions():
    book = Book()
    book.held = [position("X", "12.5"), position("Y", "0")]
    prices = Prices(book, market_data=False)
    await prices.follow(TOKEN, KEY)
    assert await prices.last(KEY) == Decimal("12.5")
    assert await prices.last("NFO:Y") is None
    assert await prices.last("NFO:Z") is None
    assert book.asked == []


async def test_without_market_data_no_index_has_a_price_and_nobody_is_asked():
    book = Book()
    assert await Prices(book, market_data=False).last("NSE:NIFTY 50") is None
    assert book.positions_read == 0


async def test_a_key_that_the_broker_does_not_know_has_no_price():
    assert await Prices(Book(), market_data=True).last(KEY) is None


async def test_a_failed_request_is_tried_again_a_few_times(monkeypatch):
    book = Book(X="1")
    book.failures = [failure(BrokerFault.RATE_LIMIT)] * (module.ATTEMPTS - 1)
    assert await Prices(book, market_data=True).last(KEY) == 1
    book.failures = [failure(BrokerFault.OTHER)] * module.ATTEMPTS
    prices = Prices(book, market_data=True)
    assert await prices.last(KEY) is None
    assert await prices.last(KEY) == 1, "the next one asks anew"


@pytest.mark.parametrize("fault", sorted(module.HOPELESS))
async def test_a_hopeless_failure_is_not_tried_again(fault):
    book = Book(X="1")
    book.failures = [failure(fault)]
    assert await Prices(book, market_data=True).last(KEY) is None
    assert len(book.asked) == 1


async def test_requests_keep_kites_pace(monkeypatch):
    monkeypatch.setattr(module, "REQUEST_INTERVAL", 0.03)
    prices = Prices(Book(A="1", B="2"), market_data=True)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await prices.last("NFO:A")
    await prices.last("NFO:B")
    assert loop.time() - began >= 0.03


async def test_one_who_gives_up_does_not_cost_the_others_their_price():
    prices = Prices(Book(A="1", B="2"), market_data=True)
    first = asyncio.create_task(prices.last("NFO:A"))
    second = asyncio.create_task(prices.last("NFO:B"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
