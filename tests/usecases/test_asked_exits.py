"""A question about an exit sells nothing: what sells meanwhile goes its way, and ends the question."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.cards import alert_card
from gateway import pursuit
from gateway.domain.contract import OptionType
from gateway.domain.signal import Action, Signal
from gateway.paper.faults import FaultKind
from storage import intents, tables
from storage.closings import Kind, State
from tests.usecases.world import LOT, World, buy, sell

PUT = {"option_type": OptionType.PE}
FLIP = {**PUT, "market_position": "short", "prev_market_position": "long"}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still needs no pauses."""
    monkeypatch.setattr(pursuit, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pursuit, "PROOF_SECONDS", 0.0)
    monkeypatch.setattr(pursuit, "PAUSES", (timedelta(0),))


@pytest.fixture
async def running(world: World) -> World:
    await world.execute()
    return world


def stale(world: World, signal: Callable[..., Signal] = sell, **changes: Any) -> Signal:
    return signal(**changes, time=world.clock() - timedelta(minutes=2))


async def asked(world: World, signal: Signal) -> str:
    """A stale exit; its alert, once the owner is asked."""
    alert_id = await world.send(signal)
    await world.reaches(alert_id, "awaiting_approval")
    return alert_id


async def asked_by(world: World, what: str) -> str:
    """The alert that asks whether what is held is closed."""
    if what == "stale exit":
        return await asked(world, stale(world))
    flip = await world.send(stale(world, buy, **FLIP))
    await world.reaches(flip, "stale")
    return str((await world.rows(tables.alerts))[-1].id)


async def card(world: World, alert_id: str) -> str:
    return alert_card(await world.view(alert_id), world.clock()).text


async def drawn(world: World, alert_id: str, before: int) -> bool:
    return await world.shown(alert_id) > before


async def close_all(world: World) -> None:
    """/squareoff, confirmed."""
    chosen = [row.seq for row in await world.rows(tables.holdings)]
    await world.closing.begin(Kind.BY_HAND, "Asha", chosen=chosen)


async def closed(world: World, state: State = State.FLAT) -> None:
    async def ended() -> bool:
        await world.reconciler.read()
        world.clock.forward(seconds=1)
        return any(row.state == state for row in await world.rows(tables.closings))

    await world.until(ended, lambda: "the closing goes on")


@pytest.mark.parametrize("what", ["stale exit", "stale flip"])
async def test_a_fresh_exit_goes_out_while_a_stale_one_is_asked_about(running: World, what: str) -> None:
    await running.filled(buy())
    question = await asked_by(running, what)
    shown = await running.shown(question)
    fresh = (await running.filled(sell())).row.id
    assert await running.held() == 0
    assert await running.status(question) == "refused"
    assert await drawn(running, question, shown)
    assert f"withdrawn: alert {fresh} closes it" in await card(running, question)
    pressed = await running.press(question)
    assert (pressed.changed, pressed.sentence) == (
        False,
        f"No longer open: withdrawn: alert {fresh} closes it.",
    )
    assert set(running.positions().values()) == {0}


@pytest.mark.parametrize("what", ["stale exit", "stale flip"])
async def test_a_closing_does_not_wait_for_the_answer_to_a_question(make_world: Any, what: str) -> None:
    world = await make_world(defaults={"approval_timeout_seconds": 3600})
    await world.execute()
    await world.run(world.approvals.run)
    await world.filled(buy())
    question = await asked_by(world, what)
    await close_all(world)
    await closed(world)
    assert set(world.positions().values()) == {0}
    assert await world.status(question) == "refused"
    assert "withdrawn: alert" in await card(world, question)


async def test_a_second_question_takes_the_place_of_the_first(running: World) -> None:
    await running.filled(buy(lots=2))
    first = await asked(running, stale(running))
    second = await asked(running, stale(running, lots=1))
    assert f"withdrawn: alert {second} asks in its place" in await card(running, first)
    assert not (await running.press(first)).changed
    await running.press(second)
    await running.reaches(second, "filled")
    assert await running.held() == LOT


async def test_after_a_full_exit_nothing_is_left_of_a_question_about_a_part(running: World) -> None:
    await running.filled(buy(lots=2))
    question = await asked(running, stale(running, lots=1))
    assert [row.quantity for row in (await running.filled(sell())).intents] == [2 * LOT]
    assert not (await running.press(question)).changed
    assert set(running.positions().values()) == {0}


async def test_an_exit_that_sells_nothing_ends_no_question(running: World) -> None:
    """One that is refused leaves the owner what he was asked."""
    await running.filled(buy())
    question = await asked(running, stale(running))
    await running.reaches(await running.send(sell(**PUT)), "refused")
    await running.session.mark_dead("Incorrect `api_key` or `access_token`.", running.clock())
    await running.reaches(await running.send(sell()), "refused")
    assert await running.status(question) == "awaiting_approval"


