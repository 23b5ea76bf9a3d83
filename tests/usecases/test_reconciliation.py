"""Kite's book against ours: whatever is heard, in whatever order, the row and the owner end up right."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from gateway import reconciliation
from gateway.domain import checkpoints
from gateway.domain.errors import StorageFailed
from gateway.domain.order import BrokerOrder, IntentState, Side
from gateway.paper.faults import FaultKind
from gateway.reconciliation import HORIZON
from storage import tables
from tests.storage.rows import add_intent
from tests.usecases.world import LOT, buy, opened, sell

PLACE = "POST /orders/*"


def news(
    world_order: BrokerOrder, status: str, filled: int = 0, average: str = "0", **changes
) -> BrokerOrder:
    """What a stream might say of an order."""
    said = {
        "status": status,
        "filled_quantity": filled,
        "average_price": Decimal(average),
        "pending_quantity": world_order.quantity - filled,
        "status_message": None,
    }
    return replace(world_order, **{**said, **changes})


async def working(world, lots=2):
    """An alert whose order rests at the exchange, and the order as the book shows it."""
    world.fault(FaultKind.FILL, quantity=0)
    await world.execute()
    alert_id = await world.send(buy(lots=lots))
    await world.reaches(alert_id, "open")
    await world.reconciler.read()  # placed is known from the answer alone; that it rests, from the book
    (order,) = await world.orders()
    return alert_id, order


async def order_row(world):
    return (await world.rows(tables.orders))[0]


async def test_the_same_news_from_stream_postback_and_book_counts_once(world):
    alert_id, order = await working(world)
    complete = news(order, "COMPLETE", 2 * LOT, "100")
    await asyncio.gather(*(world.reconciler.on_order(complete) for _ in range(5)))
    assert await world.held() == 2 * LOT
    assert len([text for text in await world.told() if "Filled" in text]) == 1
    assert await world.status(alert_id) == "filled"


async def test_news_in_the_wrong_order_ends_the_same(world):
    alert_id, order = await working(world)
    for each in (
        news(order, "COMPLETE", 2 * LOT, "101"),
        news(order, "OPEN"),
        news(order, "UPDATE", LOT, "100"),
        news(order, "PUT ORDER REQ RECEIVED"),
    ):
        await world.reconciler.on_order(each)
    row = await order_row(world)
    assert (row.state, row.filled_quantity, row.average_price) == ("filled", 2 * LOT, 101)
    assert await world.held() == 2 * LOT
    assert await world.status(alert_id) == "filled"


@pytest.mark.parametrize("steps", [[0, 1, 2], [2, 1, 0], [1, 2, 0, 1], [2, 2, 0]])
async def test_a_part_that_is_filled_and_then_cancelled_is_held_and_told(world, steps):
    alert_id, order = await working(world)
    life = [
        news(order, "OPEN"),
        news(order, "UPDATE", LOT, "100"),
        news(order, "CANCELLED", LOT, "100", cancelled_quantity=LOT),
    ]
    for step in steps:
        await world.reconciler.on_order(life[step])
    assert await world.held() == LOT
    assert await world.status(alert_id) == "filled"
    assert await world.was_told("Cancelled", f"{LOT} of {2 * LOT} units were filled", "are held")


async def test_a_fill_heard_of_after_the_end_is_counted_and_told(world):
    _, order = await working(world)
    await world.reconciler.on_order(news(order, "CANCELLED"))
    assert await world.was_told("Cancelled", "Nothing was filled")
    await world.reconciler.on_order(news(order, "CANCELLED", LOT, "100"))
    assert await world.held() == LOT
    assert await world.was_told("Cancelled", f"{LOT} of {2 * LOT} units were filled")


async def test_a_late_rejection_is_told_in_the_exchanges_words(world):
    alert_id, order = await working(world)
    await world.reconciler.on_order(news(order, "REJECTED", status_message="RMS:<margin>"))
    assert await world.status(alert_id) == "failed"
    assert await world.was_told("Rejected after it was accepted", "RMS:&lt;margin&gt;", "Nothing was filled")


async def test_each_fill_draws_the_card_anew(world):
    alert_id, order = await working(world)
    shown = await world.shown(alert_id)
    await world.reconciler.on_order(news(order, "UPDATE", LOT, "100"))
    assert await world.shown(alert_id) == shown + 1


async def test_orders_of_the_owners_own_hand_are_left_alone(world):
    _, order = await working(world)
    before = await world.rows(tables.orders)
    await world.reconciler.on_order(news(order, "COMPLETE", LOT, "1", order_id="hand", tags=frozenset()))
    await world.reconciler.on_order(
        news(order, "COMPLETE", LOT, "1", order_id="x", tags=frozenset({"theirs"}))
    )
    assert await world.rows(tables.orders) == before
    assert await world.held() == 0


ADOPTABLE = [
    IntentState.PLACING,
    IntentState.UNKNOWN,
    IntentState.REFUSED,
    IntentState.CLOSED,
    IntentState.EXPIRED,
    IntentState.REJECTED,
    IntentState.APPROVED,
    IntentState.AWAITING_APPROVAL,
]


@pytest.mark.parametrize("state", ADOPTABLE)
async def test_an_order_in_the_book_is_ours_by_its_tag_whatever_we_had_written(world, state):
    row = await world.write(
        lambda connection: add_intent(connection, state=state, quantity=LOT, strategy="S")
    )
    found = BrokerOrder(
        order_id="found",
        status="COMPLETE",
        status_message=None,
        tags=frozenset({row.tag, "mkt_prot"}),
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        side=Side.BUY,
        product="NRML",
        variety="regular",
        quantity=LOT,
        filled_quantity=LOT,
        pending_quantity=0,
        cancelled_quantity=0,
        average_price=Decimal(100),
        order_timestamp=None,
    )
    for _ in range(2):
        await world.reconciler.on_order(found)
    assert await world.status(row.alert_id) == "filled"
    assert await world.held() == LOT
    assert await world.was_told("Filled")
    assert await world.was_told("Order found") is (state is not IntentState.PLACING)
    assert len(await world.rows(tables.orders)) == 1


async def test_a_day_order_whose_end_was_not_heard_ends_with_its_day(world):
    """The gateway was down at the close: the next day's book has the order no more. It must not count as
    working for ever, nor keep what it would have sold from being sold."""
    await world.execute()
    await world.filled(buy())
    world.fault(FaultKind.FILL, quantity=0)
    exit_id = await world.send(sell())
    await world.reaches(exit_id, "open")
    await world.end()
    world.clock.forward(days=1)
    await world.begin()
    assert await world.orders() == [], "the exchange has forgotten it"
    await world.reconciler.read()
    *_, order = await world.rows(tables.orders)
    assert (order.state, order.filled_quantity) == ("cancelled", 0)
    assert await world.was_told("Cancelled", "its day, 25 Nov, is over")
    assert await world.held() == LOT


async def test_an_order_of_today_that_the_book_does_not_show_yet_is_left_alone(world):
    """The book lags; only a day's end is certain."""
    alert_id, _ = await working(world)
    world.fault(
        FaultKind.BODY, route="GET /orders", code=200, body='{"status": "success", "data": []}', times=None
    )
    await world.reconciler.read()
    assert (await order_row(world)).state == "open"
    assert await world.status(alert_id) == "open"


