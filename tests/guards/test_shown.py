"""What the owner sees of a guard: on the entry's card, in the alert's life, on the stop's own card."""

from bot.cards import alert_card
from bot.guard_lines import guard_lines
from gateway.paper.faults import FaultKind
from gateway.views import life_of
from storage import guards
from tests.guards.house import PLACE_GTT, House, percent, price


async def card(house: House, alert_id: str) -> str:
    return alert_card(await house.view(alert_id), house.clock()).text


async def test_the_card_shows_the_guard_at_kite_and_how_it_ended(house: House) -> None:
    entry = await house.guarded()
    row = await house.guard()
    text = await card(house, entry.alert_id)
    assert "Stop -20% · target +30%" in text
    assert f"at Kite, GTT <code>{row.trigger_id}</code>" in text
    await house.hit_stop()
    await house.settle(2)
    assert "triggered, and sold" in await card(house, entry.alert_id)
    assert (await house.view(entry.alert_id)).status == "filled"


async def test_the_card_says_what_is_not_placed_and_why(house: House) -> None:
    house.fault(FaultKind.REFUSE, route=PLACE_GTT, message="Not <now>.", times=None)
    entry = await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    text = await card(house, entry.alert_id)
    assert "not placed yet; Manjha watches the price" in text


async def test_the_card_says_that_nothing_guards(house: House) -> None:
    entry = await house.enter(stop_loss=price("22812.78"))
    await house.settle(2)
    assert "⚠️ No guard: The stop of ₹22,812.78 is a level of the index" in await card(house, entry.alert_id)


async def test_the_alerts_life_has_its_guards(house: House) -> None:
    entry = await house.guarded()
    life = await house.database.read(lambda connection: life_of(connection, entry.alert_id))
    assert life is not None
    (row,) = life["guards"]
    assert (row["kind"], row["state"], row["trigger_id"]) == ("gtt", "active", house.gtts()[0]["id"])


async def test_a_resting_stop_is_no_unfilled_order_on_its_card(mis: House) -> None:
    await mis.guarded()
    (intent,) = [row for row in await mis.rows_of_guards() if row.order_type == "SL"]
    text = await card(mis, intent.alert_id)
    assert "Stop at rest" in text
    assert "from ₹" in text
    await mis.gap_stop()
    await mis.settle(1)
    assert "Placed, not filled yet" in await card(mis, intent.alert_id)


async def lines(house: House, holding: str) -> list[str]:
    found = await house.database.read(lambda connection: guards.latest(connection, [holding]))
    return guard_lines(found[holding])


async def test_positions_show_the_gtt_around_a_holding(house: House) -> None:
    entry = await house.guarded()
    (line,) = await lines(house, entry.id)
    assert "at Kite, GTT" in line


async def test_positions_show_the_stop_at_kite_and_the_target_that_manjha_watches(mis: House) -> None:
    entry = await mis.guarded()
    stop, target = await lines(mis, entry.id)
    assert "stop order at Kite" in stop
    assert "watched by Manjha" in target
