"""Keyboards: what Telegram takes, and what it refuses."""

import pytest

from bot.phone.errors import ApiError
from bot.phone.keyboards import checked_inline, checked_markup


def inline(**button):
    return {"inline_keyboard": [[{"text": "x", **button}]]}


@pytest.mark.parametrize(
    "button",
    [
        {"callback_data": "a" * 64},
        {"callback_data": "a", "style": "danger"},
        {"url": "https://kite.zerodha.com/connect/login?v=3"},
        {"url": "http://127.0.0.1:5001/kite/login"},
        {"copy_text": {"text": "24000"}},
    ],
)
def test_good_buttons_are_taken_as_they_are(button):
    assert checked_inline(inline(**button)) == inline(**button)


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"callback_data": "a" * 65}, "BUTTON_DATA_INVALID"),
        ({"callback_data": "₹" * 22}, "BUTTON_DATA_INVALID"),
        (
            {"callback_data": ""},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"url": "http://localhost:5001/x"},
            "inline keyboard button URL 'http://localhost:5001/x' is invalid: Wrong HTTP URL",
        ),
        (
            {"url": "ftp://example.com"},
            "inline keyboard button URL 'ftp://example.com' is invalid: Unsupported URL protocol",
        ),
        (
            {"url": "javascript:alert(1)"},
            "inline keyboard button URL 'javascript:alert(1)' is invalid: Wrong HTTP URL",
        ),
        (
            {"callback_data": "a", "style": "pink"},
            "can't parse inline keyboard button: invalid button style specified",
        ),
        ({"text": "", "callback_data": "a"}, "can't parse inline keyboard button: Can't find field \"text\""),
        ({"copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
    ],
)
def test_bad_buttons_are_refused_in_telegrams_words(button, words):
    with pytest.raises(ApiError) as refusal:
        checked_markup(inline(**button))
    assert refusal.value.description == f"Bad Request: {words}"


def test_no_more_than_a_hundred_buttons():
    row = [{"text": "x", "callback_data": "a"}]
    assert checked_inline({"inline_keyboard": [row] * 100})
    with pytest.raises(ApiError, match="reply markup is too long"):
        checked_inline({"inline_keyboard": [row] * 101})


def test_an_empty_inline_keyboard_is_none():
    assert checked_markup({"inline_keyboard": []}) is None
    assert checked_markup(None) is None


def test_other_markups_are_taken_when_sent_and_refused_when_editing():
    assert checked_markup({"keyboard": [["/status"]]}) == {"keyboard": [[{"text": "/status"}]]}
    assert checked_markup({"force_reply": True}) == {"force_reply": True}
    with pytest.raises(ApiError, match="inline keyboard expected"):
        checked_inline({"force_reply": True})
    with pytest.raises(ApiError, match="object expected as reply markup"):
        checked_markup(["x"])
