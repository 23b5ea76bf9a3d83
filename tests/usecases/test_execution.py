"""Promise 2: no alert leads to two orders, whatever the broker answers and whenever the process dies."""

import asyncio
from collections import Counter

import pytest

from gateway.domain.errors import StorageFailed
from gateway.domain.order import IntentState
from gateway.paper.faults import TIMED_OUT, Fault, FaultKind
from storage import tables
from tests.usecases.world import LOT, World, buy, sell

PLACE = "POST /orders/*"


def fault(kind, **fields):
    return Fault(kind=kind, **{"route": PLACE, **fields})


#: The exchange took the order, and the answer went wrong.
ACCEPTED = {
    "answer lost": fault(FaultKind.DROP, accepted=True),
    "accepted and 502": fault(FaultKind.HTML, code=502, accepted=True),
    "accepted and 503": fault(FaultKind.HTML, code=503, accepted=True),
    "400 timed out": fault(
        FaultKind.REFUSE, code=400, error_type="OrderException", message=TIMED_OUT, accepted=True
    ),
    "500 in Kite's envelope": fault(
        FaultKind.REFUSE, code=500, error_type="GeneralException", message="Oops", accepted=True
    ),
    "400 about its own backend": fault(
        FaultKind.REFUSE, code=400, error_type="NetworkException", message="OMS away", accepted=True
    ),
    "200 with a page": fault(FaultKind.HTML, code=200, accepted=True),
    "200 with nothing": fault(FaultKind.BODY, code=200, body="", accepted=True),
    "200 with null": fault(FaultKind.BODY, code=200, body="null", accepted=True),
    "200 without success": fault(FaultKind.BODY, code=200, body='{"status": "error"}', accepted=True),
    "answer cut": fault(FaultKind.TRUNCATED),
    "no order id": fault(FaultKind.NO_ORDER_ID),
    "a list as from autoslice": fault(FaultKind.AUTOSLICE_LIST),
    "answer too late": fault(FaultKind.DELAY, seconds=0.6, accepted=True),
}
#: The exchange never had it, and the answer does not say so.
NEVER_THERE = {
    "connection closed": fault(FaultKind.DROP),
    "502 in between": fault(FaultKind.HTML, code=502),
    "400 timed out in vain": fault(
        FaultKind.REFUSE, code=400, error_type="OrderException", message=TIMED_OUT
    ),
}


def at_most_one_order_a_tag(world):
    assert max(Counter(world.accepted()).values(), default=0) <= 1
    assert max(Counter(world.attempts()).values(), default=0) <= 1, "no second POST, accepted or not"


async def unknown(world, *faults):
    """An alert whose order's outcome is not known; its id."""
    world.timeout = 0.3
    await world.restart()
    world.paper.faults.add(*faults)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "unknown", look=False)
    return alert_id


@pytest.mark.parametrize("died", [False, True], ids=["goes on", "dies"])
@pytest.mark.parametrize("name", ACCEPTED)
async def test_an_order_whose_answer_went_wrong_is_found_by_its_tag_and_never_sent_again(world, name, died):
    alert_id = await unknown(world, ACCEPTED[name])
    assert await world.was_told("No clear answer from Kite yet", (await world.intent(alert_id)).tag)
    if died:
        await world.restart()
        await world.execute()
    await world.reaches(alert_id, "filled")
    assert len(world.attempts()) == len(world.accepted()) == 1
    assert await world.held() == LOT
    assert await world.was_told("Order found")


@pytest.mark.parametrize("died", [False, True], ids=["goes on", "dies"])
@pytest.mark.parametrize("name", NEVER_THERE)
async def test_what_the_book_never_shows_is_asked_after_180_seconds_and_never_called_refused(
    world, name, died
):
    alert_id = await unknown(world, NEVER_THERE[name])
    if died:
        await world.restart()
        await world.execute()
    world.clock.forward(seconds=179)
    await world.reconciler.read()
    assert not await world.was_told("Please look in Kite")
    assert await world.status(alert_id) == "unknown"
    world.clock.forward(seconds=1)
    await world.reconciler.read()
    assert await world.was_told("Please look in Kite", "180 s")
    for _ in range(3):
        world.clock.forward(minutes=10)
        await world.reconciler.read()
    assert await world.status(alert_id) == "unknown"
    asked = [text for text in await world.told() if "Please look in Kite" in text]
    assert len(asked) == 1, "one question"
    assert len(world.attempts()) == 1
    assert world.accepted() == []


