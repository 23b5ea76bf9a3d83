"""Getting out, on the real processes: exits, flatten, the square-off; honest about what is not flat."""

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.market import ist
from tests.acceptance.stage import SEED_ALERT, Process, Stage


async def ready(stage: Stage, **changes: Any) -> None:
    await stage.open(**{"defaults": {"approval": "auto"}, **changes})
    await stage.start_gateway()
    await stage.log_in()


async def hold(stage: Stage, strategy: str, **fields: Any) -> str:
    """One filled entry; its tradingsymbol."""
    answer = await stage.alert({**SEED_ALERT, "strategy": strategy, **fields})
    life = await stage.settled(answer["alert_id"], "filled")
    return str(life["intents"][0]["tradingsymbol"])


async def net(stage: Stage) -> dict[str, int]:
    """What the account holds by the exchange's own trades."""
    held: dict[str, int] = {}
    for trade in (await stage.book())["trades"]:
        sign = 1 if trade["transaction_type"] == "BUY" else -1
        symbol = trade["tradingsymbol"]
        held[symbol] = held.get(symbol, 0) + sign * trade["quantity"]
    return {symbol: quantity for symbol, quantity in held.items() if quantity}


async def test_one_strategys_exit_leaves_the_others_lots_alone(stage: Stage) -> None:
    await ready(stage)
    symbol = await hold(stage, "A")
    await hold(stage, "B", quantity=130)
    exit_ = await stage.alert({"action": "SELL", "symbol": "NIFTY", "strategy": "A", "quantity": 500})
    await stage.settled(exit_["alert_id"], "filled")
    assert await net(stage) == {symbol: 130}


async def test_flatten_sells_everything_although_the_broker_refuses_at_first(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    await hold(stage, "B", strike=24200)
    refusal = {"kind": "reject_late", "message": "17070 : The Price is out of the current execution range"}
    await stage.faults(refusal)
    await stage.say("/killswitch")
    await stage.message("Stop everything?")
    await stage.press("Stop and flatten")
    await stage.message("Flatten", "flat", "closed 65", within=40)
    assert await net(stage) == {}
    late = await stage.alert({**SEED_ALERT, "strategy": "A", "strike": 24400})
    await stage.settled(late["alert_id"], "refused")


async def test_flatten_goes_on_after_a_crash(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    await stage.faults({"kind": "fill", "quantity": 0, "times": 1})
    await stage.say("/killswitch")
    await stage.message("Stop everything?")
    await stage.press("Stop and flatten")
    await stage.message("closing")
    await stage.kill_gateway()
    await stage.start_gateway()
    await stage.message("Flatten", "flat", "closed 65", within=40)
    assert await net(stage) == {}


async def test_an_exit_that_does_not_fill_is_chased(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    await stage.faults({"kind": "fill", "quantity": 0, "times": 1})
    await stage.alert({"action": "EXIT", "strategy": "A"})
    await stage.message("Sent anew", "1 of 5", within=25)

    async def flat() -> bool:
        return await net(stage) == {}

    await stage.until(flat, "the chased exit is filled")


async def test_the_square_off_closes_what_is_held_after_a_restart_too(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    await stage.kill_gateway()
    now = ist(datetime.now(UTC))
    stage.settings["schedule"] = {"square_off": f"{now - timedelta(minutes=1):%H:%M}"}
    await stage.start_gateway()
    await stage.message("Square-off", "flat", "closed 65", within=30)
    assert await net(stage) == {}


async def test_squareoff_by_hand_closes_after_confirm(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    kept = await hold(stage, "B", strike=24300)
    await stage.say("/squareoff A")
    await stage.message("Close these?")
    await stage.press("Confirm")
    await stage.message("flat", "closed 65", within=30)
    assert await net(stage) == {kept: 65}


async def test_what_the_owner_sold_by_hand_is_not_sold_again(stage: Stage) -> None:
    await ready(stage)
    symbol = await hold(stage, "A")
    closed = {"tradingsymbol": symbol, "exchange": "NFO", "product": "NRML", "quantity": 0}
    positions = {"status": "success", "data": {"net": [{**closed, "average_price": 0, "last_price": 1}]}}
    fault = {"kind": "body", "route": "GET /portfolio/positions", "times": None, "code": 200}
    await stage.faults({**fault, "body": json.dumps(positions)})
    exit_ = await stage.alert({"action": "EXIT", "strategy": "A"})
    life = await stage.settled(exit_["alert_id"], "refused")
    assert "closed elsewhere" in life["reason"]


async def test_positions_that_say_nothing_do_not_keep_a_holding_open(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    empty = {"status": "success", "data": {"net": [], "day": []}}
    fault = {"kind": "body", "route": "GET /portfolio/positions", "times": None, "code": 200}
    await stage.faults({**fault, "body": json.dumps(empty)})
    exit_ = await stage.alert({"action": "EXIT", "strategy": "A"})
    await stage.settled(exit_["alert_id"], "filled")


async def test_orders_by_hand_and_pauses_walk_the_same_path(stage: Stage) -> None:
    await ready(stage)
    await stage.say("/buy NIFTY ATM CE 1 lot")
    await stage.message("Filled", "BUY 65 NIFTY")
    await stage.say("/pause")
    await stage.message("opens nothing new")
    refused = await stage.alert({**SEED_ALERT, "strike": 24500})
    life = await stage.settled(refused["alert_id"], "refused")
    assert "paused" in life["reason"]
    await stage.say("/sell NIFTY CE")
    await stage.message("Filled", "SELL 65 NIFTY")
    assert await net(stage) == {}


async def test_sigusr1_is_the_kill_switch_and_flatten_from_the_terminal_goes_with_it(stage: Stage) -> None:
    await ready(stage)
    await hold(stage, "A")
    stage.signal_gateway(signal.SIGUSR1)
    await stage.message("Kill switch on, by SIGUSR1", "Still held", "65")
    late = await stage.alert({**SEED_ALERT, "strategy": "B", "strike": 24400})
    await stage.settled(late["alert_id"], "refused")
    assert list((await net(stage)).values()) == [65], "the switch alone sells nothing"
    path = str(stage.write_settings())
    kill = Process("-m", "gateway", "kill", "--flatten", "--config", path, cwd=stage.folder)
    await kill.start(log=stage.folder / "kill.log")
    assert b"Kill switch on" in await kill.line()
    await stage.message("Flatten", "the command line", "closed 65", within=40)
    assert await net(stage) == {}
