"""The day's login is asked for: in the morning, again until it is done, louder before the opening."""

from datetime import date, datetime, time

import pytest

from bot.keyboard import inline
from bot.login_card import login_card
from gateway.domain.errors import BrokerError
from gateway.domain.market import IST
from gateway.domain.order import Venue
from gateway.kite.client import CallKind
from gateway.login_reminder import LoginReminder
from gateway.session import Session
from storage import notices, tables
from tests.usecases.world import OWNER, WEDNESDAY


def live_session(world):
    return Session(
        Venue.LIVE,
        world.client,
        world.database,
        world.outbox,
        world.clock,
        user_id="",
        key_material="live",
        add_secret=lambda _: None,
    )


def reminder_of(world, session, public_url=None):
    world.calendar.always = False
    return LoginReminder(
        {"live": session, "paper": session},
        world.database,
        world.outbox,
        world.calendar,
        world.clock,
        wanted=time(8, 0),
        public_url=public_url,
        ring=lambda: None,
    )


@pytest.fixture
def session(world):
    return live_session(world)


async def asked(world):
    """When cards were to be shown, and whether with a sound."""
    rows = [row for row in await world.rows(tables.notices) if row.card and row.subject.startswith("login:")]
    return [(row.subject.rpartition(":")[2], row.loud) for row in rows]


async def through(world, reminder, *clocks, day=25):
    for clock in clocks:
        world.clock.now = datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=IST)
        await reminder.look()


async def test_it_is_asked_for_again_and_louder_before_the_opening(world, session):
    reminder = reminder_of(world, session)
    await through(world, reminder, "07:59", "08:00", "08:10", "08:15", "08:30", "08:45")
    assert await asked(world) == [("080000", True), ("081500", False), ("083000", False), ("084500", False)]
    await through(world, reminder, "09:00", "09:04", "09:05", "09:10", "09:20", "09:25")
    assert (await asked(world))[4:] == [(at, True) for at in ("090000", "090500", "091000", "092500")]


async def test_a_login_ends_it_and_takes_the_buttons_away(world, session):
    reminder = reminder_of(world, session)
    await through(world, reminder, "08:00")
    (subject,) = {row.subject for row in await world.rows(tables.notices) if row.card}
    await world.write(lambda connection: notices.remember_message(connection, OWNER, subject, 7))
    await session.login(world.paper.issue_request_token())
    await through(world, reminder, "08:20", "08:40", "09:10")
    assert await asked(world) == [("080000", True), ("080000", False)]
    view = await reminder.view(subject.removeprefix("login:"))
    assert login_card(view).buttons == ()
    assert "Logged in" in login_card(view).text


async def test_a_token_that_dies_later_is_asked_for_at_once(world, session):
    reminder = reminder_of(world, session)
    await session.login(world.paper.issue_request_token())
    await through(world, reminder, "11:00")
    await session.mark_dead("gone", world.clock())
    await through(world, reminder, "11:00:01", "11:10", "11:15:01", "15:39", "15:40")
    assert [at for at, _ in await asked(world)] == ["110001", "111501", "153900"]


@pytest.mark.parametrize("day", [24, 28])
async def test_nobody_is_asked_on_a_day_without_trading(world, session, day):
    await through(world, reminder_of(world, session), "08:00", "09:14", "12:00", day=day)
    assert await asked(world) == []


async def test_a_session_in_the_evening_is_not_asked_for_in_the_morning(world, session):
    reminder = reminder_of(world, session)
    assert reminder.at(date(2026, 11, 8)) == time(16, 15)
    assert reminder.until(date(2026, 11, 8)) == time(19, 15)
    assert reminder.at(date(2026, 11, 25)) == time(8, 0)


async def test_the_button_leads_to_our_own_door_or_to_kites_page(world, session):
    own = reminder_of(world, session, public_url="https://gateway.example")
    card = login_card(await own.view("live:x"))
    (button,) = inline(card.buttons).inline_keyboard[0]
    assert button.url == "https://gateway.example/kite/login?venue=live"
    assert button.callback_data is None
    kites = login_card(await reminder_of(world, session).view("live:x"))
    (state,) = {row.state for row in await world.rows(tables.login_states)}
    assert state in kites.buttons[0][0].url
    assert "/login in front of it" in kites.text
    assert "Nobody has logged in: log in. Until then entries are refused" in kites.text


@pytest.mark.parametrize(
    ("clock", "words"),
    [("08:30", "Log in to Kite</b>"), ("09:05", "opens in 10 min"), ("10:00", "and the market is open")],
)
async def test_the_card_says_how_late_it_is(world, session, clock, words):
    reminder = reminder_of(world, session)
    world.clock.now = datetime.fromisoformat(f"2026-11-25T{clock}").replace(tzinfo=IST)
    assert words in login_card(await reminder.view("live:x")).text


# the token's death, noticed


async def test_any_call_that_kite_refuses_ends_the_session_at_once(world):
    world.paper.kill_token()
    with pytest.raises(BrokerError):
        await world.book.funds()
    assert not world.session.alive
    assert await world.was_told("Kite session lost", "logged in elsewhere with the same api_key")


async def test_a_login_that_kite_refuses_does_not_end_the_session_in_force(world):
    with pytest.raises(BrokerError):
        await world.session.login("spent")
    assert world.session.alive


async def test_a_late_refusal_of_an_older_token_does_not_end_a_newer_session(world):
    old = world.client.credentials()[1]
    await world.log_in()
    await world.client.on_dead_token(old, "gone")
    assert world.session.alive


async def test_a_refusal_heard_while_logging_in_does_not_end_the_new_session(world, monkeypatch):
    """Kite ends the old token when it grants the new one: a call under way is refused in between."""
    old = world.client.credentials()[1]
    create = world.client.create_session

    async def create_and_refuse(request_token):
        grant = await create(request_token)
        await world.client.on_dead_token(old, "Incorrect")
        return grant

    monkeypatch.setattr(world.client, "create_session", create_and_refuse)
    await world.log_in()
    assert world.session.alive
    await world.restart()
    assert world.session.alive
    assert not await world.was_told("session lost")


async def test_a_token_refused_after_six_was_no_loss(world):
    world.clock.now = WEDNESDAY.replace(day=26, hour=6, minute=1)
    with pytest.raises(BrokerError):
        await world.book.funds()
    await world.reconciler.read()
    assert not world.session.alive
    assert world.session.view().detail == "the login ended at 06:00 IST: log in"
    assert world.client.credentials() is None
    assert not await world.was_told("session lost")


async def test_a_death_written_late_does_not_take_the_next_login_away(world):
    died = world.session._login_at
    world.clock.forward(seconds=1)
    await world.log_in()
    await world.write(
        lambda connection: world.session._record_death(connection, died, "lost", "late", world.clock())
    )
    await world.restart()
    assert world.session.alive


async def test_two_programs_that_share_an_api_key_are_told_of(world):
    for _ in range(2):
        await world.log_in()
        world.paper.broker.sessions.begin()  # somebody logs in elsewhere
        with pytest.raises(BrokerError):
            await world.client.read("user.margins", kind=CallKind.READ)
        world.clock.forward(minutes=1)
    first, second = [text for text in await world.told() if "session lost" in text]
    assert "2. time" not in first
    assert "2. time within a day" in second