async def test_another_strategys_exit_ends_no_question(running: World) -> None:
    await running.filled(buy())
    await running.filled(buy("B"))
    question = await asked(running, stale(running))
    await running.filled(sell("B"))
    assert (await running.press(question)).changed
    await running.reaches(question, "filled")


async def test_of_a_question_about_two_contracts_the_other_stays_asked(running: World) -> None:
    await running.filled(buy())
    await running.filled(buy(**PUT))
    everything = Signal(action=Action.EXIT, strategy="S", time=running.clock() - timedelta(minutes=2))
    question = await asked(running, everything)
    fresh = (await running.filled(sell())).row.id
    assert await running.status(question) == "awaiting_approval"
    assert f"withdrawn: alert {fresh} closes it" in await card(running, question)
    assert (await running.press(question)).changed
    await running.reaches(question, "filled")
    assert await running.held() == 0
    assert set(running.positions().values()) == {0}


@pytest.mark.parametrize("pressed_first", [True, False])
async def test_approve_in_the_moment_of_a_closing_sells_once(running: World, pressed_first: bool) -> None:
    await running.filled(buy())
    question = await asked(running, stale(running))
    row = await running.approval(question)
    works = [
        running.approvals.decide(row.id, approve=True, by="Asha"),
        running.approvals.decide(row.id, approve=True, by="Ravi"),
        close_all(running),
    ]
    await asyncio.gather(*(works if pressed_first else reversed(works)))
    await closed(running)
    assert set(running.positions().values()) == {0}
    assert sum(trade["transaction_type"] == "SELL" for trade in running.paper.book()["trades"]) == 1


async def test_once_approved_it_counts_as_sold(running: World) -> None:
    await running.filled(buy())
    question = await asked(running, stale(running))
    running.executor.shut("paper")
    await running.press(question)
    refused = await running.send(sell())
    await running.reaches(refused, "refused", look=False)
    assert await running.was_told("is being sold already", refused)


async def test_what_was_sold_while_it_was_asked_about_is_not_sold_by_the_approval(running: World) -> None:
    await running.filled(buy(lots=2))
    question = await asked(running, stale(running))
    await take_from_book(running, LOT)
    await running.press(question)
    view = await running.reaches(question, "filled")
    assert [row.quantity for row in view.intents] == [LOT]
    assert await running.was_told("Less than approved", f"{LOT} of {2 * LOT} units are left")


async def test_an_approval_of_what_is_gone_is_refused_and_says_so(running: World) -> None:
    await running.filled(buy())
    question = await asked(running, stale(running))
    await take_from_book(running, LOT)
    await running.press(question)
    await running.reaches(question, "refused")
    assert await running.was_told("Not sent", "0 units", "left to sell")
    assert not await running.was_told("It is still held")


async def take_from_book(world: World, units: int) -> None:
    """The owner has said that he closed so many by hand."""

    def work(connection: Any) -> None:
        held = tables.holdings
        connection.execute(held.update().values(quantity=held.c.quantity - units))

    await world.write(work)


async def test_a_question_that_was_withdrawn_is_not_asked_again_after_a_restart(running: World) -> None:
    await running.filled(buy())
    question = await asked(running, stale(running))
    running.fault(FaultKind.FILL, quantity=0)
    await running.reaches(await running.send(sell()), "open")
    await running.restart()
    await running.approvals.ask_again()
    assert not await running.was_told("Still waiting for you")
    assert (await running.approval(question)).decision == intents.VOID


async def test_a_question_outlives_a_restart_and_sells_nothing_until_it_is_answered(running: World) -> None:
    await running.filled(buy())
    question = await asked(running, stale(running))
    await running.restart()
    await running.execute()
    await running.approvals.ask_again()
    assert await running.held() == LOT
    await running.filled(sell())
    assert not (await running.press(question)).changed
    assert set(running.positions().values()) == {0}


async def test_what_expires_unanswered_leaves_what_is_held_to_the_next_exit(running: World) -> None:
    await running.filled(buy(lots=2))
    await running.run(running.approvals.run)
    question = await asked(running, stale(running))
    running.clock.forward(seconds=61)
    running.wakeups.approvals.ring()
    await running.reaches(question, "expired")
    await running.filled(sell())
    assert set(running.positions().values()) == {0}


async def test_an_entry_waits_for_the_answer_about_the_exit_before_it(make_world: Any) -> None:
    world = await make_world(defaults={"confirm_exits": True})
    await world.execute()
    await world.filled(buy())
    exit_ = await asked(world, sell())
    entry = await world.send(buy(**PUT))
    await world.until(lambda: world.intents(entry))
    assert len(world.attempts()) == 1, "nothing is opened on top of what may be closed"
    await world.press(exit_)
    await world.reaches(entry, "filled")
    assert await world.held() == LOT


async def test_an_entry_does_not_wait_for_a_question_that_was_withdrawn(running: World) -> None:
    await running.filled(buy(lots=2))
    await asked(running, stale(running, lots=1))
    await running.filled(sell(lots=1))
    await running.filled(buy(**PUT))