@pytest.mark.parametrize("seconds", [5, 83, 200])
async def test_a_book_that_lags_never_leads_to_a_second_order(world, seconds):
    alert_id = await unknown(world, ACCEPTED["answer lost"], fault(FaultKind.BOOK_LATE, seconds=1000))
    await world.reconciler.read()
    world.clock.forward(seconds=seconds)
    await world.reconciler.read()
    assert await world.status(alert_id) == "unknown"
    assert await world.was_told("Please look in Kite") is (seconds >= 180)
    (order,) = world.paper.book()["orders"]
    world.paper._desk._show(order["order_id"])
    await world.reaches(alert_id, "filled")
    at_most_one_order_a_tag(world)


async def test_a_book_without_tags_leads_to_a_question_not_to_an_order(world):
    alert_id = await unknown(world, ACCEPTED["answer lost"], Fault(kind=FaultKind.UNTAGGED, times=None))
    world.clock.forward(seconds=180)
    await world.reconciler.read()
    assert await world.was_told("Please look in Kite")
    world.paper.faults.clear()
    await world.reaches(alert_id, "filled")
    at_most_one_order_a_tag(world)


async def test_a_book_that_cannot_be_read_settles_nothing(world):
    alert_id = await unknown(world, ACCEPTED["answer lost"], fault(FaultKind.BOOK_LATE, seconds=1000))
    world.fault(FaultKind.HTML, route="GET /orders", code=502, times=None)
    world.clock.forward(seconds=600)
    assert not await world.reconciler.read()
    assert not await world.was_told("Please look in Kite"), "nobody has looked for 180 s"
    assert await world.status(alert_id) == "unknown"


async def test_a_book_that_is_odd_settles_nothing(world):
    alert_id = await unknown(world, NEVER_THERE["502 in between"])
    world.fault(FaultKind.BODY, route="GET /orders", code=200, body='{"status": "success"}', times=None)
    world.clock.forward(seconds=600)
    assert not await world.reconciler.read()
    assert await world.status(alert_id) == "unknown"
    assert not await world.was_told("Please look in Kite")


@pytest.mark.parametrize("answered", [True, False], ids=["recorded", "killed before the record"])
async def test_a_slow_answer_is_waited_for_and_the_book_may_be_faster(world, answered):
    world.fault(FaultKind.DELAY, route=PLACE, seconds=0.6, accepted=True)
    await world.execute()
    alert_id = await world.send(buy())

    async def arrived():
        return world.accepted()

    await world.until(arrived)
    await world.reaches(alert_id, "filled")
    assert world.executor.in_flight(), "the answer is still on its way"
    if answered:
        await world.executor.stop()
    else:
        await world.restart()
        await world.execute()
    assert await world.status(alert_id) == "filled"
    assert len(world.attempts()) == 1
    assert not await world.was_told("Two orders")


async def test_a_call_under_way_is_not_taken_for_a_lost_one(world):
    world.paper.faults.add(
        fault(FaultKind.DELAY, seconds=0.3, accepted=True), fault(FaultKind.BOOK_LATE, seconds=1000)
    )
    await world.execute()
    alert_id = await world.send(buy())

    async def arrived():
        return world.accepted()

    await world.until(arrived)
    await world.reconciler.read()
    assert await world.status(alert_id) == "placing"
    await world.reaches(alert_id, "open", look=False)


async def claimed(world):
    """An alert whose intent is claimed, and whose call was never made; its id."""
    alert_id = await world.send(buy())
    row = await world.intent(alert_id)
    assert await world.write(lambda connection: world.executor._claim(connection, row.id))
    return alert_id


async def test_a_crash_between_claim_and_call_is_a_question_and_never_a_call(world):
    alert_id = await claimed(world)
    await world.restart()
    await world.execute()
    assert await world.status(alert_id) == "unknown"
    assert await world.was_told("An order may exist")
    world.clock.forward(seconds=180)
    await world.reconciler.read()
    assert await world.was_told("Please look in Kite")
    assert world.attempts() == []


