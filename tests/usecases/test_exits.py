"""Promise 4: never sells more than this strategy holds; and an exit comes through."""

import asyncio
from decimal import Decimal

import pytest

from gateway import entries_before, positions
from gateway.domain.contract import OptionType
from gateway.domain.order import IntentState, Purpose, Side, make_tag
from gateway.domain.signal import Action, Signal, StrikeKind, StrikeRule
from gateway.ingress.completion import complete
from gateway.paper.faults import FaultKind
from storage import alerts, intents, tables
from tests.usecases.by_hand import trade_by_hand
from tests.usecases.world import LOT, arrival, buy, sell, strike

PLACE = "POST /orders/*"


async def sold(world, alert_id):
    """Units the alert's intents would sell, whatever their state."""
    return sum(row.quantity for row in await world.intents(alert_id))


async def never_short(world):
    """By the exchange's own trades."""
    assert all(quantity >= 0 for quantity in world.positions().values())


async def test_an_exit_sells_the_very_contract_whatever_strike_it_carries(world):
    await world.execute()
    bought = await world.filled(buy(strike=strike(24_000)))
    left = await world.filled(sell(strike=strike(24_500)))
    assert left.intents[0].tradingsymbol == bought.intents[0].tradingsymbol
    assert await world.held() == 0


async def test_an_exit_with_nothing_held_is_refused_and_told(world):
    await world.execute()
    alert_id = await world.send(sell())
    view = await world.reaches(alert_id, "refused")
    assert view.intents == ()
    assert await world.was_told("holds nothing that this alert could close", alert_id)
    assert world.attempts() == []


async def test_a_refused_exit_says_what_is_held_instead(world):
    await world.execute()
    await world.filled(buy(option_type=OptionType.PE, lots=2))
    alert_id = await world.send(sell())
    await world.reaches(alert_id, "refused")
    assert await world.was_told("could close; it holds 130 units of NIFTY 24000 PE 01 Dec", alert_id)


async def test_an_exit_larger_than_what_is_held_sells_what_is_held(world):
    await world.execute()
    await world.filled(buy(lots=2))
    view = await world.filled(sell(quantity=10 * LOT))
    assert [row.quantity for row in view.intents] == [2 * LOT]
    await never_short(world)


async def test_an_exit_of_a_part_leaves_the_rest(world):
    await world.execute()
    await world.filled(buy(lots=3))
    await world.filled(sell(lots=1))
    assert await world.held() == 2 * LOT


@pytest.mark.parametrize(
    ("held", "said", "closed", "why"),
    [
        (2, 70, LOT, "a lot of 65 units cannot be split"),
        (1, 50, LOT, "a lot of 65 units cannot be split"),
        (2, 5 * LOT, 2 * LOT, "no more is left to close"),
    ],
)
async def test_an_exit_of_another_quantity_than_its_alert_says_is_told(world, held, said, closed, why):
    await world.execute()
    await world.filled(buy(lots=held))
    await world.filled(sell(quantity=said))
    assert await world.held() == held * LOT - closed
    assert await world.was_told(f"the alert says {said} units, and {closed} are to be closed: {why}")


@pytest.mark.parametrize("size", [{"quantity": LOT}, {"lots": 1}, {}])
async def test_an_exit_of_what_its_alert_says_is_not_told_twice(world, size):
    await world.execute()
    await world.filled(buy())
    await world.filled(sell(**size))
    assert not await world.was_told("the alert says")


async def test_an_exit_over_two_contracts_stays_within_what_its_alert_says(world):
    await world.execute()
    await world.filled(buy())
    await world.filled(buy(strike=strike(24_100)))
    view = await world.filled(sell(quantity=70))
    assert [row.quantity for row in view.intents] == [LOT]


async def test_two_strategies_with_the_same_contract_sell_only_their_own(world):
    await world.execute()
    await world.filled(buy("A", lots=1))
    await world.filled(buy("B", lots=2))
    await world.filled(sell("A", quantity=100 * LOT))
    assert (await world.held("A"), await world.held("B")) == (0, 2 * LOT)
    refused = await world.send(sell("A"))
    await world.reaches(refused, "refused")
    assert await world.held("B") == 2 * LOT
    await world.filled(sell("B"))
    assert set(world.positions().values()) == {0}


async def test_two_exits_at_once_sell_once(world):
    await world.execute()
    await world.filled(buy())
    first, second = arrival(sell(), at=world.clock()), arrival(sell(), at=world.clock())
    await asyncio.gather(world.accept(first), world.accept(second))
    await world.reaches(first.alert_id, "filled")
    await world.reaches(second.alert_id, "refused")
    assert set(world.positions().values()) == {0}


