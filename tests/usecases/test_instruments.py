"""The day's instrument list: checked, kept, swapped in whole; never emptied by a bad one."""

from datetime import date, datetime, time, timedelta

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


def fresh(world, *required):
    return Instruments(
        "paper", world.book, world.database, world.calendar, underlyings(), frozenset(required)
    )


def answer(world, body):
    world.fault(FaultKind.BODY, route=LIST, code=200, body=body, content_type="text/csv", times=None)


async def test_the_list_is_fetched_for_every_exchange_and_found_by_underlying(world):
    instruments = fresh(world)
    await instruments.refresh(world.clock())
    assert instruments.fetched_at == world.clock()
    assert instruments.chain("SENSEX").contracts
    assert instruments.chain("NIFTY").strikes(instruments.chain("NIFTY").expiries[0], "CE")


async def test_an_index_has_the_token_that_the_exchanges_list_gives_it(world):
    """What is in the configuration serves until there is a list, and where there is none."""
    instruments = fresh(world)
    configured = instruments.underlying("NIFTY").index_token
    rows = "256999,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\nx,1,NIFTY BANK,,0,,0,0,0,EQ,INDICES,NSE"
    body = f"{HEADER}\n{rows}\n7,7,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,NSE,NSE"
    fault = {"code": 200, "body": body, "content_type": "text/csv", "times": None}
    world.fault(FaultKind.BODY, route="GET /instruments/NSE", **fault)
    world.fault(FaultKind.HTML, route="GET /instruments/BSE", code=502, times=None)
    await instruments.refresh(world.clock())
    assert instruments.underlying("NIFTY").index_token == 256999 != configured
    assert instruments.underlying("BANKNIFTY").index_token == underlyings()["BANKNIFTY"].index_token
    assert instruments.underlying("SENSEX").index_token == underlyings()["SENSEX"].index_token


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


def bank(number, expiry="2026-12-29", lot=30):
    return f"{number},0,B{number},BANKNIFTY,0,{expiry},{51000 + 100 * number},0.05,{lot},CE,NFO-OPT,NFO"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row(1), row(2), row(3), row(4)], "no living option of BANKNIFTY"),
        ([row(1), row(2), bank(1, "2026-11-24"), bank(2, "2026-11-24")], "no living option of BANKNIFTY"),
        (
            [row(1, "2026-12-08"), row(2, "2026-12-08"), bank(1), bank(2)],
            "has lost NIFTY's expiry of 2026-12-01",
        ),
        (
            [row(1), row(2), bank(1, "2027-01-26"), bank(2, "2027-01-26")],
            "has lost BANKNIFTY's expiry of 2026-12-29",
        ),
    ],
)
async def test_a_list_that_lacks_an_underlying_or_its_nearest_expiry_is_not_believed(world, rows, words):
    instruments = fresh(world, "NIFTY", "BANKNIFTY")
    answer(world, listed(row(1), row(2), bank(1), bank(2)))
    await instruments.refresh(world.clock())
    world.paper.faults.clear()
    answer(world, listed(*rows))
    with pytest.raises(Refusal, match=words):
        await instruments.refresh(world.clock())
    assert instruments.chain("BANKNIFTY").expiries == [date(2026, 12, 29)]


async def test_a_first_list_without_any_expiry_within_a_month_is_not_believed(world):
    answer(world, listed(row(1, "2027-01-26"), row(2, "2027-01-26")))
    with pytest.raises(Refusal, match="no NIFTY expiry before 2027-01-26"):
        await fresh(world).refresh(world.clock())


async def test_an_expiry_that_a_holiday_moved_is_taken(world):
    instruments = fresh(world, "NIFTY")
    answer(world, listed(row(1), row(2)))
    await instruments.refresh(world.clock())
    world.paper.faults.clear()
    answer(world, listed(row(1, "2026-11-30"), row(2, "2026-11-30")))
    await instruments.refresh(world.clock())
    assert instruments.chain("NIFTY").expiries == [date(2026, 11, 30)]


async def test_a_list_without_what_expired_long_ago_is_taken(world):
    """An old list's dead underlyings do not keep a new one out for ever."""
    instruments = fresh(world, "NIFTY", "BANKNIFTY")
    answer(world, listed(row(1), row(2), bank(1), bank(2)))
    await instruments.refresh(world.clock())
    world.paper.faults.clear()
    answer(world, listed(row(1, "2027-01-05"), row(2, "2027-01-05"), row(3, "2027-01-05")))
    await instruments.refresh(world.clock() + timedelta(days=36))
    assert instruments.count == 3


async def test_lots_that_changed_since_the_last_list_are_known(world):
    instruments = fresh(world)
    answer(world, listed(row(1), row(2), bank(1), bank(2)))
    assert await instruments.refresh(world.clock()) == []
    world.paper.faults.clear()
    wider = row(3, "2026-12-08").replace(",65,", ",75,")
    answer(world, listed(row(1), row(2), wider, bank(1, lot=35), bank(2, lot=35)))
    changes = await instruments.refresh(world.clock())
    assert [str(change) for change in changes] == [
        "BANKNIFTY 30 → 35, from the expiry of 29 Dec 2026 on",
        "NIFTY 65 → 75, from the expiry of 08 Dec 2026 on",
    ]


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