async def test_what_the_book_says_again_is_not_looked_up_again(world):
    """A day has hundreds of orders, and its book is read after each."""
    asked = []
    event.listen(world.database._engine, "before_cursor_execute", lambda *_: asked.append(1))

    async def look():
        await world.reconciler.read()
        asked.clear()
        await world.reconciler.read()
        return len(asked)

    await world.execute()
    await world.filled(buy())
    at_first = await look()
    for _ in range(5):
        await world.filled(buy())
    assert await look() == at_first


async def test_news_whose_transaction_failed_is_taken_when_it_comes_again(world, monkeypatch):
    alert_id, order = await working(world)
    complete = news(order, "COMPLETE", 2 * LOT, "100")

    def fail(name):
        if name == "book.applied":
            raise StorageFailed("disk I/O error")

    monkeypatch.setattr(checkpoints, "_strike", fail)
    with pytest.raises(StorageFailed):
        await world.reconciler.on_order(complete)
    monkeypatch.undo()
    assert await world.held() == 0
    await world.reconciler.on_order(complete)
    assert await world.held() == 2 * LOT
    assert await world.status(alert_id) == "filled"


async def test_an_order_that_was_nobodys_is_looked_at_anew_when_the_book_says_it_again(world):
    _, order = await working(world)
    tag = "MJLATER0000000000X"
    stranger = news(order, "COMPLETE", LOT, "100", order_id="later", tags=frozenset({tag}), quantity=LOT)
    await world.reconciler.on_order(stranger)
    assert len(await world.rows(tables.orders)) == 1
    row = await world.write(
        lambda connection: add_intent(
            connection, state=IntentState.UNKNOWN, quantity=LOT, strategy="late", tag=tag
        )
    )
    await world.reconciler.on_order(stranger)
    assert await world.status(row.alert_id) == "filled"


