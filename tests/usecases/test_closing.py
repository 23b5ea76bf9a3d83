"""Closing until flat: paced, chased, proven by the broker's positions; honest about what is not flat."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway import pursuit
from gateway.closing_words import closing_text, closing_view
from gateway.domain.order import IntentState
from gateway.kite.client import CallKind
from gateway.pacing import Pacer
from gateway.paper.faults import FaultKind
from storage import alerts, closings, tables
from storage.closings import Kind, State
from tests.usecases.world import LOT, arrival, buy, sell, strike

PLACE = "POST /orders/*"
POSITIONS = "GET /portfolio/positions"
#: Three slices at NIFTY's freeze quantity.
THREE_SLICES = 81


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Looks often; a clock that stands still needs no pauses."""
    monkeypatch.setattr(pursuit, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pursuit, "PROOF_SECONDS", 0.0)
    monkeypatch.setattr(pursuit, "SHOW_SECONDS", 0.0)
    monkeypatch.setattr(pursuit, "PAUSES", (timedelta(0),))
    monkeypatch.setattr(pursuit, "PATIENCE", timedelta(0))


async def running(world):
    await world.execute()
    await world.run(world.kill_switch.run, world.closing.run)


async def ended(world, *states):
    """The newest closing, once it has ended so."""
    found = []

    async def there():
        await asyncio.sleep(0.02)
        await world.reconciler.read()
        found[:] = await world.rows(tables.closings)
        return found and found[-1].state in states

    await world.until(there, lambda: f"{found and found[-1].state}: {found}")
    return found[-1]


async def card(world):
    """What the newest closing's card says."""
    newest = (await world.rows(tables.closings))[-1].id
    view = await world.database.read(lambda connection: closing_view(connection, newest))
    return closing_text(view)


async def card_says(world, *words):
    texts = []

    async def there():
        if await world.rows(tables.closings):
            texts.append(await card(world))
        return texts and all(word in texts[-1] for word in words)

    await world.until(there, lambda: f"{words} not in {texts and texts[-1]}")


def by_hand(world, side, units, symbol, product="NRML"):
    """The owner's own order in the Kite app."""
    return world.client.call(
        CallKind.PLACE,
        lambda kite: kite.place_order(
            variety="regular",
            exchange="NFO",
            tradingsymbol=symbol,
            transaction_type=side,
            quantity=units,
            product=product,
            order_type="MARKET",
            market_protection=-1,
        ),
    )


async def bought(world, strategy="S", **changes):
    """A filled entry; its tradingsymbol."""
    view = await world.filled(buy(strategy, **changes))
    return view.intents[0].tradingsymbol


async def test_ten_holdings_of_three_slices_are_flat_although_a_fifth_is_refused_at_first(
    make_world, monkeypatch
):
    world = await make_world(cash=Decimal(1_000_000_000), risk={"max_premium_per_order": 500_000_000})
    await running(world)
    names = [f"S{number}" for number in range(10)]
    quick_pace, world.executor._pacer, world.executor._wire = world.executor._pacer, Unpaced(), Unpaced()
    for number, name in enumerate(names):
        await bought(world, name, lots=THREE_SLICES, strike=strike(23800 + 50 * number))
    entries = len(world.attempts())
    assert entries == 30
    world.executor._pacer, world.executor._wire = quick_pace, Pacer()
    for refused in (4, 9, 14, 19, 24, 29):
        world.fault(FaultKind.REFUSE, route=PLACE, after=refused, message="RMS:Rule: connectivity issue")
    monkeypatch.setattr(pursuit, "LOOK_SECONDS", 0.2)
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.FLAT)
    assert set(world.positions().values()) == {0}
    assert len(world.attempts()) - entries == 36, "thirty slices, and the six that were refused once more"
    text = await card(world)
    assert text.count("closed 5265") == 10
    assert text.count("the broker's positions agree") == 10
    assert await world.was_told("flat", "10 positions, by the broker's positions")