@pytest.mark.parametrize(
    "state",
    [
        IntentState.PLANNED,
        IntentState.APPROVED,
        IntentState.PLACING,
        IntentState.UNKNOWN,
    ],
)
async def test_a_sell_that_may_still_become_an_order_counts_as_sold(world, state):
    await world.execute()
    bought = await world.filled(buy(lots=2))
    await plant_sell(world, bought, LOT, state)
    world.executor.shut("paper")
    second = await world.send(sell(quantity=2 * LOT))
    await world.reaches(second, "queued", look=False)
    await world.until(lambda: sold(world, second))
    assert await sold(world, second) == LOT


async def plant_sell(world, bought, quantity, state):
    """Another sell of the strategy, stopped at that state."""
    made = arrival(sell(), at=world.clock())
    entry = bought.intents[0]

    def work(connection):
        alerts.store(connection, [made])
        kept = {name: getattr(entry, name) for name in intents._CARRIED}
        values = {
            "id": f"{made.alert_id}-1",
            "alert_id": made.alert_id,
            "part": 1,
            "tag": make_tag(made.alert_id, 1),
            "quantity": quantity,
            "order_type": "MARKET",
            "market_protection": Decimal(-1),
            "price": None,
            "premium": None,
        }
        intents.add(
            connection,
            [{**kept, **values, "purpose": Purpose.EXIT, "side": Side.SELL}],
            world.clock(),
        )
        change = tables.intents.update().where(tables.intents.c.id == values["id"])
        connection.execute(change.values(state=state, placing_at=world.clock()))

    await world.write(work)
    return f"{made.alert_id}-1"


async def test_an_exit_whose_answer_was_lost_counts_as_sold_until_it_is_found(world):
    await world.execute()
    await world.filled(buy())
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    world.fault(FaultKind.BOOK_LATE, seconds=1000)
    first = await world.send(sell())
    await world.reaches(first, "unknown", look=False)
    second = await world.send(sell())
    await world.reaches(second, "refused")
    assert len(world.accepted()) == 2, "one buy, one sell"


async def test_an_open_sell_counts_as_sold_and_its_fills_count_once(make_world):
    world = await make_world(defaults={"approval": "auto", "pricing": "limit"})
    await world.execute()
    bought = await world.reaches(await fill_limit(world), "filled")
    assert bought.intents[0].quantity == 4 * LOT
    world.fault(FaultKind.FILL, quantity=LOT)
    first = await world.send(sell(quantity=2 * LOT))
    await world.reaches(first, "open")
    await move_up(world)

    async def partly():
        await world.reconciler.read()
        return await world.held() == 3 * LOT

    await world.until(partly)
    second = await world.send(sell())
    await world.until(lambda: sold(world, second))
    assert await sold(world, second) == 2 * LOT, "held 3, of which 1 is still being sold"


async def fill_limit(world):
    alert_id = await world.send(buy(lots=4))
    await world.reaches(alert_id, "open", "filled")
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") - 100)
    return alert_id


async def move_up(world):
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") + 400)


async def test_a_partly_filled_entry_can_be_sold_and_no_more(world):
    await world.execute()
    world.fault(FaultKind.FILL, quantity=LOT)
    entry = await world.send(buy(lots=2))
    await world.reaches(entry, "open")

    async def partly():
        await world.reconciler.read()
        return await world.held() == LOT

    await world.until(partly)
    leaving = asyncio.create_task(wait_for_the_exit(world))
    assert await leaving == LOT
    await never_short(world)
    assert await world.status(entry) == "filled", "its rest was cancelled"


async def wait_for_the_exit(world):
    alert_id = await world.send(sell())

    async def done():
        world.clock.forward(seconds=1)
        await world.reconciler.read()
        return await world.status(alert_id) == "filled"

    await world.until(done)
    return await sold(world, alert_id)


async def test_an_exit_waits_for_the_entry_that_came_a_moment_before_it(world):
    await world.execute()
    world.fault(FaultKind.FILL, seconds=0.15)
    entry, leaving = arrival(buy(), at=world.clock()), arrival(sell(), at=world.clock())
    await world.accept(entry)
    await world.accept(leaving)
    await world.reaches(leaving.alert_id, "filled")
    assert await world.status(entry.alert_id) == "filled"
    assert set(world.positions().values()) == {0}


