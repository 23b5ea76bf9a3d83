"""Written options: a SELL with nothing to close opens a short where the strategy may; all is mirrored."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from gateway.domain.order import GuardState
from gateway.domain.signal import Action, Objection, Signal, StrikeKind, StrikeRule
from gateway.ingress.completion import complete, complete_entry
from gateway.paper.faults import FaultKind
from storage import tables
from tests.guards.house import CHANGE_GTT, DELETE_GTT, LIST_GTTS, LOT, PLACE_GTT, House, opened, percent
from tests.usecases.world import Template, buy, sell

WRITER: dict[str, Any] = {"strategies": {"S": {"allow_short": True}}}


@pytest.fixture
async def writer(tmp_path: Path, template: Template) -> AsyncIterator[House]:
    async with opened(tmp_path, template, **WRITER) as found:
        found.planner._complete = complete_entry
        yield found


@pytest.fixture
async def intraday(tmp_path: Path, template: Template) -> AsyncIterator[House]:
    defaults = {"approval": "auto", "product": "MIS"}
    async with opened(tmp_path, template, defaults=defaults, **WRITER) as found:
        yield found


def write(**changes: Any) -> Any:
    """The NIFTY 24000 call, sold."""
    return buy(action=Action.SELL, **changes)


async def short(house: House, **changes: Any) -> Row[Any]:
    """A filled short and its guards; its holding."""
    await house.filled(write(**changes))
    await house.settle(2)
    (row,) = [holding for holding in await house.rows(tables.holdings) if holding.quantity]
    return row


def paid(row: Row[Any]) -> Decimal:
    return Decimal(row.cost_paise) / row.bought / 100


def triggers(house: House) -> list[float]:
    (gtt,) = house.gtts("active")
    return list(gtt["condition"]["trigger_values"])


async def test_without_allow_short_a_sell_with_nothing_to_close_is_refused(house: House) -> None:
    alert_id = await house.send(write())
    await house.reaches(alert_id, "refused")
    assert house.net() == 0


async def test_a_sell_with_nothing_to_close_opens_a_short(writer: House) -> None:
    row = await short(writer)
    assert (writer.net(), row.side, row.quantity) == (-LOT, "SELL", LOT)


async def test_what_is_held_is_closed_first_and_no_short_is_opened_with_it(writer: House) -> None:
    await writer.filled(buy())
    await writer.filled(sell(lots=3))
    assert writer.net() == 0, "at most what is held"
    await writer.filled(write(lots=1))
    assert writer.net() == -LOT, "the next one opens"


async def test_what_refuses_an_entry_refuses_the_sell_that_opens_and_not_the_one_that_closes(
    writer: House,
) -> None:
    objection = Objection(field="product", sentence="product is not understood; remove it.")
    doubtful = write(objections=(objection,))
    await writer.filled(buy())
    await writer.filled(doubtful)
    assert writer.net() == 0, "it closes what is held"
    alert_id = await writer.send(doubtful)
    await writer.reaches(alert_id, "refused")
    assert writer.net() == 0
    assert await writer.was_told(objection.sentence)


async def test_an_exit_never_opens(writer: House) -> None:
    alert_id = await writer.send(sell(action=Action.EXIT))
    await writer.reaches(alert_id, "refused")
    assert writer.net() == 0


async def test_buy_closes_the_very_contract_at_most_what_is_short(writer: House) -> None:
    row = await short(writer, lots=2)
    from tests.usecases.world import strike  # noqa: PLC0415

    await writer.filled(buy(lots=5, strike=strike(24300)))
    assert (writer.net(), await writer.held(), writer.shorts()) == (0, 0, [])
    assert {order["tradingsymbol"] for order in writer.paper.book()["orders"]} == {row.tradingsymbol}
    await writer.filled(buy())
    assert writer.net() == LOT, "with nothing short a BUY opens"


async def test_an_exit_buys_back_and_the_profit_is_what_was_received_less_what_was_paid(
    writer: House,
) -> None:
    row = await short(writer)
    writer.premium(paid(row) * Decimal("0.8"))
    await writer.filled(sell(action=Action.EXIT))
    (_, closing) = await writer.rows(tables.fills)
    assert (writer.net(), closing.side) == (0, "BUY")
    assert closing.realised_paise == row.cost_paise - closing.value_paise > 0


async def test_its_gaps_come_from_the_settings(tmp_path: Path, template: Template) -> None:
    own = {"allow_short": True, "option_type": "PE", "strike": "24000", "lots": 2, "symbol": "NIFTY"}
    async with opened(tmp_path, template, strategies={"S": own}) as house:
        house.planner._complete = complete_entry
        await house.filled(sell(symbol=None, option_type=None))
        (order,) = house.paper.book()["orders"]
        assert (order["tradingsymbol"][-2:], order["quantity"]) == ("PE", 2 * LOT)


async def test_a_sell_that_says_nothing_closes_what_is_held_and_then_opens_what_the_settings_say(
    tmp_path: Path, template: Template
) -> None:
    own = {"allow_short": True, "option_type": "PE", "strike": "24000", "lots": 1, "symbol": "NIFTY"}
    async with opened(tmp_path, template, strategies={"S": own}) as house:
        house.planner._complete = complete_entry
        bare = complete(Signal(action=Action.SELL, strategy="S"), house.settings.strategy("S"))
        await house.filled(buy(symbol="BANKNIFTY", strike=StrikeRule(kind=StrikeKind.ATM, value=Decimal(0))))
        await house.filled(bare)
        assert house.net() == 0
        await house.filled(bare)
        (opened_,) = house.shorts()
        assert (opened_[:5], opened_[-2:]) == ("NIFTY", "PE")


async def test_a_buy_that_closes_a_short_needs_nothing_and_meets_no_objection(
    tmp_path: Path, template: Template
) -> None:
    """Asked for a strike, or refused for its product, it would leave the short open."""
    own = {"allow_short": True, "lots": 1}
    async with opened(tmp_path, template, strategies={"S": own}) as house:
        house.planner._complete = complete_entry
        objection = Objection(field="product", sentence="product is not understood; remove it.")
        said = Signal(action=Action.BUY, strategy="S", objections=(objection,))
        bare = complete(said, house.settings.strategy("S"))
        await short(house, lots=2)
        await house.filled(bare)
        assert (house.net(), house.shorts()) == (0, []), "all that is short, not the settings' one lot"
        alert_id = await house.send(bare)
        await house.reaches(alert_id, "refused")
        assert house.net() == 0
        assert await house.was_told(objection.sentence)


# guards


async def test_its_stop_lies_above_and_its_target_below(writer: House) -> None:
    row = await short(writer, stop_loss=percent("-20"), target=percent("30"))
    low, high = triggers(writer)
    assert float(paid(row)) * 0.69 < low < float(paid(row)) * 0.71
    assert float(paid(row)) * 1.19 < high < float(paid(row)) * 1.21
    (gtt,) = writer.gtts("active")
    target, stop = gtt["orders"]
    assert {order["transaction_type"] for order in gtt["orders"]} == {"BUY"}
    assert stop["price"] > high, "crosses the market upwards"
    assert target["price"] >= low


async def test_the_stop_buys_back_and_nothing_is_left(writer: House) -> None:
    await short(writer, stop_loss=percent("-20"), target=percent("30"))
    writer.premium((await writer.guard()).stop + Decimal("0.20"))
    await writer.settle(3)
    assert (writer.net(), await writer.held()) == (0, 0)
    assert (await writer.guard()).state == GuardState.DONE
    assert await writer.was_told("Stop triggered", "BUY", "Not bought back yet")


async def test_the_target_buys_back(writer: House) -> None:
    await short(writer, stop_loss=percent("-20"), target=percent("30"))
    writer.premium((await writer.guard()).target - Decimal("0.20"))
    await writer.settle(3)
    assert (writer.net(), await writer.held()) == (0, 0)


async def test_after_the_exit_no_guard_is_left(writer: House) -> None:
    await short(writer, stop_loss=percent("-20"), target=percent("30"))
    await writer.filled(buy())
    await writer.settle(2)
    assert (writer.gtts("active"), writer.net()) == ([], 0)


async def test_half_bought_back_the_guard_is_cut(writer: House) -> None:
    await short(writer, lots=2, stop_loss=percent("-20"), target=percent("30"))
    await writer.filled(buy(lots=1))
    await writer.settle(2)
    (gtt,) = writer.gtts("active")
    assert {order["quantity"] for order in gtt["orders"]} == {LOT}


async def test_bought_back_by_hand_the_guard_goes(writer: House) -> None:
    row = await short(writer, stop_loss=percent("-20"))
    from gateway.kite.client import CallKind  # noqa: PLC0415

    fields = {
        "variety": "regular",
        "exchange": "NFO",
        "tradingsymbol": row.tradingsymbol,
        "transaction_type": "BUY",
        "quantity": LOT,
        "product": "NRML",
        "order_type": "MARKET",
        "market_protection": -1,
    }
    await writer.client.call(CallKind.PLACE, lambda kite: kite.place_order(**fields))
    await writer.recheck(1)
    writer.clock.forward(seconds=6)
    await writer.recheck(2)
    assert writer.gtts("active") == []
    assert writer.net() == 0


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_guard_without_an_answer_is_found_in_the_list_or_placed_anew(
    writer: House, accepted: bool
) -> None:
    writer.fault(FaultKind.DROP, route=PLACE_GTT, accepted=accepted)
    await short(writer, stop_loss=percent("-20"), target=percent("30"))
    for _ in range(3):
        writer.clock.forward(seconds=70)
        await writer.recheck(2)
    assert len(writer.gtts("active")) == 1
    assert (await writer.guard()).state == GuardState.ACTIVE
    assert not (await writer.guard()).by_hand


async def test_through_refusals_and_a_restart_it_keeps_its_guard(writer: House) -> None:
    for route in (PLACE_GTT, LIST_GTTS, CHANGE_GTT, DELETE_GTT):
        writer.fault(FaultKind.REFUSE, route=route, message="Not now.")
    await short(writer, stop_loss=percent("-20"))
    await writer.restart()
    await writer.live()
    for _ in range(3):
        writer.clock.forward(seconds=70)
        await writer.recheck(2)
    assert len(writer.gtts("active")) == 1


async def test_its_trailing_stop_follows_the_price_down_and_never_up(writer: House) -> None:
    row = await short(writer, trailing_stop=percent("10"))
    assert triggers(writer)[0] == pytest.approx(float(paid(row)) * 1.1, rel=0.001)

    async def at(factor: str) -> Decimal:
        got = writer.premium(paid(row) * Decimal(factor))
        for _ in range(2):
            writer.clock.forward(seconds=6)
            await writer.turn()
        return got

    bottom = await at("0.6")
    assert triggers(writer)[0] == pytest.approx(float(bottom) * 1.1, rel=0.001)
    await at("0.63")
    assert triggers(writer)[0] == pytest.approx(float(bottom) * 1.1, rel=0.001)


async def test_intraday_its_stop_rests_above_and_buys_back(intraday: House) -> None:
    row = await short(intraday, stop_loss=percent("-20"), target=percent("30"))
    (stop,) = intraday.stops()
    assert (stop["transaction_type"], stop["quantity"]) == ("BUY", LOT)
    assert stop["price"] > stop["trigger_price"] > float(paid(row))
    intraday.premium(Decimal(str(stop["trigger_price"])) + Decimal("0.30"))
    await intraday.settle(3)
    assert (intraday.net(), await intraday.held(), intraday.stops()) == (0, 0, [])


async def test_intraday_its_watched_target_buys_back_once(intraday: House) -> None:
    await short(intraday, stop_loss=percent("-20"), target=percent("30"))
    watch = next(row for row in await intraday.guard_rows() if row.kind == "watch")
    intraday.premium(watch.target - Decimal("0.30"))
    await intraday.settle(4)
    assert (intraday.net(), await intraday.held(), intraday.stops()) == (0, 0, [])


async def test_intraday_the_exit_takes_the_stop_out_of_its_way(intraday: House) -> None:
    await short(intraday, stop_loss=percent("-20"))
    await intraday.filled(buy())
    await intraday.settle(2)
    assert (intraday.net(), intraday.stops()) == (0, [])


async def test_an_exit_that_hangs_is_chased(writer: House) -> None:
    await short(writer)
    writer.fault(FaultKind.FILL, quantity=0)
    alert_id = await writer.send(buy())
    await writer.reaches(alert_id, "open")
    await writer.chase()
    await writer.settle(2)
    assert writer.net() == 0
