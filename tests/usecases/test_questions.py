"""Promise 3 on a card that can change: another size, a price that moved, two owners; one order at most."""

import asyncio
import itertools
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.countdown import interval
from gateway.domain.figures import drift_percent, loss_of_short, spread_percent, worst_loss
from gateway.domain.signal import Level, LevelKind
from gateway.questions import Change
from storage import flags, intents, modes, tables
from storage.notices import Priority
from tests.usecases.world import LOT, buy, sell


async def ask(world, signal=None):
    alert_id = await world.send(signal or buy(lots=4))
    await world.reaches(alert_id, "awaiting_approval", look=False)
    return alert_id, await world.approval(alert_id)


def moves(world, points):
    """The index, and with it the premium, jumps; nobody remembers the price of before."""
    world.paper.set_spot("NIFTY", points)
    world.prices._known.clear()


async def units(world, alert_id):
    return sum(row.quantity for row in await world.intents(alert_id))


@pytest.mark.parametrize(
    ("lots", "change", "wanted"),
    [(4, Change.HALF, 2), (5, Change.HALF, 2), (4, Change.ONE_MORE, 5), (4, Change.ONE_LESS, 3)],
)
async def test_another_size_is_what_goes_out(asking, lots, change, wanted):
    await asking.execute()
    alert_id, row = await ask(asking, buy(lots=lots))
    decision = await asking.questions.resize(row.id, 1, change, "Asha")
    assert f"{wanted * LOT} units" in decision.sentence
    assert await units(asking, alert_id) == wanted * LOT
    assert asking.attempts() == [], "a size is no approval"
    approved = await asking.questions.approve(row.id, 2, "Asha")
    assert approved.sentence == "Approved. Sending it now."
    view = await asking.reaches(alert_id, "filled")
    assert sum(order.filled_quantity for order in view.orders.values()) == wanted * LOT
    assert len(asking.attempts()) == 1


async def test_a_press_on_an_old_card_is_refused_with_a_word_and_rejecting_is_not(asking):
    alert_id, row = await ask(asking)
    await asking.questions.resize(row.id, 1, Change.HALF, "Asha")
    for late in (
        await asking.questions.approve(row.id, 1, "Ravi"),
        await asking.questions.resize(row.id, 1, Change.HALF, "Ravi"),
    ):
        assert (late.changed, "has changed" in late.sentence) == (False, True)
    assert await units(asking, alert_id) == 2 * LOT
    assert await asking.status(alert_id) == "awaiting_approval"
    assert (await asking.approvals.decide(row.id, approve=False, by="Ravi")).changed


async def test_half_and_then_approve_in_one_breath_never_sends_the_whole(asking):
    """The card was not drawn anew yet when the second finger came down."""
    alert_id, row = await ask(asking)
    half, approved = await asyncio.gather(
        asking.questions.resize(row.id, 1, Change.HALF, "Asha"),
        asking.questions.approve(row.id, 1, "Asha"),
    )
    assert "2 lots" in half.sentence
    assert not approved.changed
    assert await units(asking, alert_id) == 2 * LOT


async def test_presses_of_every_kind_at_once_are_one_order_of_a_size_that_was_shown(asking):
    await asking.execute()
    for order in itertools.islice(itertools.permutations(range(4)), 0, 24, 5):
        alert_id, row = await ask(asking, buy(f"S{order}", lots=4))
        before = len(asking.attempts())
        presses = [
            lambda row=row: asking.questions.resize(row.id, 1, Change.HALF, "Asha"),
            lambda row=row: asking.questions.approve(row.id, 1, "Ravi"),
            lambda row=row: asking.questions.resize(row.id, 1, Change.ONE_MORE, "Ravi"),
            lambda row=row: asking.questions.approve(row.id, 2, "Asha"),
        ]
        await asyncio.gather(*(presses[number]() for number in order))
        latest = await asking.approval(alert_id)
        await asking.questions.approve(row.id, latest.version, "Asha")
        await asking.reaches(alert_id, "filled")
        assert len(asking.attempts()) == before + 1
        assert await asking.held(f"S{order}") in {2 * LOT, 4 * LOT, 5 * LOT}


async def test_one_lot_is_the_least(asking):
    alert_id, row = await ask(asking, buy(lots=1))
    for change in (Change.HALF, Change.ONE_LESS):
        assert "least" in (await asking.questions.resize(row.id, 1, change, "Asha")).sentence
    assert await units(asking, alert_id) == LOT
    assert (await asking.approval(alert_id)).version == 1