class Unpaced(Pacer):
    """For entries that are not what the test is about."""

    def wait(self, *, urgent):
        return 0.0


async def test_what_cannot_be_read_is_unknown_and_never_flat(world):
    await running(world)
    await bought(world)
    world.fault(FaultKind.REFUSE, route=POSITIONS, times=None, code=503, message="no")
    await world.kill_switch.throw("Asha", flatten=True)
    await world.until(lambda: sold(world))
    await card_says(world, "closed 65", "❓ unknown: the broker's positions could not be read")
    assert (await world.rows(tables.closings))[-1].state == State.OPEN
    assert not await world.was_told("flat</b>")
    world.clock.forward(seconds=61)
    await world.until(lambda: world.was_told("not flat yet", "unknown"))
    world.paper.faults.clear()
    await ended(world, State.FLAT)


async def sold(world):
    await world.reconciler.read()
    return not any(row.quantity for row in await world.rows(tables.holdings))


async def test_an_empty_list_of_positions_is_no_proof(world):
    await running(world)
    await bought(world)
    body = '{"status": "success", "data": {"net": [], "day": []}}'
    world.fault(FaultKind.BODY, route=POSITIONS, times=None, code=200, body=body)
    await world.kill_switch.throw("Asha", flatten=True)
    await world.until(lambda: sold(world))
    await card_says(world, "❓ unknown")
    assert (await world.rows(tables.closings))[-1].state == State.OPEN


async def test_what_the_account_has_beside_ours_is_said_and_left_alone(world):
    await running(world)
    symbol = await bought(world)
    await by_hand(world, "BUY", 2 * LOT, symbol)
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.DIFFERS)
    assert world.positions() == {symbol: 2 * LOT}
    assert await world.was_told("the account is not flat", "130 more than Manjha knows of")


async def test_while_nobody_is_logged_in_it_waits_without_a_flood_and_then_goes_on(world):
    await running(world)
    await bought(world)
    await world.session.mark_dead("the token is dead", world.clock())
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "65 of 65 left", "waits: nobody is logged in to Kite")
    alerts = len(await world.rows(tables.alerts))
    assert alerts == 1, "no exit was tried that could only be refused"
    await world.log_in()
    await ended(world, State.FLAT)


async def test_a_flatten_goes_on_after_a_restart(world):
    await running(world)
    await bought(world)
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: not now")
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "65 of 65 left")
    await world.restart()
    world.paper.faults.clear()
    await running(world)
    row = await ended(world, State.FLAT)
    assert (row.by, len(await world.rows(tables.closings))) == ("Asha", 1)
    assert set(world.positions().values()) == {0}


async def test_thrown_by_the_command_line_it_is_carried_out_by_the_running_gateway(world):
    await running(world)
    await bought(world)
    from gateway import kill_switch  # noqa: PLC0415

    await world.write(
        lambda connection: kill_switch.throw(connection, world.outbox, "cli", world.clock(), flatten=True)
    )
    await ended(world, State.FLAT)


async def test_a_refusal_that_goes_on_is_said_with_the_brokers_words(world):
    await running(world)
    await bought(world)
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: <not> now")
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "65 of 65 left", "refused: RMS: &lt;not&gt; now; tried again")
    world.paper.faults.clear()
    await ended(world, State.FLAT)


async def test_resume_ends_the_flatten_and_sells_nothing_that_is_bought_then(world):
    await running(world)
    await bought(world)
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: not now")
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "65 of 65 left")
    await world.kill_switch.lift("Asha")
    await ended(world, State.GIVEN_UP)

    async def nobody_pursues():
        unsent = [row for row in await world.rows(tables.intents) if row.state in {"approved", "placing"}]
        return not world.closing._tasks and not unsent

    await world.until(nobody_pursues)
    world.paper.faults.clear()
    assert await world.was_told("Resumed", "The flatten ends here. Still held", "65")
    await bought(world, "T")
    assert (await world.held("S"), await world.held("T")) == (LOT, LOT)


