"""What the outside sees of an alert: its whole life, in one answer."""

import msgspec

from gateway.paper.faults import FaultKind
from gateway.views import alert_view, life_of, settled_answer
from storage import tables
from tests.usecases.world import LOT, arrival, buy, sell

PLACE = "POST /orders/*"


async def life(world, alert_id):
    """As `GET /alerts/{alert_id}` sends it."""
    found = await world.database.read(lambda connection: life_of(connection, alert_id))
    return msgspec.json.decode(msgspec.json.encode(found))


async def test_an_alert_that_is_not_known_has_no_view(world):
    assert await world.database.read(lambda connection: alert_view(connection, "nobody")) is None
    assert await world.database.read(lambda connection: life_of(connection, "nobody")) is None


async def test_the_whole_life_of_a_filled_alert_is_told_with_its_times(asking):
    await asking.execute()
    alert_id = await asking.send(buy(), body=b"\xff raw <body>")
    await asking.reaches(alert_id, "awaiting_approval")
    await asking.press(alert_id)
    await asking.reaches(alert_id, "filled")
    found = await life(asking, alert_id)
    assert list(found)[:2] == ["alert_id", "status"]
    assert (found["status"], found["body"]) == ("filled", "\ufffd raw <body>")
    assert [each["event"] for each in found["verdicts"]][:5] == [
        "alert.received",
        "alert.planned",
        "intent.planned",
        "intent.awaiting_approval",
        "approval.approved",
    ]
    assert found["approval"]["decided_by"] == "Asha"
    assert "id" not in found["approval"], "what travels in the buttons stays there"
    (intent,), (order,), (fill,) = found["intents"], found["orders"], found["fills"]
    assert (intent["state"], order["state"], fill["quantity"]) == ("placed", "filled", LOT)
    assert all(each["at"] for each in found["verdicts"])


async def test_an_arrays_alert_says_which_of_them_it_is(world):
    body = b"an array"
    first, second = (
        arrival(buy(name), at=world.clock(), body=body, part=part) for part, name in enumerate("AB")
    )
    await world.accept(first, second)
    alone = await world.send(buy("C"))
    assert (await life(world, first.alert_id))["part"] == 0
    assert (await life(world, second.alert_id))["part"] == 1
    assert "part" not in await life(world, alone)


async def answer(world, alert_id):
    return settled_answer(await world.view(alert_id))


async def test_the_answer_for_a_fill_is_the_seed_guides(world):
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "filled")
    (order,) = await world.rows(tables.orders)
    assert await answer(world, alert_id) == {
        "success": True,
        "action": "BUY",
        "order_id": order.order_id,
        "tradingsymbol": "NIFTY26D0124000CE",
        "entry_price": 183.7,
        "quantity": LOT,
        "message": "BUY order placed successfully",
        "alert_id": alert_id,
        "status": "filled",
    }


async def test_a_refusal_is_no_success_and_says_why(world):
    alert_id = await world.send(sell())
    await world.reaches(alert_id, "refused")
    found = await answer(world, alert_id)
    assert (found["success"], found["order_id"], found["quantity"]) == (False, None, None)
    assert found["error"] == found["message"] == "S holds nothing that this alert could close"


async def test_what_is_not_known_yet_is_not_called_more_than_it_is(world):
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "unknown", look=False)
    found = await answer(world, alert_id)
    assert (found["status"], found["entry_price"], found["order_id"]) == ("unknown", None, None)
    assert "no clear answer" in found["message"]


async def test_an_open_order_has_no_entry_price(world):
    world.fault(FaultKind.FILL, quantity=0)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "open")
    found = await answer(world, alert_id)
    assert (found["entry_price"], found["message"]) == (None, "BUY order placed, not filled yet")


async def test_kites_words_are_the_error_of_a_failure(world):
    world.fault(FaultKind.REFUSE, route=PLACE, message="Markup price")
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "failed")
    assert (await answer(world, alert_id))["error"] == "Markup price"


async def test_the_slices_of_one_alert_are_one_answer(world):
    await world.execute()
    alert_id = await world.send(buy(lots=30))
    await world.reaches(alert_id, "filled")
    found = await answer(world, alert_id)
    assert found["quantity"] == 30 * LOT


async def test_what_was_not_understood_has_a_life_too(world):
    made = arrival(None, at=world.clock(), reason="nonsense", field="strike")
    await world.accept(made)
    found = await life(world, made.alert_id)
    assert (found["status"], found["field"], found["reason"]) == ("invalid", "strike", "nonsense")
    assert (found["intents"], found["orders"], found["approval"]) == ([], [], None)