async def test_a_size_that_a_rule_refuses_leaves_the_question_as_it_was(make_world):
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_lots_per_order": 4})
    alert_id, row = await ask(world)
    before = await world.intents(alert_id)
    decision = await world.questions.resize(row.id, 1, Change.ONE_MORE, "Asha")
    assert "risk.max_lots_per_order" in decision.sentence
    assert await world.intents(alert_id) == before
    assert (await world.approval(alert_id)).version == 1
    await world.execute()
    assert (await world.questions.approve(row.id, 1, "Asha")).changed


async def test_a_size_above_the_freeze_quantity_is_sliced_anew(asking):
    await asking.execute()
    alert_id, row = await ask(asking, buy(lots=27))
    assert [each.quantity for each in await asking.intents(alert_id)] == [1755]
    await asking.questions.resize(row.id, 1, Change.ONE_MORE, "Asha")
    rows = await asking.intents(alert_id)
    assert [each.quantity for each in rows] == [1755, 65]
    assert len({each.tag for each in rows}) == 2
    await asking.questions.approve(row.id, 2, "Asha")
    await asking.reaches(alert_id, "filled")
    assert len(asking.attempts()) == 2


async def test_the_time_left_is_not_made_longer_by_another_size(asking):
    alert_id, row = await ask(asking)
    asking.clock.forward(seconds=59)
    await asking.questions.resize(row.id, 1, Change.HALF, "Asha")
    asking.clock.forward(seconds=1)
    for decision in (
        await asking.questions.resize(row.id, 2, Change.HALF, "Asha"),
        await asking.questions.approve(row.id, 2, "Asha"),
    ):
        assert "Too late" in decision.sentence
    assert await asking.status(alert_id) in {"expired", "awaiting_approval"}


async def test_a_premium_that_moved_too_far_is_asked_about_once_more(asking):
    await asking.execute()
    alert_id, row = await ask(asking)
    asked = (await asking.intents(alert_id))[0].premium
    moves(asking, 24100)
    first = await asking.questions.approve(row.id, 1, "Asha")
    assert not first.changed
    assert "remium moved +" in first.sentence
    assert "approve at ₹" in first.sentence
    rows = await asking.intents(alert_id)
    assert rows[0].asked_premium > asked
    assert rows[0].premium == asked, "slippage is told against the alert's price"
    assert asking.attempts() == []
    assert (await asking.questions.approve(row.id, 2, "Asha")).changed
    await asking.reaches(alert_id, "filled")
    assert len(asking.attempts()) == 1


async def test_a_premium_that_moves_on_is_asked_about_again(asking):
    _, row = await ask(asking)
    for version, points in ((1, 24100), (2, 24200), (3, 23900)):
        moves(asking, points)
        assert not (await asking.questions.approve(row.id, version, "Asha")).changed
    assert (await asking.approval(row.alert_id)).version == 4


async def test_a_small_move_is_no_question(make_world):
    world = await make_world(defaults={"approval": "confirm", "max_price_drift": 90})
    _, row = await ask(world)
    moves(world, 24030)
    assert (await world.questions.approve(row.id, 1, "Asha")).changed


async def test_a_premium_that_has_outgrown_its_limit_is_refused(make_world):
    world = await make_world(defaults={"approval": "confirm"})
    alert_id, row = await ask(world)
    cost = int((await world.intents(alert_id))[0].premium * 4 * LOT)
    await world.end()
    world.settings = world.settings.model_copy(
        update={"risk": world.settings.risk.model_copy(update={"max_premium_per_order": Decimal(cost + 100)})}
    )
    await world.begin()
    moves(world, 24200)
    decision = await world.questions.approve(row.id, 1, "Asha")
    assert "risk.max_premium_per_order" in decision.sentence
    half = await world.questions.resize(row.id, 1, Change.HALF, "Asha")
    assert "2 lots" in half.sentence


async def test_a_limit_that_crosses_the_market_moves_with_what_is_approved(make_world):
    world = await make_world(defaults={"approval": "confirm", "pricing": "marketable_limit"})
    alert_id, row = await ask(world)
    before = (await world.intents(alert_id))[0].price
    moves(world, 24100)
    await world.questions.approve(row.id, 1, "Asha")
    assert (await world.intents(alert_id))[0].price > before