async def test_resume_takes_back_an_exit_of_the_flatten_that_was_stored_and_not_planned(world):
    await world.kill_switch.throw("Asha", flatten=False)
    made = arrival(sell(), at=world.clock(), source=f"{alerts.INSIDE}Asha")

    def flatten_and_store(connection):
        closings.begin(connection, Kind.FLATTEN, by="Asha", at=world.clock(), closing_id=None, chosen=None)
        alerts.store(connection, [made])

    await world.write(flatten_and_store)
    await world.kill_switch.lift("Asha")
    row = await world.database.read(lambda connection: alerts.get(connection, made.alert_id))
    assert (row.state, row.reason) == ("refused", "/resume ended the flatten")


async def test_an_exit_without_an_answer_is_unknown_and_not_sold_twice(world):
    world.timeout = 0.3
    await world.restart()
    await running(world)
    await bought(world)
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    world.fault(FaultKind.BOOK_LATE, seconds=1.0)
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "❓ no clear answer from Kite for 65")
    await ended(world, State.FLAT)
    assert len(world.attempts()) == 2


async def test_an_exit_that_was_repriced_as_often_as_allowed_is_taken_back_and_sent_anew(world):
    await running(world)
    await bought(world)
    world.fault(FaultKind.FILL, quantity=0)
    await world.kill_switch.throw("Asha", flatten=True)

    async def works():
        await world.reconciler.read()
        return [row for row in await world.rows(tables.orders) if row.state == "open"]

    await world.until(works)
    (row,) = [row for row in await world.rows(tables.intents) if row.purpose == "close"]
    from storage import intents  # noqa: PLC0415

    await world.write(lambda connection: intents.mark_questioned(connection, row, world.clock()))
    await ended(world, State.FLAT)
    assert len(world.attempts()) == 3


async def test_an_alert_that_waits_in_its_strategys_queue_holds_up_no_flatten(world):
    """An exit looks minutes long for an entry of unknown outcome; the flatten goes past it."""
    world.timeout = 0.3
    await world.restart()
    await running(world)
    await bought(world, strike=strike(24100))
    world.fault(FaultKind.DROP, route=PLACE, accepted=False)
    stuck = await world.send(buy(strike=strike(24300)))
    await world.reaches(stuck, "unknown")
    await world.accept(arrival(sell(symbol="NIFTY", strike=strike(24300), lots=1), at=world.clock()))
    await world.kill_switch.throw("Asha", flatten=True)
    await world.until(lambda: sold(world))
    await card_says(world, "a BUY that may still fill (unknown)")
    assert (await world.rows(tables.closings))[-1].state == State.OPEN, "an unknown entry is not flat"


async def test_with_nothing_held_it_says_so(world):
    await running(world)
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.FLAT)
    assert await world.was_told("Manjha holds nothing")


async def test_entries_that_work_are_cancelled_and_their_fills_sold(world):
    await world.execute()
    world.fault(FaultKind.FILL, quantity=LOT)
    entry = await world.send(buy(lots=2))
    await world.reaches(entry, "open")
    await world.run(world.kill_switch.run, world.closing.run)
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.FLAT)
    assert set(world.positions().values()) == {0}


async def test_closing_by_hand_leaves_the_others_alone_and_outlives_a_restart(world):
    await running(world)
    await bought(world, "A")
    kept = await bought(world, "B", strike=strike(24300))
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: not now")
    chosen = [row.seq for row in await world.rows(tables.holdings) if row.strategy == "A"]
    await world.closing.begin(Kind.BY_HAND, "Asha", chosen=chosen)
    await card_says(world, "65 of 65 left", "A")
    await world.restart()
    world.paper.faults.clear()
    await running(world)
    await ended(world, State.FLAT)
    assert {symbol: units for symbol, units in world.positions().items() if units} == {kept: LOT}


