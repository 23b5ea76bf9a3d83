"""An exit that says which position it leaves closes nothing else: TradingView's two alerts of a reversal may
arrive in the wrong order, and then what was just bought must not be sold for what it replaces."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.signal import Action, MarketPosition, Signal
from gateway.ingress.payload import parse_body
from gateway.paper.faults import FaultKind
from storage import tables
from tests.usecases.world import LOT, World, buy

CALL, PUT = OptionType.CE, OptionType.PE
#: How the option was opened.
BOUGHT, WRITTEN = Action.BUY, Action.SELL


@pytest.fixture
async def writer(make_world: Callable[..., Any]) -> World:
    world: World = await make_world(strategies={"S": {"allow_short": True}})
    await world.execute()
    return world


def leave(position: MarketPosition | None, **changes: Any) -> Signal:
    return Signal(action=Action.EXIT, strategy="S", position=position, **changes)


@pytest.mark.parametrize(
    ("position", "opened", "kind"),
    [
        (MarketPosition.SHORT, BOUGHT, PUT),
        (MarketPosition.SHORT, WRITTEN, CALL),
        (MarketPosition.SHORT, WRITTEN, PUT),
        (MarketPosition.LONG, BOUGHT, CALL),
        (MarketPosition.LONG, BOUGHT, PUT),
        (None, BOUGHT, CALL),
        (None, WRITTEN, CALL),
    ],
)
async def test_what_can_be_the_position_is_closed(
    writer: World, position: MarketPosition | None, opened: Action, kind: OptionType
) -> None:
    await writer.filled(buy(action=opened, option_type=kind))
    await writer.filled(leave(position))
    assert await writer.held() == 0


@pytest.mark.parametrize(
    ("position", "opened", "kind", "held"),
    [
        (MarketPosition.SHORT, BOUGHT, CALL, "65 units of NIFTY 24000 CE 01 Dec"),
        (MarketPosition.LONG, WRITTEN, CALL, "65 units of NIFTY 24000 CE 01 Dec, sold short"),
        (MarketPosition.LONG, WRITTEN, PUT, "65 units of NIFTY 24000 PE 01 Dec, sold short"),
    ],
)
async def test_what_cannot_be_the_position_stays_and_is_named(
    writer: World, position: MarketPosition, opened: Action, kind: OptionType, held: str
) -> None:
    await writer.filled(buy(action=opened, option_type=kind))
    alert_id = await writer.send(leave(position))
    await writer.reaches(alert_id, "refused")
    assert await writer.held() == LOT
    assert await writer.was_told(f"could close as a {position} (", f"it holds {held}", alert_id)


async def test_the_contract_that_it_names_narrows_it_further(writer: World) -> None:
    await writer.filled(buy(option_type=PUT))
    await writer.filled(buy())
    alert_id = await writer.send(leave(MarketPosition.SHORT, option_type=CALL))
    await writer.reaches(alert_id, "refused")
    await writer.filled(leave(MarketPosition.SHORT, option_type=PUT))
    assert await writer.held() == LOT, "the call stays"


async def test_it_withdraws_no_entry_that_it_does_not_mean(asking: World) -> None:
    await asking.execute()
    call = await asking.send(buy())
    await asking.reaches(call, "awaiting_approval")
    leaving = await asking.send(leave(MarketPosition.SHORT))
    await asking.reaches(leaving, "refused")
    assert await asking.status(call) == "awaiting_approval"


@pytest.mark.parametrize("body", [b"close short", b'{"action": "exit_short"}', b'"SHORT EXIT"'])
async def test_a_reversal_whose_two_alerts_come_in_the_wrong_order_keeps_what_it_has_bought(
    writer: World, body: bytes
) -> None:
    """And so after a restart in between: what it leaves is kept with the alert."""
    await writer.filled(buy())
    (signal,) = parse_body(body)
    writer.lanes.put = lambda alert: None  # type: ignore[method-assign]  # stored, and the process dies
    alert_id = await writer.send(Signal(action=signal.action, strategy="S", position=signal.position))
    await writer.restart()
    await writer.execute()
    await writer.reaches(alert_id, "refused")
    assert await writer.held() == LOT


async def test_close_long_leaves_the_put_that_a_reversal_has_bought_already(world: World) -> None:
    """Of calls and puts that were bought, the calls are the long."""
    await world.execute()
    await world.filled(buy())
    await world.filled(buy(option_type=PUT))
    view = await world.filled(leave(MarketPosition.LONG))
    assert [row.option_type for row in view.intents] == [CALL]
    assert await world.held() == LOT


async def test_close_long_neither_waits_for_the_other_sides_entry_nor_cancels_it(world: World) -> None:
    await world.execute()
    await world.filled(buy())
    world.fault(FaultKind.FILL, quantity=0)
    put = await world.send(buy(option_type=PUT))
    await world.reaches(put, "open")
    await world.filled(leave(MarketPosition.LONG))
    assert await world.status(put) == "open"
    assert [row.cancel_asked_at for row in await world.rows(tables.orders)] == [None] * 3


async def test_close_long_does_not_withdraw_the_put_that_is_asked_about(asking: World) -> None:
    await asking.execute()
    call = await asking.send(buy())
    await asking.reaches(call, "awaiting_approval")
    await asking.press(call)
    await asking.reaches(call, "filled")
    put = await asking.send(buy(option_type=PUT))
    await asking.reaches(put, "awaiting_approval")
    await asking.filled(leave(MarketPosition.LONG))
    assert await asking.status(put) == "awaiting_approval"


async def test_close_long_that_names_the_put_closes_the_put(world: World) -> None:
    await world.execute()
    await world.filled(buy())
    await world.filled(buy(option_type=PUT))
    view = await world.filled(leave(MarketPosition.LONG, option_type=PUT))
    assert [row.option_type for row in view.intents] == [PUT]