async def test_the_alerts_own_limit_is_not_asked_about_again(make_world):
    world = await make_world(defaults={"approval": "confirm", "pricing": "limit"})
    alert_id, row = await ask(world)
    before = (await world.intents(alert_id))[0].price
    moves(world, 24100)
    assert (await world.questions.approve(row.id, 1, "Asha")).changed
    assert (await world.intents(alert_id))[0].price == before


async def test_a_price_that_cannot_be_had_does_not_hold_up_the_press(asking, monkeypatch):
    _, row = await ask(asking)

    async def silent(_):
        await asyncio.Event().wait()

    monkeypatch.setattr(asking.prices, "last", silent)
    monkeypatch.setattr("gateway.questions.PRICE_PATIENCE_SECONDS", 0.02)
    assert (await asking.questions.approve(row.id, 1, "Asha")).changed


async def test_an_exit_that_is_asked_about_is_never_resized_nor_asked_twice(make_world):
    world = await make_world(defaults={"approval": "auto", "confirm_exits": True})
    await world.execute()
    await world.filled(buy(lots=2))
    alert_id, row = await ask(world, sell())
    assert not (await world.questions.resize(row.id, 1, Change.HALF, "Asha")).changed
    moves(world, 23800)
    assert (await world.questions.approve(row.id, 1, "Asha")).changed
    await world.reaches(alert_id, "filled")
    assert await world.held() == 0


async def test_after_the_kill_switch_no_size_and_no_price_brings_a_question_back(asking):
    alert_id, row = await ask(asking)
    await asking.kill_switch.throw("Asha")
    for decision in (
        await asking.questions.resize(row.id, 1, Change.HALF, "Asha"),
        await asking.questions.approve(row.id, 1, "Asha"),
    ):
        assert not decision.changed
    assert await asking.status(alert_id) == "refused"


async def test_the_kill_switch_between_the_look_and_the_question_wins(asking):
    alert_id, row = await ask(asking)
    await asking.write(lambda c: flags.put(c, flags.KILL_SWITCH, "on", by="x", at=asking.clock()))
    decision = await asking.questions.resize(row.id, 1, Change.HALF, "Asha")
    assert "kill switch" in decision.sentence
    assert await units(asking, alert_id) == 4 * LOT


async def test_pausing_rejects_what_is_asked_of_that_strategy_alone_and_everyone_is_told(asking):
    mine, row = await ask(asking, buy("A"))
    also, _ = await ask(asking, buy("A", strike=buy().strike, lots=2))
    other, _ = await ask(asking, buy("B"))
    assert (await asking.questions.pause(row.id, "Asha")).changed
    assert [await asking.status(each) for each in (mine, also, other)] == [
        "rejected",
        "rejected",
        "awaiting_approval",
    ]
    assert await asking.write(lambda connection: modes.paused(flags.all_values(connection), "A")) == "A"
    assert await asking.was_told("A is paused", "Asha", "/unpause A")
    refused = await asking.reaches(await asking.send(buy("A")), "refused", look=False)
    assert "paused" in refused.row.reason


async def test_after_a_restart_the_owner_is_called_back_to_the_card(asking):
    alert_id, row = await ask(asking)
    await asking.questions.resize(row.id, 1, Change.HALF, "Asha")
    await asking.restart()
    await asking.approvals.ask_again()
    assert await asking.was_told("Still waiting for you", "restarted")
    old = await asking.questions.approve(row.id, 1, "Asha")
    assert "has changed" in old.sentence, "what was pressed while we were down was another card"
    await asking.execute()
    assert (await asking.questions.approve(row.id, 2, "Asha")).changed
    await asking.reaches(alert_id, "filled")
    assert await asking.held() == 2 * LOT


@pytest.mark.parametrize("forged", ["", "x", "' OR 1=1 --"])
async def test_a_forged_press_changes_nothing(asking, forged):
    alert_id, _ = await ask(asking)
    for decision in (
        await asking.questions.approve(forged, 1, "Mallory"),
        await asking.questions.resize(forged, 1, Change.HALF, "Mallory"),
        await asking.questions.pause(forged, "Mallory"),
    ):
        assert decision.sentence == "This question is not known any more."
    assert await units(asking, alert_id) == 4 * LOT


# the figures on it


