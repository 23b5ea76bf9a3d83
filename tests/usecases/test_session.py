"""The session: one day's login, kept sealed, dead at 06:00 IST or at Kite's word."""

from dataclasses import replace
from datetime import datetime

import pytest

from gateway.domain.errors import BrokerError
from gateway.domain.market import IST
from gateway.domain.order import Venue
from gateway.session import LoginRefused, Session
from storage import tables
from tests.usecases.world import WEDNESDAY, Clock


def session_of(world, user_id="", key="paper", secrets=None):
    return Session(
        Venue.PAPER,
        world.client,
        world.database,
        world.outbox,
        world.clock,
        user_id=user_id,
        key_material=key,
        add_secret=(secrets if secrets is not None else []).append,
    )


async def test_a_login_lives_until_six_the_next_morning(world):
    assert world.session.alive
    assert world.session.view().detail == "PAPER1 until 26 Nov 06:00 IST"
    world.clock.now = datetime(2026, 11, 26, 5, 59, 59, tzinfo=IST)
    assert world.session.alive
    world.clock.forward(seconds=1)
    assert not world.session.alive
    assert world.session.view().detail == "the login ended at 06:00 IST: log in"


async def test_before_any_login_nobody_is_logged_in(world):
    session = session_of(world)
    assert not session.alive
    assert session.view().detail == "nobody has logged in: log in"


async def test_the_login_survives_a_restart_and_its_token_still_works(world):
    await world.restart()
    assert world.session.alive
    assert (await world.client.profile()).user_id == "PAPER1"


async def test_a_login_that_ended_meanwhile_is_not_taken_up(world):
    world.clock.forward(hours=21)
    session = session_of(world)
    await session.restore()
    assert not session.alive


async def test_a_token_kept_under_another_secret_is_not_used(world):
    session = session_of(world, key="another")
    await session.restore()
    assert not session.alive
    assert "another api_secret" in session.view().detail


async def test_the_token_is_sealed_on_disk_and_known_to_the_redaction(world):
    secrets = []
    session = session_of(world, secrets=secrets)
    await session.login(world.paper.issue_request_token())
    (token,) = secrets
    (row,) = await world.rows(tables.sessions)
    assert token not in row.access_token
    files = [world.path, world.path.with_name("manjha.db-wal")]
    assert all(token.encode() not in file.read_bytes() for file in files if file.exists())


async def test_somebody_elses_login_is_refused_and_his_token_killed(world):
    session = session_of(world, user_id="AB1234")
    before = world.client.credentials()
    with pytest.raises(LoginRefused, match=r"Kite logged in PAPER1, but kite\.user_id is AB1234"):
        await session.login(world.paper.issue_request_token())
    assert not session.alive
    assert world.client.credentials() == before


async def test_an_account_without_a_needed_exchange_is_told_of_at_the_login(world, monkeypatch):
    """SENSEX is traded on BFO, which has to be switched on by its own."""
    session = session_of(world)
    session._needs = frozenset({"NFO", "BFO"})
    await session.login(world.paper.issue_request_token())
    assert not await world.was_told("The account has no")
    create = world.client.create_session

    async def without_bfo(request_token):
        return replace(await create(request_token), exchanges=frozenset({"NSE", "NFO"}))

    monkeypatch.setattr(world.client, "create_session", without_bfo)
    await session.login(world.paper.issue_request_token())
    assert session.alive
    assert await world.was_told("The account has no BFO")


async def test_a_request_token_is_good_once(world):
    token = world.paper.issue_request_token()
    await world.session.login(token)
    with pytest.raises(BrokerError):
        await world.session.login(token)
    assert world.session.alive, "the good login stays"


async def test_each_login_is_announced(world):
    heard = []
    world.session.on_login.append(lambda: heard.append(world.client.credentials()))
    await world.log_in()
    assert heard == [world.client.credentials()]


async def test_a_dead_session_is_told_once_and_its_token_dropped(world):
    world.paper.kill_token()
    for _ in range(3):
        await world.reconciler.read()
    assert not world.session.alive
    assert world.client.credentials() is None
    assert len([text for text in await world.told() if "Kite session lost" in text]) == 1
    assert await world.rows(tables.sessions) == []
    await world.log_in()
    assert world.session.alive


async def test_a_login_begins_with_a_fresh_state_each_time(world):
    first, second = await world.session.login_address(), await world.session.login_address()
    assert first != second
    states = {row.state for row in await world.rows(tables.login_states)}
    assert len(states) == 2
    assert all(any(state in address for state in states) for address in (first, second))


async def test_a_session_of_yesterday_evening_ends_this_morning(make_world):
    world = await make_world(clock=Clock(WEDNESDAY.replace(hour=5)))
    assert world.session.view().detail == "PAPER1 until 25 Nov 06:00 IST"
