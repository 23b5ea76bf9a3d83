"""A pasted login is worked on and not written down."""

import json

import pytest

from bot.inbox import without_request_token

TOKEN = "requesttokencanary0123456789"


def body(text, **more):
    entity = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
    link = {"type": "url", "offset": len(text.split()[0]) + 1, "length": 20}
    message = {"message_id": 7, "text": text, "entities": [entity, link], **more}
    return json.dumps({"update_id": 3, "message": message}).encode()


@pytest.mark.parametrize(
    "text",
    [
        f"/login {TOKEN}",
        f"/login@manjha_bot https://h/kite/callback?request_token={TOKEN}",
        f"/LOGIN\n{TOKEN}",
    ],
)
def test_what_stands_behind_login_is_not_kept(text):
    kept = json.loads(without_request_token(body(text)))
    assert TOKEN not in json.dumps(kept)
    assert (kept["update_id"], kept["message"]["message_id"]) == (3, 7)
    assert kept["message"]["text"] == text.split()[0]
    assert [each["type"] for each in kept["message"]["entities"]] == ["bot_command"]


@pytest.mark.parametrize("text", ["/login", "/buy NIFTY ATM CE 1 lot", "login please"])
def test_everything_else_is_kept_as_it_came(text):
    assert without_request_token(body(text)) == body(text)


def test_a_press_is_kept_as_it_came():
    press = b'{"update_id": 4, "callback_query": {"id": "1", "data": "a:x"}}'
    assert without_request_token(press) == press