async def test_an_exit_withdraws_the_entry_that_waits_for_approval(asking):
    await asking.execute()
    entry = await asking.send(buy())
    await asking.reaches(entry, "awaiting_approval")
    leaving = await asking.send(sell())
    await asking.reaches(leaving, "refused")
    decision = await asking.press(entry)
    assert not decision.changed
    assert "withdrawn" in decision.sentence
    assert await asking.status(entry) == "refused"
    assert asking.attempts() == []
    assert await asking.was_told("is withdrawn", entry)


async def test_an_exit_leaves_the_other_leg_of_a_reversal_alone(asking):
    """TradingView sends both legs at once, in either order: the put is bought as the call is sold."""
    await asking.execute()
    call = await asking.send(buy())
    await asking.reaches(call, "awaiting_approval")
    await asking.press(call)
    await asking.reaches(call, "filled")
    put = await asking.send(buy(option_type=OptionType.PE))
    await asking.reaches(put, "awaiting_approval")
    leaving = await asking.send(sell(option_type=OptionType.CE))
    await asking.reaches(leaving, "filled")
    assert await asking.status(put) == "awaiting_approval"
    assert (await asking.press(put)).changed


async def test_an_exit_does_not_wait_for_the_other_legs_entry(world):
    await world.execute()
    await world.filled(buy())
    world.fault(FaultKind.FILL, quantity=0)
    put = await world.send(buy(option_type=OptionType.PE))
    await world.reaches(put, "open")
    await world.filled(sell(option_type=OptionType.CE))
    assert await world.status(put) == "open", "neither waited for nor cancelled"