async def test_a_crash_between_answer_and_record_is_healed_by_the_book(world, monkeypatch):
    def broken(*_):
        raise StorageFailed("disk full")

    monkeypatch.setattr(world.executor, "_record_placed", broken)
    await world.execute()
    alert_id = await world.send(buy())

    async def arrived():
        return world.accepted() and not world.executor.in_flight()

    await world.until(arrived)
    assert await world.status(alert_id) == "placing"
    await world.restart()
    await world.execute()
    await world.reaches(alert_id, "filled")
    assert len(world.attempts()) == 1


async def test_three_crashes_in_a_row_make_one_order(world):
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    world.fault(FaultKind.BOOK_LATE, seconds=1000)
    alert_id = await unknown(world)
    for _ in range(3):
        await world.restart()
        await world.execute()
    assert await world.status(alert_id) == "unknown"
    at_most_one_order_a_tag(world)


async def test_of_two_gateways_on_one_database_one_sends(world):
    other = World(world.path, world.paper, world.clock, world.settings)
    await other.begin()
    alert_ids = [await world.send(buy(f"S{number}")) for number in range(5)]
    for alert_id in alert_ids:
        await world.intent(alert_id)
    try:
        await asyncio.gather(world.reconciler.read(), other.reconciler.read())
        await world.run(world.executor.run, other.executor.run)
        for alert_id in alert_ids:
            await world.until(lambda alert_id=alert_id: placed(world, alert_id))
    finally:
        await other.end()
    assert sorted(world.attempts()) == sorted(set(world.attempts()))
    assert len(world.attempts()) == 5


async def placed(world, alert_id):
    return (await world.intent(alert_id)).state == IntentState.PLACED


async def test_one_intent_sent_by_two_tasks_is_posted_once(world):
    alert_id = await world.send(buy())
    row = await world.intent(alert_id)
    await asyncio.gather(*(world.executor._execute(row) for _ in range(10)))
    assert len(world.attempts()) == 1


async def test_nothing_goes_out_before_the_book_was_read(world):
    await world.run(world.executor.run)
    alert_id = await world.send(buy())
    await world.intent(alert_id)
    await asyncio.sleep(0.03)
    assert world.attempts() == []
    await world.reconciler.read()
    await world.reaches(alert_id, "filled")


async def test_after_a_new_login_the_book_is_read_before_anything_goes_out(world):
    await world.execute()
    world.paper.kill_token()
    await world.reconciler.read()
    assert not world.session.alive
    await world.log_in()
    alert_id = await world.send(buy())
    await world.intent(alert_id)
    await asyncio.sleep(0.03)
    assert world.attempts() == []
    await world.reconciler.read()
    await world.reaches(alert_id, "filled")


async def test_two_orders_under_one_tag_are_an_alarm(world):
    await world.execute()
    view = await world.filled(buy())
    row = view.intents[0]
    await asyncio.to_thread(
        world.client._kite.place_order,
        variety="regular",
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        transaction_type="BUY",
        quantity=LOT,
        product="NRML",
        order_type="MARKET",
        market_protection=-1,
        tag=row.tag,
    )
    for _ in range(3):
        await world.reconciler.read()
    alarms = [text for text in await world.told() if "Two orders carry one tag" in text]
    assert len(alarms) == 1
    assert await world.held() == LOT, "the second is not this strategy's"


# what is refused, and what was never sent


async def test_a_refusal_is_told_in_kites_words(world):
    world.fault(FaultKind.REFUSE, route=PLACE, error_type="InputException", message="Markup <b> price")
    await world.execute()
    view = await world.reaches(await world.send(buy()), "failed")
    assert (view.intents[0].refused_by, view.intents[0].reason) == ("broker", "Markup <b> price")
    assert await world.was_told("Refused by Kite", "Markup &lt;b&gt; price", "No order exists")
    assert world.accepted() == []


async def test_a_request_that_never_left_is_not_sent(world):
    await world.execute()
    alert_id = await world.send(buy())
    world.executor.shut("paper")
    await world.intent(alert_id)
    await world.paper.stop()
    world.executor.open("paper")
    view = await world.reaches(alert_id, "failed", look=False)
    assert view.intents[0].refused_by == "not_sent"
    assert await world.was_told("Not sent", "No order exists")