async def test_an_exit_that_was_stored_and_not_planned_is_nothing_after_a_restart(world, monkeypatch):
    """The closing sends another: the old one must not sell what is bought later."""
    await world.execute()
    await bought(world)

    async def dies(_alert):
        raise asyncio.CancelledError

    monkeypatch.setattr(world.closing._tools.sell.__self__, "_plan", dies)
    await world.run(world.closing.run)
    await world.closing.begin(Kind.FLATTEN, "Asha")
    await world.until(lambda: stored(world))
    rows = await world.database.read(lambda connection: list(closings.open_(connection)))
    assert [row.kind for row in rows] == ["flatten"]


async def stored(world):
    return [row for row in await world.rows(tables.alerts) if row.source.startswith("inside: ")]


async def test_no_closing_is_forgotten_when_its_look_fails(world, monkeypatch):
    monkeypatch.setattr("gateway.closing.AGAIN_SECONDS", 0.01)
    await running(world)
    await bought(world)
    real, calls = pursuit.Pursuit._note, []

    async def fails_once(self, scene):
        calls.append(scene)
        if len(calls) == 1:
            raise RuntimeError("a bug of ours")
        await real(self, scene)

    monkeypatch.setattr(pursuit.Pursuit, "_note", fails_once)
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.FLAT)
    assert all(row.state != IntentState.PLACING for row in await world.rows(tables.intents))


async def test_when_the_owner_was_asked_about_an_exit_the_card_says_that_he_must_answer(world):
    world.timeout = 0.3
    await world.restart()
    await running(world)
    await bought(world)
    world.fault(FaultKind.DROP, route=PLACE)
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "❓ no clear answer from Kite for 65; they are looked for")
    world.clock.forward(seconds=181)
    await world.reconciler.read()
    await card_says(world, "it goes on when you answer the question about it")
    (lost,) = [row for row in await world.rows(tables.intents) if row.state == "unknown"]
    await world.unknown.it_is_not_there(lost.id, "Asha")
    await ended(world, State.FLAT)
    assert set(world.positions().values()) == {0}


async def test_to_a_broker_that_does_not_answer_goes_one_exit_and_not_all_of_them(world):
    """Each would be unknown for minutes, and the owner asked about each."""
    world.timeout = 0.3
    await world.restart()
    await running(world)
    for number in range(4):
        await bought(world, f"S{number}", strike=strike(24000 + 50 * number))
    entries = len(world.attempts())
    world.fault(FaultKind.HTML, route="*", times=None, code=502)
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "waits: Kite does not answer; it goes on by itself", "❓ no clear answer")
    lost = [row for row in await world.rows(tables.intents) if row.state == "unknown"]
    assert (len(lost), len(world.attempts()) - entries) == (1, 1)
    world.paper.faults.clear()

    async def only_the_lost_one_is_left():
        await world.reconciler.read()
        return sum(row.quantity for row in await world.rows(tables.holdings)) == LOT

    await world.until(only_the_lost_one_is_left)


async def test_where_readings_fail_and_orders_go_through_nothing_waits_for_the_readings(world):
    await running(world)
    for number in range(3):
        await bought(world, f"S{number}", strike=strike(24000 + 50 * number))
    world.fault(FaultKind.REFUSE, route=POSITIONS, times=None, code=503, message="no")
    await world.kill_switch.throw("Asha", flatten=True)
    await world.until(lambda: sold(world))


async def test_what_is_short_is_bought_back_with_the_rest(make_world):
    world = await make_world(strategies={"W": {"allow_short": True}}, cash=Decimal(1_000_000_000))
    await running(world)
    hedge = await bought(world, "A")
    written = await world.filled(sell("W", strike=strike(24300), lots=1))
    short = written.intents[0].tradingsymbol
    assert world.positions() == {hedge: LOT, short: -LOT}
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.FLAT)
    assert set(world.positions().values()) == {0}
    closes = [row for row in await world.rows(tables.intents) if row.purpose == "close"]
    assert {(row.tradingsymbol, row.side) for row in closes} == {(hedge, "SELL"), (short, "BUY")}