async def test_one_bad_neighbour_in_the_book_does_not_hide_the_others(world):
    """An adoption that cannot be done must not cost the whole book."""
    alert_id, order = await working(world)
    rejected = await world.write(lambda connection: add_intent(connection, state=IntentState.REJECTED))
    odd = news(order, "COMPLETE", 130, "1", order_id="odd", tags=frozenset({rejected.tag}))
    await world.reconciler._take([odd, news(order, "COMPLETE", 2 * LOT, "100")], whole=True)
    assert await world.status(alert_id) == "filled"


async def test_book_and_stream_at_once_come_to_one_truth(world):
    alert_id, order = await working(world)
    world.paper.faults.clear()
    updates = [news(order, "UPDATE", LOT, "100"), news(order, "COMPLETE", 2 * LOT, "100")]
    await asyncio.gather(
        *(world.reconciler.on_order(update) for update in updates),
        world.reconciler.read(),
        *(world.reconciler.on_order(update) for update in reversed(updates)),
    )
    assert (await world.view(alert_id)).status == "filled"
    assert await world.held() == 2 * LOT


UPDATES = [("OPEN", 0, "0"), ("UPDATE", 65, "100.05"), ("UPDATE", 100, "100.4"), ("COMPLETE", 130, "101.15")]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(UPDATES), st.lists(st.sampled_from(UPDATES), max_size=3))
def test_the_owner_hears_of_a_fill_once_whatever_the_order_of_the_news(event_loop_world, order, repeated):
    loop, world = event_loop_world

    async def run():
        row = await world.write(lambda connection: add_intent(connection, state=IntentState.PLACED))
        told = len(await world.told())
        for status, filled, average in [*order, *repeated]:
            update = BrokerOrder(
                order_id=f"o-{row.id}",
                status=status,
                status_message=None,
                tags=frozenset({row.tag}),
                exchange=row.exchange,
                tradingsymbol=row.tradingsymbol,
                side=Side.BUY,
                product="NRML",
                variety="regular",
                quantity=130,
                filled_quantity=filled,
                pending_quantity=130 - filled,
                cancelled_quantity=0,
                average_price=Decimal(average),
                order_timestamp=None,
            )
            await world.reconciler.on_order(update)
        texts = (await world.told())[told:]
        assert len([text for text in texts if "Filled" in text]) == 1
        assert "130 @ ₹101.15" in texts[-1]

    loop.run_until_complete(run())


