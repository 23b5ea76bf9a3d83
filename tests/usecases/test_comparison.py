"""Kite's positions against our holdings: what differs is told once, and booked only as said."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row, select

from bot.difference_card import difference_card
from gateway.adoption import Adoption, DifferenceView, view_of
from gateway.comparison import Comparison
from gateway.kite.client import CallKind
from gateway.paper.faults import FaultKind
from storage import tables
from tests.usecases.world import LOT, World, buy, sell

POSITIONS = "GET /portfolio/positions"


@dataclass
class Scene:
    """A world whose positions are compared when told."""

    world: World

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        w = self.world
        self.comparison = Comparison(
            w.access,
            w.database,
            w.outbox,
            w.calendar,
            w.wakeups,
            w.clock,
            lambda: w.executor.is_open("paper"),
        )
        self.adoption = Adoption(w.database, w.outbox, w.wakeups, w.clock)

    async def compare(self, looks: int = 2, seconds: float = 7.0) -> None:
        for _ in range(looks):
            self.world.clock.forward(seconds=seconds)
            await self.comparison.look()

    async def by_hand(self, side: str, units: int, product: str = "NRML") -> None:
        """In the Kite app."""
        (name,) = {order["tradingsymbol"] for order in self.world.paper.book()["orders"]}
        await self.world.client.call(
            CallKind.PLACE,
            lambda kite: kite.place_order(
                variety="regular",
                exchange="NFO",
                tradingsymbol=name,
                transaction_type=side,
                quantity=units,
                product=product,
                order_type="MARKET",
                market_protection=-1,
            ),
        )

    async def rows(self) -> list[Row[Any]]:
        statement = select(tables.differences).order_by(tables.differences.c.found_at)
        return await self.world.database.read(lambda connection: list(connection.execute(statement)))

    async def states(self) -> list[tuple[str, str]]:
        return [(row.kind, row.state) for row in await self.rows()]

    async def view(self) -> DifferenceView:
        row = (await self.rows())[-1]
        found = await self.world.database.read(lambda connection: view_of(connection, row.id))
        assert found is not None
        return found

    async def labels(self) -> list[str]:
        return [button.label for row in difference_card(await self.view()).buttons for button in row]

    async def text(self) -> str:
        return difference_card(await self.view()).text

    async def press(self, *words: str) -> str:
        """The button whose label has these words, as the bot reads it."""
        card = difference_card(await self.view())
        (button,) = [b for row in card.buttons for b in row if all(word in b.label for word in words)]
        _, difference_id, answer, number = button.data.split(":")
        return await self.adoption.answer(difference_id, answer, int(number), "Asha")

    async def realised(self) -> int:
        return sum(fill.realised_paise for fill in await self.world.rows(tables.fills))

    async def sold_by_hand_at(self) -> Decimal:
        trades = [t for t in self.world.paper.book()["trades"] if t["transaction_type"] == "SELL"]
        return Decimal(str(trades[-1]["average_price"]))


@pytest.fixture
async def scene(world: World) -> Scene:
    await world.execute()
    return Scene(world)


async def test_positions_that_agree_are_nobodys_news(scene: Scene) -> None:
    await scene.world.filled(buy())
    await scene.compare(3)
    assert await scene.rows() == []


async def test_sold_by_hand_is_told_once_with_the_facts_and_booked_as_said(scene: Scene) -> None:
    await scene.world.filled(buy(lots=2))
    await scene.by_hand("SELL", LOT)
    await scene.compare(1)
    assert await scene.rows() == [], "positions may lag behind: one look proves nothing"
    await scene.compare(4)
    assert await scene.states() == [("fewer", "open")]
    price = await scene.sold_by_hand_at()
    text = await scene.text()
    assert "holds 130, Kite's positions: 65" in text
    assert f"another hand sold 65 @ ₹{price:.2f}" in text
    assert await scene.labels() == [
        f"Book 65 as sold at ₹{price:.2f}",
        "Book 65 as closed, price not known",
        "Leave it",
    ]
    assert await scene.world.held() == 2 * LOT, "nothing is booked before the owner said so"
    assert await scene.press("as sold at") == "Booked."
    assert await scene.world.held() == LOT
    (entry, booked) = await scene.world.rows(tables.fills)
    assert booked.value_paise == int(price * LOT * 100)
    assert booked.realised_paise == booked.value_paise - entry.value_paise // 2
    await scene.compare(4)
    assert await scene.states() == [("fewer", "booked")]
    assert "booked as closed" in await scene.text()
    assert len(scene.world.accepted()) == 2, "the entry, and the owner's own order"


async def test_a_price_nobody_knows_books_neither_profit_nor_loss(scene: Scene) -> None:
    await scene.world.filled(buy())
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    await scene.press("price not known")
    assert (await scene.world.held(), await scene.realised()) == (0, 0)


async def test_a_button_pressed_twice_books_once(scene: Scene) -> None:
    await scene.world.filled(buy(lots=2))
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    row = (await scene.rows())[0]
    first = await scene.adoption.answer(row.id, "a", 0, "Asha")
    second = await scene.adoption.answer(row.id, "a", 0, "Ravi")
    assert (first, await scene.world.held()) == ("Booked.", LOT)
    assert "settled already" in second


async def test_left_as_it_is_it_stays_quiet_until_the_numbers_change(scene: Scene) -> None:
    await scene.world.filled(buy(lots=3))
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    await scene.press("Leave it")
    await scene.compare(3, seconds=61)
    assert await scene.states() == [("fewer", "left")]
    await scene.by_hand("SELL", LOT)
    await scene.compare(4, seconds=61)
    assert await scene.states() == [("fewer", "gone"), ("fewer", "open")]
    assert "another hand sold 130" in await scene.text()


async def test_bought_back_by_hand_the_difference_is_gone(scene: Scene) -> None:
    await scene.world.filled(buy())
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    await scene.by_hand("BUY", LOT)
    await scene.compare(2, seconds=61)
    assert await scene.states() == [("fewer", "gone")]
    assert await scene.labels() == []


async def test_bought_by_hand_may_be_taken_over_and_is_then_sold_by_the_exit(scene: Scene) -> None:
    await scene.world.filled(buy())
    await scene.by_hand("BUY", LOT)
    await scene.compare()
    assert await scene.states() == [("more", "open")]
    assert await scene.press("Take 65 over at", "for S") == "Booked."
    assert await scene.world.held() == 2 * LOT
    await scene.world.filled(sell())
    assert (await scene.world.held(), sum(scene.world.positions().values())) == (0, 0)


async def test_two_strategies_in_one_contract_each_have_a_button(scene: Scene) -> None:
    await scene.world.filled(buy("A"))
    await scene.world.filled(buy("B"))
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    await scene.press("as sold at", "(B)")
    assert (await scene.world.held("A"), await scene.world.held("B")) == (LOT, 0)
    await scene.compare(3)
    assert await scene.states() == [("fewer", "booked")]


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.DROP])
async def test_an_unreadable_position_is_unknown_and_not_flat(scene: Scene, kind: FaultKind) -> None:
    await scene.world.filled(buy())
    scene.world.fault(kind, route=POSITIONS, times=None)
    await scene.compare(4, seconds=61)
    assert await scene.rows() == []


async def test_an_empty_answer_is_no_proof_and_only_a_lasting_one_is_asked_about(scene: Scene) -> None:
    await scene.world.filled(buy())
    scene.world.fault(FaultKind.EMPTY, route=POSITIONS, times=2)
    await scene.compare(4)
    assert await scene.rows() == []
    scene.world.fault(FaultKind.EMPTY, route=POSITIONS, times=None)
    await scene.compare(4, seconds=61)
    assert await scene.states() == [("unlisted", "open")]
    assert await scene.labels() == ["Book 65 as closed, price not known", "Leave it"]
    assert await scene.world.held() == LOT


async def test_while_an_exit_works_nothing_is_compared_or_booked(scene: Scene) -> None:
    await scene.world.filled(buy())
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    assert await scene.states() == [("fewer", "open")]
    await scene.by_hand("BUY", LOT)
    scene.world.fault(FaultKind.FILL, quantity=0)
    exit_ = await scene.world.send(sell())
    await scene.world.reaches(exit_, "open")
    assert "under way" in await scene.press("as sold at")
    await scene.compare(3, seconds=61)
    assert await scene.states() == [("fewer", "open")]


async def test_what_expired_in_the_book_is_offered_as_settled(scene: Scene) -> None:
    view = await scene.world.filled(buy())
    expiry = view.intents[0].expiry
    days = (expiry - scene.world.clock().date()).days
    scene.world.clock.forward(days=days, hours=8)
    await scene.world.log_in()
    await scene.world.reconciler.read()
    await scene.compare(1)
    assert await scene.states() == [("expired", "open")]
    assert "Book 65 as expired at ₹0" in await scene.labels()
    await scene.compare(2, seconds=61)
    assert len(await scene.rows()) == 1, "told once"
    await scene.press("expired at ₹0")
    assert await scene.world.held() == 0
    (entry, _) = await scene.world.rows(tables.fills)
    assert await scene.realised() == -entry.value_paise


async def test_a_difference_told_before_a_restart_is_not_told_again(scene: Scene) -> None:
    await scene.world.filled(buy())
    await scene.by_hand("SELL", LOT)
    await scene.compare()
    await scene.world.restart()
    await scene.world.execute()
    scene.start()
    await scene.compare(3)
    assert await scene.states() == [("fewer", "open")]
    assert await scene.press("as sold at") == "Booked."
