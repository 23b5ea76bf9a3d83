"""Reversal: the entry waits for the fill of the exit before it, however the two arrive."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.order import new_alert_id
from gateway.lanes import Accepted
from gateway.paper.faults import FaultKind
from gateway.reversal import exit_before, store
from storage import tables
from tests.usecases.by_hand import trade_by_hand
from tests.usecases.world import LOT, World, arrival, buy, sell

PUT = {"option_type": OptionType.PE}
FLIP = {**PUT, "market_position": "short", "prev_market_position": "long"}


@pytest.fixture
async def running(world: World) -> World:
    await world.execute()
    return world


def sides(world: World) -> list[str]:
    """What the exchange was sent, in order: side and option type."""
    return [
        f"{order['transaction_type']} {order['tradingsymbol'][-2:]}" for order in world.paper.book()["orders"]
    ]


async def filled_trades(world: World) -> list[str]:
    return [f"{t['transaction_type']} {t['tradingsymbol'][-2:]}" for t in world.paper.book()["trades"]]


async def unfilled_exit(world: World, entry: Any) -> tuple[str, str]:
    """A held call whose exit hangs at the exchange, and the entry behind it; their alerts."""
    await world.filled(buy())
    world.fault(FaultKind.FILL, quantity=0)
    exit_ = await world.send(sell())
    await world.reaches(exit_, "open")
    return exit_, await world.send(entry)


async def test_sell_and_buy_in_one_array_the_entry_waits_for_the_exits_fill(running: World) -> None:
    await running.filled(buy())
    running.fault(FaultKind.FILL, quantity=0)
    both = [arrival(sell(), at=running.clock()), arrival(buy(**PUT), at=running.clock())]
    await running.accept(*both)
    await running.reaches(both[0].alert_id, "open")
    await running.until(lambda: running.intents(both[1].alert_id))
    assert sides(running) == ["BUY CE", "SELL CE"], "the entry is held back"
    running.clock.forward(seconds=6)
    await running.chaser.look()
    await running.reconciler.read()
    await running.chaser.look()
    await running.reaches(both[1].alert_id, "filled")
    assert await filled_trades(running) == ["BUY CE", "SELL CE", "BUY PE"]


async def test_what_was_bought_after_a_refused_exit_does_not_hold_up_the_next_entry(running: World) -> None:
    await running.filled(buy())
    running.clock.forward(seconds=1)
    running.fault(FaultKind.REJECT_LATE, message="RMS:Rule: check of it failed")
    refused = await running.send(sell())
    await running.reaches(refused, "failed")
    running.clock.forward(seconds=1)
    await running.filled(sell())
    running.clock.forward(seconds=1)
    await running.filled(buy())
    running.clock.forward(seconds=1)
    await running.filled(buy())
    assert sides(running) == ["BUY CE", "SELL CE", "SELL CE", "BUY CE", "BUY CE"]


async def test_one_alert_that_flips_the_position_closes_the_other_side_first(running: World) -> None:
    await running.filled(buy())
    await running.filled(buy(**FLIP))
    assert await filled_trades(running) == ["BUY CE", "SELL CE", "BUY PE"]
    assert await running.held() == LOT


async def test_a_flip_with_nothing_held_is_an_entry_like_any_other(running: World) -> None:
    await running.filled(buy(**FLIP))
    assert await filled_trades(running) == ["BUY PE"]
    assert not await running.was_told("Refused")


async def test_a_flip_whose_entry_is_refused_closes_all_the_same(running: World) -> None:
    await running.filled(buy())
    alert_id = await running.send(buy(**FLIP, lots=101))
    await running.reaches(alert_id, "refused")

    async def flat() -> bool:
        await running.reconciler.read()
        return await running.held() == 0

    await running.until(flat)
    assert await filled_trades(running) == ["BUY CE", "SELL CE"]


async def exit_of(world: World, flip: str) -> str:
    """The alert that closes the other side of a flip."""
    (found,) = [row.id for row in await world.rows(tables.alerts) if row.source == f"reversal: {flip}"]
    return str(found)


async def test_a_flip_whose_entry_is_refused_says_that_the_other_side_is_closed(running: World) -> None:
    await running.filled(buy())
    flip = await running.send(buy(**FLIP, lots=None, quantity=70))
    view = await running.reaches(flip, "refused")
    closing = await exit_of(running, flip)
    await running.reaches(closing, "filled")
    said = f"the other side is being closed all the same, by alert {closing}"
    assert await running.was_told("quantity 70 is no multiple", f"Nothing new is opened; {said}")
    assert said in view.row.reason
    assert not await running.was_told("Nothing was ordered")


async def test_of_a_stale_flip_the_exit_is_asked_about_and_the_entry_refused(running: World) -> None:
    await running.filled(buy())
    old = running.clock() - timedelta(minutes=2)
    flip = await running.send(buy(**FLIP, time=old))
    await running.reaches(flip, "stale")
    closing = await exit_of(running, flip)
    await running.reaches(closing, "awaiting_approval")
    assert await running.was_told("Stale", f"your decision: alert {closing} asks")
    assert not await running.was_told("Nothing was ordered")
    assert await running.held() == LOT
    await running.press(closing)
    await running.reaches(closing, "filled")
    assert await filled_trades(running) == ["BUY CE", "SELL CE"]


async def test_a_stale_flip_with_nothing_held_is_a_stale_entry(running: World) -> None:
    flip = await running.send(buy(**FLIP, time=running.clock() - timedelta(minutes=2)))
    await running.reaches(flip, "stale")
    assert await running.was_told("Stale", "Nothing was ordered", flip)


async def test_a_flip_whose_exit_is_refused_too_says_so(running: World) -> None:
    await running.filled(buy())
    await trade_by_hand(running, (await running.rows(tables.intents))[0], LOT)
    flip = await running.send(buy(**FLIP, lots=101))
    await running.reaches(flip, "refused")
    closing = await exit_of(running, flip)
    assert await running.status(closing) == "refused"
    assert await running.was_told(flip, f"the other side was not closed either: see alert {closing}")


async def test_the_exit_of_a_stale_flip_is_asked_about_after_a_restart_in_between(running: World) -> None:
    await running.filled(buy())
    signal = exit_before(buy(**FLIP, time=running.clock() - timedelta(minutes=2)))
    assert signal is not None
    flip = Accepted(alert_id=new_alert_id(), strategy="S", signal=signal, received_at=running.clock())
    stored = await running.write(lambda connection: store(connection, flip, signal))
    await running.restart()
    await running.execute()
    await running.reaches(stored.alert_id, "awaiting_approval")


@pytest.mark.parametrize("old", [False, True])
async def test_after_a_restart_a_flip_takes_up_the_exit_that_it_had_stored(world: World, old: bool) -> None:
    """The process died between that exit and its plan."""
    await world.execute()
    await world.filled(buy())
    world.lanes.put = lambda alert: None  # type: ignore[method-assign]
    signal = buy(**FLIP, time=world.clock() - timedelta(minutes=2) if old else None)
    flip = await world.send(signal)
    begun = Accepted(alert_id=flip, strategy="S", signal=signal, received_at=world.clock())
    left = exit_before(signal)
    assert left is not None
    await world.write(lambda connection: store(connection, begun, left))
    await world.restart()
    await world.execute()
    await world.reaches(flip, "stale" if old else "filled")
    closing = await exit_of(world, flip)
    await world.reaches(closing, "awaiting_approval" if old else "filled")
    lane_is_done = await world.send(sell(symbol="BANKNIFTY"))
    await world.reaches(lane_is_done, "refused")
    refusals = [text for text in await world.told() if "Refused" in text and closing in text]
    assert refusals == []
    assert await filled_trades(world) == (["BUY CE"] if old else ["BUY CE", "SELL CE", "BUY PE"])


async def test_a_flip_planned_anew_asks_about_its_exit_once(world: World) -> None:
    """The process died between the plan of that exit and its own."""
    await world.execute()
    await world.filled(buy())
    world.lanes.put = lambda alert: None  # type: ignore[method-assign]
    signal = buy(**FLIP, time=world.clock() - timedelta(minutes=2))
    flip = await world.send(signal)
    strategy = world.settings.strategy("S")
    begun = Accepted(alert_id=flip, strategy="S", signal=signal, received_at=world.clock())
    await world.planner._exit_first(begun, strategy, stale=True)
    question = await exit_of(world, flip)
    await world.reaches(question, "awaiting_approval")
    await world.restart()
    await world.execute()
    await world.reaches(flip, "stale")
    assert await exit_of(world, flip) == question
    assert await world.status(question) == "awaiting_approval"


async def test_an_entry_whose_exit_is_never_filled_is_not_sent_and_that_is_told(running: World) -> None:
    _, entry = await unfilled_exit(running, buy(**PUT))
    await running.until(lambda: running.intents(entry))
    running.clock.forward(seconds=61)
    running.wakeups.executor.ring()
    await running.reaches(entry, "expired")
    assert sides(running) == ["BUY CE", "SELL CE"]
    assert await running.was_told("Not sent", "the exit before it is not filled")


async def test_another_strategys_entry_does_not_wait(running: World) -> None:
    _, entry = await unfilled_exit(running, buy("other"))
    await running.reaches(entry, "filled")


async def test_after_a_partial_exit_was_filled_the_next_entry_does_not_wait(running: World) -> None:
    await running.filled(buy(lots=2))
    await running.filled(sell(lots=1))
    await running.filled(buy(**PUT))
    assert await running.held() == 2 * LOT


async def test_an_entry_held_back_lives_through_a_restart(running: World) -> None:
    _, entry = await unfilled_exit(running, buy(**PUT))
    await running.until(lambda: running.intents(entry))
    await running.restart()
    await running.execute()
    assert sides(running) == ["BUY CE", "SELL CE"]
    running.clock.forward(seconds=6)
    await running.chaser.look()
    await running.reconciler.read()
    await running.chaser.look()
    await running.reaches(entry, "filled")
    assert await filled_trades(running) == ["BUY CE", "SELL CE", "BUY PE"]
