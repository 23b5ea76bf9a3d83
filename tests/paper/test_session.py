"""Login, tokens and their deaths."""

from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from kiteconnect.exceptions import TokenException

from gateway.paper.server import PaperServer
from gateway.paper.wire import IST
from tests.paper.conftest import Clock, Kite, running, signed

DEAD = "Incorrect `api_key` or `access_token`."


async def test_a_login_names_the_user_and_its_exchanges(paper: PaperServer, kite: Kite) -> None:
    profile = await kite.profile()
    assert profile["user_id"] == "PAPER1"
    assert {"NFO", "BFO"} <= set(profile["exchanges"])


async def test_without_a_login_everything_is_refused_in_kites_words(paper: PaperServer) -> None:
    client = Kite(paper)
    client.real.set_access_token("guessed")
    with pytest.raises(TokenException, match=DEAD) as refused:
        await client.orders()
    assert refused.value.code == 403
    client.close()


async def test_a_request_token_is_good_once(paper: PaperServer) -> None:
    client, token = Kite(paper), paper.issue_request_token()
    await client.generate_session(token, "paper")
    with pytest.raises(TokenException, match="Token is invalid or has expired"):
        await client.generate_session(token, "paper")
    client.close()


async def test_a_request_token_lives_a_few_minutes(paper: PaperServer, clock: Clock) -> None:
    client, token = Kite(paper), paper.issue_request_token()
    clock.forward(minutes=6)
    with pytest.raises(TokenException, match="Token is invalid or has expired"):
        await client.generate_session(token, "paper")
    client.close()


async def test_a_wrong_secret_gets_no_session(paper: PaperServer) -> None:
    client = Kite(paper)
    with pytest.raises(TokenException, match="Invalid `checksum`"):
        await client.generate_session(paper.issue_request_token(), "guessed")
    client.close()


async def test_a_checksum_in_foreign_letters_is_refused_like_any_other(
    paper: PaperServer, http: aiohttp.ClientSession
) -> None:
    form = {"api_key": "paper", "request_token": "x", "checksum": "प"}
    async with http.post(f"{paper.url}/session/token", data=form) as response:
        assert response.status == 403


async def test_a_second_login_kills_the_first_token(paper: PaperServer, kite: Kite) -> None:
    second = Kite(paper)
    await second.log_in(paper)
    with pytest.raises(TokenException, match=DEAD):
        await kite.orders()
    assert await second.orders() == []
    second.close()


async def test_a_log_out_kills_the_token(paper: PaperServer, kite: Kite) -> None:
    assert await kite.invalidate_access_token() is True
    with pytest.raises(TokenException, match=DEAD):
        await kite.orders()


@pytest.mark.parametrize(
    ("login", "alive_at", "dead_at"),
    [
        ((2026, 11, 25, 8, 0), (2026, 11, 26, 5, 59), (2026, 11, 26, 6, 0)),
        ((2026, 11, 25, 5, 0), (2026, 11, 25, 5, 59), (2026, 11, 25, 6, 0)),
    ],
)
async def test_a_token_dies_at_the_next_six_in_the_morning(
    login: tuple[int, ...], alive_at: tuple[int, ...], dead_at: tuple[int, ...]
) -> None:
    clock = Clock(datetime(*login, tzinfo=IST))
    async with running(clock=clock) as paper:
        client = Kite(paper)
        await client.log_in(paper)
        clock.now = datetime(*alive_at, tzinfo=IST)
        assert await client.orders() == []
        clock.now = datetime(*dead_at, tzinfo=IST)
        with pytest.raises(TokenException, match=DEAD):
            await client.orders()
        client.close()


async def test_the_login_page_sends_the_owner_back_with_a_token_and_the_echoed_state(
    clock: Clock, http: aiohttp.ClientSession
) -> None:
    async with running(clock=clock, redirect_url="http://app.test/cb") as paper:
        query = {"v": "3", "api_key": "paper", "redirect_params": "state=a%2Bb&x=1"}
        async with http.get(paper.login_url, params=query) as page:
            assert "Log in as PAPER1" in await page.text()
        form = {"api_key": "paper", "redirect_params": "state=a%2Bb&x=1"}
        async with http.post(paper.login_url, data=form, allow_redirects=False) as back:
            location = back.headers["Location"]
        assert location.startswith("http://app.test/cb?")
        sent = parse_qs(urlsplit(location).query)
        assert (sent["status"], sent["state"], sent["x"]) == (["success"], ["a+b"], ["1"])

        token = sent["request_token"][0]
        checksum = sha256(f"paper{token}paper".encode()).hexdigest()
        proof = {"api_key": "paper", "request_token": token, "checksum": checksum}
        async with http.post(f"{paper.url}/session/token", data=proof) as response:
            assert response.status == 200


async def test_what_the_page_echoes_is_escaped(paper: PaperServer, http: aiohttp.ClientSession) -> None:
    query = {"api_key": "paper", "redirect_params": '"><script>'}
    async with http.get(paper.login_url, params=query) as page:
        assert "<script>" not in await page.text()


async def test_an_unknown_route_is_refused_as_json(
    paper: PaperServer, kite: Kite, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{paper.url}/nowhere", headers=signed(kite)) as response:
        assert response.status == 404
        assert (await response.json())["status"] == "error"
    async with http.put(f"{paper.url}/trades", headers=signed(kite)) as response:
        assert response.status == 405
        assert (await response.json())["error_type"] == "GeneralException"
