"""Kite's login through the door: a one-time state out, the same state back once, the configured user only."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from gateway.domain.market import utc_now
from gateway.ingress.pages import page
from gateway.kite.client import KiteClient
from gateway.paper.server import PaperServer
from gateway.session import Session
from storage.engine import Database
from storage.notices import Outbox
from tests.ingress.conftest import House, running

USER = "AB1234"


@dataclass
class LoginHouse:
    """A door, a session behind it, and Kite."""

    house: House
    session: Session
    kite: PaperServer
    now: list

    async def begin(self, path: str = "/kite/login") -> str:
        """The state that Kite is given."""
        answer = await self.house.get(path)
        assert answer.status == 302
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return dict(parse_qsl(query["redirect_params"][0]))["state"]

    async def come_back(self, state: str, token: str | None = None, status: str = "success"):
        token = self.kite.issue_request_token() if token is None else token
        query = {"status": status, "request_token": token, "state": state, "action": "login"}
        return await self.house.get("/kite/callback", params=query)


@asynccontextmanager
async def login_house(folder: Path, *, user_id: str = USER, venue: str = "live") -> AsyncIterator[LoginHouse]:
    kite = PaperServer(api_key="key", api_secret="the-api-secret", user_id=USER, price_interval=0)
    await kite.start()
    now = [utc_now()]
    client = KiteClient(
        api_key="key", api_secret="the-api-secret", api_url=kite.url, login_url=kite.login_url
    )
    sessions: dict[str, Session] = {}
    try:
        async with running(folder, clock=lambda: now[0], sessions=sessions) as house:
            session = make_session(venue, client, house.database, lambda: now[0], user_id)
            sessions[venue] = session
            yield LoginHouse(house, session, kite, now)
    finally:
        await client.close(grace=0)
        await kite.stop()


def make_session(venue, client: KiteClient, database: Database, clock, user_id: str) -> Session:
    return Session(
        venue,
        client,
        database,
        Outbox(chat_ids=()),
        clock,
        user_id=user_id,
        key_material="the-api-secret",
        add_secret=lambda _: None,
    )


@pytest.fixture
async def login(tmp_path: Path) -> AsyncIterator[LoginHouse]:
    async with login_house(tmp_path) as house:
        yield house


async def test_the_owner_is_sent_to_kite_and_comes_back_logged_in(login: LoginHouse) -> None:
    state = await login.begin()
    answer = await login.come_back(state)
    assert answer.status == 200
    assert "Logged in" in answer.text
    assert USER in answer.text
    assert "06:00 IST" in answer.text
    assert login.session.alive


async def test_a_page_of_the_login_is_kept_by_nobody(login: LoginHouse) -> None:
    state = await login.begin()
    for answer in (await login.house.get("/kite/login"), await login.come_back(state)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_state_is_good_once(login: LoginHouse) -> None:
    state = await login.begin()
    assert (await login.come_back(state)).status == 200
    again = await login.come_back(state)
    assert again.status == 403
    assert "used before" in again.text


@pytest.mark.parametrize("state", ["", "wrong", "x" * 500, "é", "' OR 1=1 --"])
async def test_a_state_that_was_not_given_out_is_refused(login: LoginHouse, state: str) -> None:
    answer = await login.come_back(state)
    assert answer.status == 403
    assert not login.session.alive


async def test_a_state_that_is_too_old_is_refused(login: LoginHouse) -> None:
    state = await login.begin()
    login.now[0] += timedelta(minutes=16)
    assert (await login.come_back(state)).status == 403


async def test_another_user_is_refused_and_both_are_named(tmp_path: Path) -> None:
    async with login_house(tmp_path, user_id="ZZ9999") as login:
        answer = await login.come_back(await login.begin())
        assert answer.status == 403
        assert USER in answer.text
        assert "ZZ9999" in answer.text
        assert not login.session.alive


async def test_kites_refusal_is_told_in_kites_words_and_escaped(login: LoginHouse) -> None:
    answer = await login.come_back(await login.begin(), token="<script>alert(1)</script>")
    assert answer.status == 400
    assert "invalid or has expired" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(("token", "status"), [("", "success"), ("x", "failure"), ("x" * 200, "success")])
async def test_a_login_that_failed_at_kite_uses_up_no_state(
    login: LoginHouse, token: str, status: str
) -> None:
    state = await login.begin()
    assert (await login.come_back(state, token=token, status=status)).status == 400
    assert (await login.come_back(state)).status == 200


async def test_the_live_venue_is_logged_in_to_unless_another_is_named(tmp_path: Path) -> None:
    async with login_house(tmp_path, venue="paper") as login:
        assert await login.begin()
        assert await login.begin("/kite/login?venue=paper")
        assert (await login.house.get("/kite/login?venue=live")).status == 404


async def test_strangers_cannot_fill_the_database_with_logins(login: LoginHouse) -> None:
    statuses = [(await login.house.get("/kite/login")).status for _ in range(12)]
    assert statuses == [302] * 10 + [429] * 2


async def test_strangers_cannot_keep_the_database_busy_with_states(login: LoginHouse) -> None:
    statuses = {(await login.come_back("guess", token="x")).status for _ in range(61)}
    assert statuses == {403, 429}


def test_whatever_a_page_says_is_escaped_and_its_style_is_the_one_allowed() -> None:
    answer = page("<i>Refused</i>", "Kite said: <script>alert(1)</script> & more", status=403)
    assert "<script" not in answer.text
    assert "<i>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in answer.text
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{hashed}'" in answer.headers["Content-Security-Policy"]
