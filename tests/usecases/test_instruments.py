"""The day's instrument list: checked, kept, swapped in whole; never emptied by a bad one."""

from datetime import datetime, time

import pytest

from config.market import underlyings
from gateway.domain.errors import BrokerError, Refusal
from gateway.domain.market import IST
from gateway.instruments import Instruments
from gateway.paper.faults import FaultKind
from storage import tables

LIST = "GET /instruments/*"
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)


def listed(*rows):
    return "\n".join([HEADER, *rows])


def row(number=0, expiry="2026-12-01"):
    return f"{number},0,N{number},NIFTY,0,{expiry},{24000 + 50 * number},0.05,65,CE,NFO-OPT,NFO"


def fresh(world):
    return Instruments("paper", world.book, world.database, world.calendar, underlyings())


def answer(world, body):
    world.fault(FaultKind.BODY, route=LIST, code=200, body=body, content_type="text/csv", times=None)


async def test_the_list_is_fetched_for_every_exchange_and_found_by_underlying(world):
    instruments = fresh(world)
    await instruments.refresh(world.clock())
    assert instruments.fetched_at == world.clock()
    assert instruments.chain("SENSEX").contracts
    assert instruments.chain("NIFTY").strikes(instruments.chain("NIFTY").expiries[0], "CE")


async def test_the_list_survives_a_restart(world):
    count = world.instruments.count
    found = world.instruments.chain("NIFTY").contracts
    answer(world, "gone")
    await world.restart()
    assert world.instruments.count == count
    assert world.instruments.chain("NIFTY").contracts == found
    assert world.instruments.fetched_at == world.clock()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "no living option"),
        ("<html>502</html>", "no living option"),
        (listed(), "no living option"),
        (listed(row(expiry="2026-11-17")), "no living option"),
        (listed(row(1), row(2)), "has 2 options, the one in use 2420"),
    ],
)
async def test_a_list_that_is_not_credible_leaves_the_old_one_in_use(world, body, words):
    count, kept = world.instruments.count, await world.rows(tables.instruments)
    answer(world, body)
    with pytest.raises(Refusal, match=words):
        await world.instruments.refresh(world.clock())
    assert world.instruments.count == count
    assert await world.rows(tables.instruments) == kept


async def test_a_list_that_cannot_be_had_leaves_the_old_one_in_use(world):
    count = world.instruments.count
    world.fault(FaultKind.HTML, route=LIST, code=502, times=None)
    with pytest.raises(BrokerError):
        await world.instruments.refresh(world.clock())
    assert world.instruments.count == count


async def test_odd_rows_are_passed_over(world):
    instruments = fresh(world)
    answer(world, listed(row(1), "x,y", row(2).replace("65", "0"), row(3).replace("0.05", "NaN"), row(4)))
    await instruments.refresh(world.clock())
    assert instruments.count == 2


async def test_what_is_not_known_is_refused_by_name(world):
    with pytest.raises(Refusal, match="RELIANCE is not an underlying Manjha knows: NIFTY"):
        world.instruments.underlying("RELIANCE")
    with pytest.raises(Refusal, match="no options of SENSEX"):
        world.instruments.chain("SENSEX")


def at(day, clock):
    return datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=IST)


async def test_an_expiry_lives_until_its_close(world):
    tuesday = datetime(2026, 12, 1, tzinfo=IST)
    first = tuesday.date()
    before = world.instruments.living_expiries("NIFTY", tuesday.replace(hour=15, minute=39))
    after = world.instruments.living_expiries("NIFTY", tuesday.replace(hour=15, minute=40))
    assert before[0] == first
    assert after == before[1:]


@pytest.mark.parametrize(
    ("now", "stale"),
    [
        (at(25, "10:00"), False),
        (at(26, "08:29:59"), False),
        (at(26, "08:30"), True),
        (at(27, "07:00"), True),
    ],
)
async def test_a_list_is_stale_once_the_next_was_published(world, now, stale):
    assert world.instruments.is_stale(now, time(8, 30)) is stale


async def test_without_a_list_it_is_stale(world):
    assert fresh(world).is_stale(world.clock(), time(8, 30))


async def test_a_list_fetched_before_the_hour_of_publication_is_of_the_day_before(world):
    instruments = fresh(world)
    await instruments.refresh(at(25, "08:00"))
    assert not instruments.is_stale(at(25, "08:10"), time(8, 30))
    assert instruments.is_stale(at(25, "08:30"), time(8, 30))