async def test_a_dead_token_is_told_once_and_shuts_what_needs_it(world):
    world.fault(FaultKind.KILL_TOKEN, route=PLACE)
    await world.execute()
    await world.reaches(await world.send(buy()), "failed", look=False)
    await world.until(lambda: world.was_told("Kite session lost"))
    assert not world.session.alive
    await world.reaches(await world.send(buy()), "refused", look=False)
    assert len([text for text in await world.told() if "Kite session lost" in text]) == 1
    assert await world.was_told("nobody is logged in")
    assert len(world.attempts()) == 1


async def test_an_order_rejected_after_it_was_accepted_is_told(world):
    world.fault(FaultKind.REJECT_LATE, message="RMS: price band", seconds=0.05)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "open")
    await world.reaches(alert_id, "failed")
    assert await world.was_told("Rejected after it was accepted", "RMS: price band", "Nothing was filled")


async def test_placed_is_not_called_filled(world):
    world.fault(FaultKind.FILL, quantity=0)
    await world.execute()
    await world.reaches(await world.send(buy()), "open")
    assert not await world.was_told("Filled")


async def test_a_fill_is_told_with_average_slippage_and_time(world):
    await world.execute()
    await world.filled(buy())
    (text,) = [text for text in await world.told() if "Filled" in text]
    assert "65 @ ₹183.70 = ₹11,940.50" in text
    assert "slippage +0.05" in text
    assert "Alert to fill" in text


async def test_an_entry_approved_too_long_ago_is_not_sent(world):
    alert_id = await world.send(buy())
    await world.intent(alert_id)
    world.clock.forward(seconds=61)
    await world.execute()
    await world.reaches(alert_id, "expired")
    assert await world.was_told("too old when its turn came")
    assert world.attempts() == []


async def test_an_exit_is_never_too_old(world):
    await world.execute()
    await world.filled(buy())
    world.executor.shut("paper")
    alert_id = await world.send(sell())
    await world.intent(alert_id)
    world.clock.forward(hours=1)
    await world.reaches(alert_id, "filled")


async def test_a_restored_backup_trades_nothing_it_had_approved(world):
    """Approved and not sent when the backup was made; sent and filled since."""
    alert_id = await world.send(buy())
    row = await world.intent(alert_id)
    old = world.path.read_bytes()
    wal = world.path.with_name("manjha.db-wal").read_bytes()
    await world.execute()
    await world.reaches(alert_id, "filled")
    await world.end()
    for name in ("manjha.db-wal", "manjha.db-shm"):
        world.path.with_name(name).unlink(missing_ok=True)
    world.path.write_bytes(old)
    world.path.with_name("manjha.db-wal").write_bytes(wal)
    await world.begin()
    assert (await world.intent(alert_id)).state == IntentState.APPROVED
    await world.run(world.executor.run)
    await world.reconciler.read()
    await world.reaches(alert_id, "filled")
    assert world.attempts() == [row.tag]
    assert await world.held() == LOT


# the pace


async def test_an_exit_goes_before_the_entries_that_wait_for_the_pace(world):
    await world.execute()
    await world.filled(buy("leaving"))
    world.executor.shut("paper")
    for number in range(25):
        await world.intent(await world.send(buy(f"S{number}")))
    world.executor.open("paper")

    async def crowded():
        return len(world.attempts()) >= 9

    await world.until(crowded)
    leaving = await world.send(sell("leaving"))
    row = await world.intent(leaving)

    async def gone():
        return row.tag in world.attempts()

    await world.until(gone)
    assert len(world.attempts()) <= 12, "most entries still wait"


async def test_every_order_has_its_row_before_it_is_posted(world):
    """By the time a POST arrives, its tag is committed as placing."""
    states = []
    real = world.executor._placers["paper"].desk.place

    async def place(ticket):
        rows = await world.rows(tables.intents)
        states.append([row.state for row in rows if row.tag == ticket.tag])
        return await real(ticket)

    world.executor._placers["paper"].desk.place = place
    await world.execute()
    await world.filled(buy())
    assert states == [["placing"]]


async def test_at_stop_the_calls_under_way_are_heard_out(world):
    world.fault(FaultKind.DELAY, route=PLACE, seconds=0.1, accepted=True)
    await world.execute()
    alert_id = await world.send(buy())

    async def under_way():
        return world.accepted()

    await world.until(under_way)
    await world.executor.stop()
    assert (await world.intent(alert_id)).state == IntentState.PLACED
