"""Secrets leave no text, whatever form they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.redaction import REDACTED, Redactor, escaped
from config.secrets import secret_values
from config.settings import Settings
from tests.config.conftest import live

TOKEN = "7123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"POST https://api.telegram.org/bot{TOKEN}/getUpdates", f"/bot{REDACTED}/getUpdates"),
        (f"token {TOKEN} revoked", f"token {REDACTED} revoked"),
        (
            "GET /kite/callback?request_token=Xk29aaQ&status=success",
            f"?request_token={REDACTED}&status=success",
        ),
        ("/x?access_token=Xk29aaQ", f"/x?access_token={REDACTED}"),
        ("Authorization: token a1b2c3:Xk29aaQ", f"Authorization: token {REDACTED}"),
        ("{'Authorization': 'token a1b2c3:Xk29aaQ'}", f"'Authorization': 'token {REDACTED}'"),
        ("authorization: Bearer Xk29aaQ", f"Bearer {REDACTED}"),
        ('{"access_token": "Xk29aaQ", "user_id": "AB1234"}', f'"access_token": "{REDACTED}", "user_id"'),
        ('"{\\"secret\\": \\"Xk29aaQ\\"}"', REDACTED),
        ("POST /webhook/tradingview/Xk29aaQ?wait=5", f"/webhook/tradingview/{REDACTED}?wait=5"),
        ("postgresql+asyncpg://me:Xk29aaQ@db/manjha", f"://me:{REDACTED}@db/manjha"),
    ],
)
def test_a_secret_is_known_by_its_place(text: str, left: str) -> None:
    cleaned = Redactor().text(text)
    assert "Xk29aaQ" not in cleaned
    assert TOKEN not in cleaned
    assert left in cleaned


def test_what_is_no_secret_is_left_alone() -> None:
    text = "BUY 65 NIFTY26D0124000CE at 150.50 tag=mj4Xk29 order_id=2611230001 POST /webhook/tradingview"
    assert Redactor().text(text) == text


def test_a_known_secret_is_found_also_percent_encoded() -> None:
    redactor = Redactor(["long random/text"])
    assert redactor.text("/w/long%20random%2Ftext and long random/text") == f"/w/{REDACTED} and {REDACTED}"


def test_a_secret_told_later_is_found_too() -> None:
    redactor = Redactor()
    assert redactor.text("hush-session") == "hush-session"
    redactor.add("hush-session")
    assert redactor.text("hush-session") == REDACTED


def test_a_secret_inside_a_longer_one_leaves_no_rest() -> None:
    assert Redactor(["hush", "hush-hush-2"]).text("<hush-hush-2>") == f"<{REDACTED}>"


def test_short_values_are_not_looked_for() -> None:
    assert Redactor(["", "CE"]).text("NIFTY CE") == "NIFTY CE"


@given(secret=st.text(min_size=4, max_size=40), before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_known_secret_survives_at_any_place(secret: str, before: str, after: str) -> None:
    cleaned = Redactor([secret]).text(f"{before}{secret}{after}")
    assert secret not in cleaned.replace(REDACTED, "") or secret in before + after


def test_fields_are_cleaned_at_every_depth_and_by_their_names() -> None:
    redactor = Redactor(["hush-secret"])
    assert redactor.value(
        {"a": [{"b": "hush-secret!"}], "password": "x", "access_token": 5, "n": 1.5, "t": None}
    ) == {
        "a": [{"b": f"{REDACTED}!"}],
        "password": REDACTED,
        "access_token": REDACTED,
        "n": 1.5,
        "t": None,
    }


def test_odd_values_become_plain_text() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert isinstance(Redactor().value(endless), list)
    assert Redactor().value({"x": float("nan"), "y": b"\x00"}) == {"x": "nan", "y": "b'\\x00'"}


def test_a_long_text_is_cut_and_says_so() -> None:
    text = Redactor().value("x" * 25_000)
    assert len(text) < 10_100
    assert text.endswith("(15000 more characters)")


def test_control_characters_are_shown_not_sent() -> None:
    assert escaped("a\nb\r\x1b[31m\u2028\u202e") == "a\\nb\\r\\x1b[31m\\u2028\\u202e"


def test_all_of_the_settings_secrets_are_known() -> None:
    tree = live(
        telegram={"bot_token": "9:hush", "owner_ids": [1]},
        database_url="postgresql+asyncpg://me:p%40ss@db/manjha",
    )
    assert secret_values(Settings.model_validate(tree)) == {
        "oa5Wm4-mGJrh7nYdQk2z",
        "key0123456789",
        "hush-api-secret",
        "9:hush",
        "p%40ss",
        "p@ss",
    }


def test_settings_without_secrets_have_none() -> None:
    assert secret_values(Settings()) == frozenset()
