"""Reversal: the entry waits for the fill of the exit before it, however the two arrive."""

from typing import Any

import pytest

from gateway.domain.contract import OptionType
from gateway.paper.faults import FaultKind
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