@pytest.fixture
def event_loop_world(tmp_path, template, monkeypatch):
    """A world on a loop of its own, for many examples."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        context = opened(tmp_path, template)
        yield loop, loop.run_until_complete(context.__aenter__())
        loop.run_until_complete(context.__aexit__(None, None, None))


# the loop


async def test_a_ring_makes_it_look_and_a_database_that_fails_does_not_end_it(world, monkeypatch):
    monkeypatch.setattr(reconciliation, "UNKNOWN_INTERVAL", 0.01)
    fails = [1]
    real = world.database.write

    async def write(work):
        if fails:
            fails.pop()
            raise StorageFailed("locked")
        return await real(work)

    monkeypatch.setattr(world.database, "write", write)
    await world.run(world.reconciler.run, world.executor.run)
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "filled", look=False)


@pytest.mark.parametrize(
    ("prepare", "seconds"),
    [
        ("nothing", reconciliation.REST_INTERVAL),
        ("working", reconciliation.WORKING_INTERVAL),
        ("unknown", reconciliation.UNKNOWN_INTERVAL),
        ("unknown for long", reconciliation.STREAMED_INTERVAL),
    ],
)
async def test_how_soon_it_looks_again_depends_on_what_is_at_stake(world, prepare, seconds):
    if prepare == "working":
        await working(world)
    elif prepare != "nothing":
        world.fault(FaultKind.DROP, route=PLACE)
        await world.execute()
        await world.reaches(await world.send(buy()), "unknown", look=False)
    if prepare == "unknown for long":
        world.clock.forward(seconds=(HORIZON + timedelta(seconds=30)).total_seconds())
    assert await world.reconciler._interval() == seconds


async def test_the_owner_can_say_that_there_is_no_order_only_after_the_search(world):
    world.fault(FaultKind.DROP, route=PLACE)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "unknown", look=False)
    intent_id = (await world.intent(alert_id)).id
    assert "Still looking" in await world.unknown.it_is_not_there(intent_id, "Asha")
    assert await world.status(alert_id) == "unknown"
    world.clock.forward(seconds=180)
    await world.reconciler.read()
    assert "there is no order" in await world.unknown.it_is_not_there(intent_id, "Asha")
    assert await world.status(alert_id) == "failed"
    assert "settled already" in await world.unknown.it_is_not_there(intent_id, "Ravi")
    assert len(world.attempts()) == 1


async def test_sent_again_by_the_owners_word_it_is_a_new_alert_with_a_new_tag(world):
    world.fault(FaultKind.DROP, route=PLACE)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "unknown", look=False)
    intent_id = (await world.intent(alert_id)).id
    assert "Still looking" in await world.unknown.send_again(intent_id, "Asha")
    world.clock.forward(seconds=180)
    await world.reconciler.read()
    answers = await asyncio.gather(*(world.unknown.send_again(intent_id, "Asha") for _ in range(5)))
    assert len([each for each in answers if "comes in again" in each]) == 1

    async def filled():
        await world.reconciler.read()
        return await world.held() == LOT

    await world.until(filled)
    assert len(set(world.attempts())) == len(world.attempts()) == 2
    assert await world.status(alert_id) == "failed"


async def test_looking_again_at_the_owners_word_finds_what_came_late(world):
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    world.fault(FaultKind.BOOK_LATE, seconds=1000)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "unknown", look=False)
    intent_id = (await world.intent(alert_id)).id
    assert "does not show its tag yet" in await world.unknown.it_is_there(intent_id)
    (order,) = world.paper.book()["orders"]
    world.paper._desk._show(order["order_id"])
    assert "Found" in await world.unknown.it_is_there(intent_id)
    assert len(world.attempts()) == 1


async def test_an_exit_sells_what_is_held_though_another_entry_is_unknown(world):
    """It must not wait three minutes for the one because of the other; the owner hears of the other."""
    await world.execute()
    await world.filled(buy())
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    world.fault(FaultKind.BOOK_LATE, seconds=1000)
    lost = await world.send(buy())
    await world.reaches(lost, "unknown", look=False)
    leaving = await world.send(sell())
    await world.reaches(leaving, "filled")
    assert [row.quantity for row in await world.intents(leaving)] == [LOT]
    assert await world.was_told(lost, "no clear answer", "not sold with it")


async def test_an_exit_waits_for_an_unknown_entry_only_while_it_is_searched_for(world):
    """Once the owner is asked, only the owner can tell: nothing queues up behind the question."""
    world.fault(FaultKind.DROP, route=PLACE, accepted=False)
    await world.execute()
    lost = await world.send(buy())
    await world.reaches(lost, "unknown", look=False)
    world.clock.forward(seconds=180)
    await world.reconciler.read()
    leaving = await world.send(sell())
    await world.reaches(leaving, "refused", look=False)
    assert await world.was_told(leaving, "no clear answer")


async def test_an_order_claimed_while_the_look_waited_for_the_database_is_not_unknown(world):
    """Its call is under way here: the look began before the claim, and is written down after it."""

    class Waiting:
        read = world.database.read

        async def write(self, work):
            world.executor.open("paper")
            await world.run(world.executor.run)
            await world.until(on_its_way)
            return await world.database.write(work)

    async def on_its_way():
        return world.attempts() and not world.accepted()

    world.fault(FaultKind.REFUSE, route=PLACE, message="RMS: no")
    world.fault(FaultKind.DELAY, route=PLACE, seconds=0.5)
    alert_id = await world.send(buy())
    await world.intent(alert_id)
    world.reconciler._database = Waiting()
    assert await world.reconciler.read()
    world.reconciler._database = world.database
    await world.reaches(alert_id, "failed", "refused", "unknown")
    assert await world.status(alert_id) != "unknown"
    assert not await world.was_told("No clear answer")