async def test_a_new_card_is_drawn_once_more_with_the_market_and_the_limits(asking):
    alert_id, _ = await ask(asking)
    await asking.countdown.draw_due()
    figures = intents.figures_of(await asking.approval(alert_id))
    assert figures.bid < figures.ask
    assert figures.premium is not None
    assert any("orders 1/1000" in line for line in figures.limits)
    notices = [each for each in await asking.rows(tables.notices) if each.subject == f"alert:{alert_id}"]
    assert [(each.loud, each.priority) for each in notices][-1] == (False, Priority.CHATTER)
    before = len(notices)
    await asking.countdown.draw_due()
    assert await asking.shown(alert_id) == before, "it is not due yet"
    asking.clock.forward(seconds=20)
    await asking.countdown.draw_due()
    assert await asking.shown(alert_id) == before + 1


@pytest.mark.parametrize(("seconds", "most"), [(15, 0), (60, 4), (600, 12), (86_400, 30)])
def test_the_countdown_takes_few_edits(seconds, most):
    left, edits = float(seconds), 0
    while (step := interval(timedelta(seconds=left), 1)) < left:
        left -= step
        edits += 1
    assert edits <= most


def test_with_many_open_cards_each_is_drawn_more_seldom():
    assert interval(timedelta(seconds=600), 100) >= 300


@pytest.mark.parametrize(
    ("stop", "loss", "limited"),
    [(None, 65_000, False), ("-20%", 13_000, True), ("8", 13_000, True), ("12", 65_000, False)],
)
def test_the_worst_loss_is_told_at_the_stop_or_without_one_as_the_whole_premium(stop, loss, limited):
    found = worst_loss(Decimal(10), 65, stop, tick=Decimal("0.05"), strike=Decimal(24000))
    assert found == (loss, limited)


def test_a_shorts_worst_loss_lies_above_or_has_no_limit():
    around = {"tick": Decimal("0.05"), "strike": Decimal(24000)}
    assert loss_of_short(Decimal(10), 65, "-20%", **around) == 13_000
    assert loss_of_short(Decimal(10), 65, "12", **around) == 13_000
    assert loss_of_short(Decimal(10), 65, "8", **around) is None
    assert loss_of_short(Decimal(10), 65, None, **around) is None


def test_what_is_not_known_has_no_percentage():
    assert drift_percent(None, Decimal(1)) is None
    assert drift_percent(Decimal(100), Decimal("106.2")) == Decimal("6.2")
    assert spread_percent(None, Decimal(1)) is None
    assert spread_percent(Decimal(99), Decimal(101)) == 2


async def test_a_press_meets_the_rules_over_the_market_as_the_alert_did(make_world):
    """What the claim would refuse is said at the press, before the owner agrees to a new price."""
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_price_drift_percent": 20})
    alert_id, row = await ask(world)
    moves(world, 24300)
    decision = await world.questions.approve(row.id, 1, "Asha")
    assert "risk.max_price_drift_percent" in decision.sentence
    assert (await world.approval(alert_id)).version == 1
    moves(world, 24020)
    again = await world.questions.approve(row.id, 1, "Asha")
    assert "Not so" not in again.sentence


async def test_what_expired_while_we_were_down_is_told_with_a_sound(asking):
    alert_id, _ = await ask(asking)
    asking.clock.forward(seconds=61)
    await asking.restart()
    await asking.approvals.ask_again()
    assert await asking.status(alert_id) == "expired"
    (*_, last) = [each for each in await asking.rows(tables.notices) if each.subject == f"alert:{alert_id}"]
    assert (last.card, last.loud) == (True, True)
    assert not await asking.was_told("Still waiting")


async def test_another_size_leaves_everything_else_as_it_was_planned(make_world):
    world = await make_world(defaults={"approval": "confirm"})
    trail = Level(kind=LevelKind.PERCENT, value=Decimal(10))
    alert_id, row = await ask(
        world, buy(lots=4, stop_loss=Level(kind=LevelKind.PERCENT, value=Decimal(-20)), trailing_stop=trail)
    )
    (before,) = await world.intents(alert_id)
    assert before.trailing_stop
    assert before.stop_loss
    await world.questions.resize(row.id, 1, Change.HALF, "Asha")
    (after,) = await world.intents(alert_id)
    changed = {name for name, value in before._mapping.items() if getattr(after, name) != value}
    assert changed <= {"quantity", "asked_premium", "margin_paise"}, changed
    assert after.quantity == 2 * LOT
