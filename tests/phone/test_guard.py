"""No other web page can read the chat or press its buttons."""

import aiohttp
import pytest

from bot.phone.guard import is_allowed
from tests.phone.conftest import OWNER


@pytest.mark.parametrize(
    ("method", "host", "origin", "site", "allowed"),
    [
        ("POST", "127.0.0.1:5002", None, None, True),
        ("POST", "127.0.0.1:5002", "http://127.0.0.1:5002", "same-origin", True),
        ("POST", "localhost:9000", "http://localhost:9000", "same-origin", True),
        ("POST", "[::1]:5002", "http://[::1]:5002", None, True),
        ("GET", "127.0.0.1:5002", None, "cross-site", True),
        ("POST", "127.0.0.1:5002", "https://evil.example", "cross-site", False),
        ("POST", "127.0.0.1:5002", "http://127.0.0.1:8080", "same-site", False),
        ("POST", "127.0.0.1:5002", "http://localhost:5002", None, False),
        ("POST", "127.0.0.1:5002", "null", None, False),
        ("POST", "127.0.0.1:5002", None, "cross-site", False),
        ("DELETE", "127.0.0.1:5002", "https://evil.example", None, False),
        ("GET", "rebound.example:5002", None, None, False),
        ("POST", "rebound.example:5002", "http://rebound.example:5002", "same-origin", False),
        ("GET", "127.0.0.1.evil.example", None, None, False),
        ("GET", "", None, None, False),
        ("GET", "[", None, None, False),
    ],
)
def test_only_our_own_page_or_no_page_may_change_anything(method, host, origin, site, allowed):
    assert is_allowed(method, host, origin, site, "127.0.0.1") is allowed


async def test_a_foreign_page_cannot_press_a_button(phone, app):
    async with aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "rebound.example"}):
            answer = await session.post(
                f"{phone.url}/_phone/say", json={"text": "/killswitch"}, headers=headers
            )
            assert answer.status == 403
        answer = await session.get(f"{phone.url}/_phone/messages", headers={"Host": "rebound.example"})
        assert answer.status == 403
    assert phone.messages(OWNER) == []


async def test_every_answer_carries_the_protective_headers(phone):
    async with aiohttp.ClientSession() as session:
        for path in ("/", "/app.js", "/_phone/messages", "/no-such-page"):
            answer = await session.get(phone.url + path)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_uploads_are_never_served_as_pages(phone, app):
    await app.bot.send_document(OWNER, b"<script>alert(1)</script>", filename="x.html")
    (message,) = phone.messages()
    async with aiohttp.ClientSession() as session:
        answer = await session.get(phone.url + phone.view(message)["attachment"]["url"])
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")


async def test_only_the_pages_own_files_are_served(phone):
    async with aiohttp.ClientSession() as session:
        for path in ("/server.py", "/..%2fserver.py", "/page", "/%2e%2e/server.py"):
            assert (await session.get(phone.url + path)).status == 404