async def test_an_entry_that_could_not_go_out_yet_does_not_go_out_after_its_exit(world, monkeypatch):
    monkeypatch.setattr(entries_before, "ENTRY_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(entries_before, "CANCEL_PATIENCE_SECONDS", 0.0)
    entry = await world.send(buy())  # no book was read yet: nothing goes out
    await world.until(lambda: world.intents(entry))
    leaving = await world.send(sell())
    await world.reaches(leaving, "refused", look=False)
    await world.execute()
    await world.reaches(entry, "refused")
    assert world.attempts() == []


async def test_an_exit_planned_when_it_was_held_is_refused_at_the_claim_when_it_is_gone(world):
    """The first exit was given up as lost, and found after all: the second must not sell again."""
    await world.execute()
    bought = await world.filled(buy())
    world.executor.shut("paper")
    leaving = await world.send(sell())
    await world.until(lambda: world.intents(leaving))
    other = await plant_sell(world, bought, LOT, IntentState.CLOSED)
    await fill_by_hand(world, other, LOT)
    assert await world.held() == 0
    await world.reconciler.read()
    view = await world.reaches(leaving, "refused")
    assert "0 units" in view.intents[0].reason
    assert await world.was_told("Not sent", "0 units")
    assert len(world.attempts()) == 1


async def fill_by_hand(world, intent_id, quantity):
    """The book shows that this intent's order exists, and was filled."""
    (row,) = [each for each in await world.rows(tables.intents) if each.id == intent_id]
    shown = (await world.orders())[0]
    found = type(shown)(
        **{
            **shown.__dict__,
            "order_id": "found",
            "tags": frozenset({row.tag}),
            "side": Side.SELL,
            "quantity": quantity,
            "filled_quantity": quantity,
        }
    )
    await world.reconciler.on_order(found)


async def test_what_was_closed_by_hand_in_the_kite_app_is_not_sold_again(world):
    await world.execute()
    bought = await world.filled(buy())
    await trade_by_hand(world, bought.intents[0], LOT)
    alert_id = await world.send(sell())
    await world.reaches(alert_id, "refused")
    assert await world.was_told("closed elsewhere")
    assert set(world.positions().values()) == {0}


async def test_what_was_closed_by_hand_in_part_leaves_the_rest_to_sell(world):
    await world.execute()
    bought = await world.filled(buy(lots=3))
    await trade_by_hand(world, bought.intents[0], LOT)
    view = await world.filled(sell())
    assert [row.quantity for row in view.intents] == [2 * LOT]
    assert set(world.positions().values()) == {0}


async def test_what_an_exit_of_all_leaves_out_is_told(world):
    await world.execute()
    await world.filled(buy())
    put = await world.filled(buy(option_type=OptionType.PE))
    await trade_by_hand(world, put.intents[0], LOT)
    left = await world.filled(Signal(action=Action.EXIT, strategy="S"))
    assert [row.option_type for row in left.intents] == ["CE"]
    title = f"{LOT} units of NIFTY 24000 PE 01 Dec"
    assert await world.was_told("Not all of it is closed", f"{title} are left out", "closed elsewhere")


async def test_what_the_account_lacks_of_the_alerts_quantity_is_told_once(world):
    await world.execute()
    view = await world.filled(buy(lots=2))
    await trade_by_hand(world, view.intents[0], LOT)
    await world.filled(sell(lots=2))
    told = [text for text in await world.told() if "Not all of it" in text or "the alert says" in text]
    assert len(told) == 1
    assert f"{LOT} units of" in told[0]


async def test_positions_that_cannot_be_read_are_unknown_not_flat(world):
    await world.execute()
    await world.filled(buy())
    world.fault(FaultKind.HTML, route="GET /portfolio/positions", code=502, times=None)
    await world.filled(sell())
    assert set(world.positions().values()) == {0}


@pytest.mark.parametrize("route", ["GET /quote/ltp", "GET /portfolio/positions"])
async def test_a_broker_that_reads_slowly_does_not_hold_up_an_exit(world, monkeypatch, route):
    monkeypatch.setattr(positions, "READ_PATIENCE_SECONDS", 0.05)
    await world.execute()
    await world.filled(buy())
    world.prices._known.clear()
    world.fault(FaultKind.DELAY, route=route, seconds=1.5, times=None)
    began = asyncio.get_running_loop().time()
    await world.filled(sell())
    assert asyncio.get_running_loop().time() - began < 1.0


@pytest.mark.parametrize("pricing", ["marketable_limit", "limit"])
async def test_an_exit_without_a_price_goes_at_the_protected_market(make_world, pricing):
    world = await make_world(defaults={"approval": "auto", "pricing": pricing})
    await world.execute()
    await world.reaches(await fill_limit(world), "filled")
    world.prices._known.clear()
    world.fault(FaultKind.HTML, route="GET /quote/ltp", code=502, times=None)
    view = await world.filled(sell())
    assert (view.intents[0].order_type, view.intents[0].price) == ("MARKET", None)


async def test_the_contract_an_exit_names_is_sold_before_the_others(world):
    await world.execute()
    await world.filled(buy(strike=strike(24_000)))
    named = await world.filled(buy(strike=strike(24_100)))
    view = await world.filled(sell(strike=strike(24_100), quantity=LOT))
    assert view.intents[0].tradingsymbol == named.intents[0].tradingsymbol


async def test_the_oldest_contract_is_sold_first_where_none_is_named(world):
    await world.execute()
    first = await world.filled(buy(strike=strike(24_100)))
    await world.filled(buy(strike=strike(24_000)))
    view = await world.filled(sell(lots=1))
    assert view.intents[0].tradingsymbol == first.intents[0].tradingsymbol


@pytest.mark.parametrize("action", [Action.EXIT, Action.SELL])
async def test_an_exit_that_names_no_index_closes_what_is_held_whatever_the_settings_say(make_world, action):
    world = await make_world(strategies={"S": {"symbol": "NIFTY", "lots": 1, "strike": "ATM"}})
    await world.execute()
    at_the_money = StrikeRule(kind=StrikeKind.ATM, value=Decimal(0))
    await world.filled(buy(symbol="BANKNIFTY", strike=at_the_money))
    bare = Signal(action=action, strategy="S")
    await world.filled(complete(bare, world.settings.strategy("S")))
    assert await world.held() == 0


async def test_exit_means_everything_of_what_is_named(world):
    await world.execute()
    await world.filled(buy(lots=2))
    await world.filled(buy(strike=strike(24_100)))
    await world.filled(buy(option_type=OptionType.PE))
    view = await world.filled(sell(action=Action.EXIT))
    assert sorted(row.quantity for row in view.intents) == [LOT, 2 * LOT]
    assert await world.held() == LOT, "the put stays"
    await world.filled(sell(action=Action.EXIT, symbol=None, option_type=None))
    assert await world.held() == 0


async def test_a_large_exit_goes_in_slices_with_a_tag_each(world):
    await world.execute()
    await world.filled(buy(lots=30))
    view = await world.filled(sell())
    assert [row.quantity for row in view.intents] == [1755, 195]
    assert len(set(world.accepted())) == len(world.accepted()) == 4
    assert set(world.positions().values()) == {0}


async def test_an_exit_by_money_closes_what_is_held_without_looking_at_the_spot(world):
    await world.execute()
    await world.filled(buy())
    view = await world.filled(sell(strike=StrikeRule(kind=StrikeKind.ATM, value=Decimal(0))))
    assert view.intents[0].quantity == LOT
