"""An exit that no session, a closed market or the broker has stopped is not forgotten while it is held."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.kept_card import kept_card
from gateway.domain.contract import OptionType
from gateway.domain.signal import Action
from gateway.kept_exits import KeptExits, view_of
from gateway.paper.faults import FaultKind
from storage import tables
from tests.usecases.by_hand import trade_by_hand
from tests.usecases.world import LOT, World, buy, sell, strike

PLACE = "POST /orders/*"


@dataclass
class Scene:
    """A world whose kept exits are looked at when told."""

    world: World

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        w = self.world
        told = (w.settings, w.database, w.outbox, w.wakeups, w.clock, w.intake)
        self.kept = KeptExits(*told, self.blocked, lambda _venue, _name: 1800)

    def blocked(self, _venue: str) -> str | None:
        return None if self.world.session.alive else "nobody is logged in to Kite"

    async def hold(self) -> None:
        await self.world.filled(buy())

    async def die(self) -> None:
        await self.world.session.mark_dead("Incorrect `api_key` or `access_token`.", self.world.clock())

    async def log_in(self, **later: float) -> None:
        self.world.clock.forward(**later)
        await self.world.log_in()
        await self.world.reconciler.read()

    async def look(self) -> None:
        await self.world.reconciler.read()
        await self.world.chaser.look()
        await self.kept.look()

    async def rows(self) -> list[Any]:
        return list(await self.world.rows(tables.kept_exits))

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows()]

    async def newest(self) -> str:
        return str((await self.world.rows(tables.alerts))[-1].id)

    async def labels(self, alert_id: str) -> list[str]:
        view = await self.world.database.read(lambda connection: view_of(connection, alert_id))
        assert view is not None
        return [button.label for row in kept_card(view).buttons for button in row]

    async def flat(self) -> None:
        async def sold() -> bool:
            await self.world.reconciler.read()
            return await self.world.held() == 0

        await self.world.until(sold, lambda: "still held")


@pytest.fixture
async def scene(world: World) -> Scene:
    await world.execute()
    return Scene(world)


async def test_without_a_session_the_exit_is_kept_and_goes_out_after_a_quick_login(scene: Scene) -> None:
    await scene.hold()
    await scene.die()
    exit_ = await scene.world.send(sell())
    await scene.world.reaches(exit_, "refused")
    assert await scene.world.was_told("nobody is logged in", "the exit is kept")
    await scene.look()
    assert await scene.states() == ["waiting"]
    await scene.log_in(seconds=20)
    await scene.look()
    await scene.flat()
    assert await scene.states() == ["sent"]
    await scene.look()
    assert len(scene.world.accepted()) == 2, "sold once"


async def test_after_a_late_login_the_owner_is_asked(scene: Scene) -> None:
    await scene.hold()
    await scene.die()
    await scene.world.reaches(await scene.world.send(sell()), "refused")
    await scene.log_in(minutes=30)
    await scene.look()
    again = await scene.newest()
    await scene.world.reaches(again, "awaiting_approval")
    assert len(scene.world.accepted()) == 1
    await scene.world.press(again)
    scene.world.wakeups.executor.ring()
    await scene.flat()


async def test_closed_elsewhere_meanwhile_nothing_is_sold(scene: Scene) -> None:
    await scene.hold()
    await scene.die()
    exit_ = await scene.world.send(sell())
    await scene.world.reaches(exit_, "refused")
    await scene.log_in(seconds=5)
    await scene.world.filled(sell())
    await scene.look()
    assert await scene.states() == ["gone"]
    assert len(scene.world.accepted()) == 2


async def test_it_outlives_a_restart(scene: Scene) -> None:
    await scene.hold()
    await scene.die()
    await scene.world.reaches(await scene.world.send(sell()), "refused")
    await scene.world.restart()
    scene.start()
    await scene.world.execute()
    await scene.look()
    await scene.flat()
    assert len(scene.world.accepted()) == 2


async def test_the_owner_may_let_it_go(scene: Scene) -> None:
    await scene.hold()
    await scene.die()
    exit_ = await scene.world.send(sell())
    await scene.world.reaches(exit_, "refused")
    assert await scene.labels(exit_) == ["Do not sell"]
    assert "nothing is sold" in await scene.kept.leave(exit_, "Asha")
    await scene.log_in(seconds=5)
    await scene.look()
    assert (await scene.world.held(), await scene.states()) == (LOT, ["left"])


async def test_a_token_that_dies_with_the_exit_on_its_way_keeps_it(scene: Scene) -> None:
    await scene.hold()
    scene.world.fault(FaultKind.KILL_TOKEN, route=PLACE)
    exit_ = await scene.world.send(sell())
    await scene.world.reaches(exit_, "failed", look=False)
    await scene.world.until(lambda: _async(not scene.world.session.alive))
    await scene.kept.look()
    assert await scene.states() == ["waiting"]
    await scene.log_in(seconds=20)
    await scene.look()
    await scene.flat()


async def _async(value: object) -> object:
    return value


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": FaultKind.REFUSE, "route": PLACE, "message": "Insufficient funds. Required margin is 1."},
        {"kind": FaultKind.REJECT_LATE, "message": "RMS: margin exceeds, rejected."},
    ],
    ids=["refused at once", "rejected late"],
)
async def test_an_exit_refused_for_margin_is_offered_again(scene: Scene, fault: dict[str, Any]) -> None:
    await scene.hold()
    scene.world.fault(**fault)
    exit_ = await scene.world.send(sell())
    await scene.world.reaches(exit_, "failed")
    await scene.look()
    await scene.look()
    assert await scene.states() == ["offered"]
    assert await scene.labels(exit_) == ["Sell now", "Do not sell"]
    assert len([row for row in await scene.world.rows(tables.notices) if row.subject == f"exit:{exit_}"]) == 1
    assert await scene.world.held() == LOT, "nothing is tried by itself"
    assert "comes in again" in await scene.kept.sell(exit_, "Asha")
    assert "settled already" in await scene.kept.sell(exit_, "Ravi")
    await scene.flat()
    assert sum(scene.world.positions().values()) == 0


async def test_only_the_rest_of_a_half_filled_exit_is_offered(scene: Scene) -> None:
    await scene.world.filled(buy(lots=60))
    scene.world.fault(FaultKind.REFUSE, route=PLACE, after=1, message="Insufficient funds.")
    exit_ = await scene.world.send(sell(lots=30))

    async def offered() -> bool:
        await scene.look()
        return await scene.states() == ["offered"] and await scene.world.held() < 60 * LOT

    await scene.world.until(offered)
    first = 60 * LOT - await scene.world.held()
    assert 0 < first < 30 * LOT, "one of two slices went through"
    await scene.kept.sell(exit_, "Asha")

    async def half() -> bool:
        await scene.world.reconciler.read()
        return await scene.world.held() == 30 * LOT

    await scene.world.until(half)


async def test_the_kill_switch_makes_kept_exits_void(scene: Scene) -> None:
    await scene.hold()
    await scene.die()
    await scene.world.reaches(await scene.world.send(sell()), "refused")
    await scene.world.kill_switch.throw("Asha")
    await scene.look()
    await scene.world.kill_switch.lift("Asha")
    await scene.log_in(seconds=5)
    await scene.look()
    assert (await scene.world.held(), await scene.states()) == (LOT, ["left"])


PUT = {"option_type": OptionType.PE, "strike": strike(24_300)}
LONG_OUT = sell("LongA", option_type=OptionType.PE)
SHORT_BACK = buy("Writer", **PUT)


@pytest.fixture
async def opposite(make_world: Callable[..., Any]) -> Scene:
    """LongA holds two lots of a put, and Writer is short of one of it."""
    world = await make_world(strategies={"Writer": {"allow_short": True}})
    await world.execute()
    await world.filled(buy("LongA", lots=2, **PUT))
    await world.filled(buy("Writer", action=Action.SELL, **PUT))
    return Scene(world)


async def hanging(scene: Scene, signal: Any) -> str:
    """An exit of one side that the exchange has, and does not fill."""
    scene.world.fault(FaultKind.FILL, quantity=0)
    alert_id = await scene.world.send(signal)
    await scene.world.reaches(alert_id, "open")
    return alert_id


async def kept_behind(scene: Scene) -> tuple[str, str]:
    """LongA's exit hangs, and Writer's is kept behind it; their alerts."""
    await scene.world.filled(sell("LongA", option_type=OptionType.PE, lots=1))
    first = await hanging(scene, LONG_OUT)
    second = await scene.world.send(SHORT_BACK)
    await scene.world.reaches(second, "refused")
    return first, second


async def chased(scene: Scene, alert_id: str) -> None:
    """Five seconds later it is re-priced, and filled."""
    scene.world.clock.forward(seconds=6)
    await scene.world.chaser.look()
    await scene.world.reconciler.read()
    await scene.world.chaser.look()
    await scene.world.reaches(alert_id, "filled")


async def is_out(scene: Scene, strategy: str) -> None:
    async def gone() -> bool:
        await scene.world.reconciler.read()
        return await scene.world.held(strategy) == 0

    await scene.world.until(gone, lambda: f"{strategy} still holds it")


async def test_an_exit_of_the_other_side_is_kept_while_the_first_sides_is_under_way(opposite: Scene) -> None:
    first, second = await kept_behind(opposite)
    said = ("is under way", "the exit is kept: when that order is settled")
    assert await opposite.world.was_told(second, *said)
    await opposite.look()
    assert await opposite.states() == ["behind"]
    assert await opposite.labels(second) == ["Do not sell"]
    await chased(opposite, first)
    await opposite.look()
    await is_out(opposite, "Writer")
    assert await opposite.states() == ["sent"]
    await opposite.look()
    assert set(opposite.world.positions().values()) == {0}


async def test_what_an_exit_leaves_out_for_the_other_side_is_told_and_follows_it(opposite: Scene) -> None:
    world = opposite.world
    buying = await hanging(opposite, SHORT_BACK)
    view = await world.filled(LONG_OUT)
    assert [row.quantity for row in view.intents] == [LOT]
    assert await world.was_told("Not all of it is closed", f"{LOT} units of", "is under way", "is kept")
    await opposite.look()
    assert await world.held("LongA") == LOT
    await chased(opposite, buying)
    await opposite.look()
    await is_out(opposite, "LongA")
    assert set(world.positions().values()) == {0}


async def test_what_is_kept_behind_an_order_outlives_a_restart(opposite: Scene) -> None:
    first, _ = await kept_behind(opposite)
    await opposite.world.restart()
    opposite.start()
    await opposite.world.execute()
    await opposite.look()
    assert await opposite.states() == ["behind"]
    await chased(opposite, first)
    await opposite.look()
    await is_out(opposite, "Writer")


async def test_the_kill_switch_ends_what_is_kept_behind_an_order(opposite: Scene) -> None:
    await kept_behind(opposite)
    await opposite.world.kill_switch.throw("Asha")
    await opposite.look()
    assert await opposite.states() == ["left"]


async def test_what_was_closed_by_hand_is_not_kept(scene: Scene) -> None:
    """No order of ours explains it."""
    view = await scene.world.filled(buy())
    await trade_by_hand(scene.world, view.intents[0], LOT)
    await scene.world.reaches(await scene.world.send(sell()), "refused")
    await scene.look()
    assert await scene.rows() == []
