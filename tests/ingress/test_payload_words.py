"""Plain text: words in any order, key=value among them, and the bot's manual orders."""

# ruff: noqa: E501  the texts stand as they arrive

from datetime import date
from decimal import Decimal

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.signal import (
    Action,
    ExpiryKind,
    ExpiryRule,
    Level,
    LevelKind,
    Signal,
    StrikeKind,
    StrikeRule,
)
from gateway.ingress.payload import parse_body, parse_words

BUY, SELL, EXIT = Action.BUY, Action.SELL, Action.EXIT
CE, PE = OptionType.CE, OptionType.PE


def strike(value, kind=StrikeKind.PRICE):
    return StrikeRule(kind=kind, value=Decimal(value))


def level(value, kind=LevelKind.PRICE):
    return Level(kind=kind, value=Decimal(value))


def on(year, month, day):
    return ExpiryRule(kind=ExpiryKind.DATE, day=date(year, month, day))


CALL = {"action": BUY, "symbol": "NIFTY", "option_type": CE, "strike": strike(24000)}

TEXTS = [
    ("BUY CE", {"action": BUY, "option_type": CE}),
    ("buy pe", {"action": BUY, "option_type": PE}),
    ("SELL", {"action": SELL}),
    ("exit NIFTY", {"action": EXIT, "symbol": "NIFTY"}),
    ("long", {"action": BUY}),
    ("square off", {"action": EXIT}),
    ("close all BANKNIFTY", {"action": EXIT, "symbol": "BANKNIFTY"}),
    ("BUY_CE", {"action": BUY, "option_type": CE}),
    ("BUY NIFTY 24000 CE 1 lot", {**CALL, "lots": 1}),
    ("1 lot CE 24000 NIFTY BUY", {**CALL, "lots": 1}),
    ("buy nifty 24000 call option 2 lots", {**CALL, "lots": 2}),
    ("BUY 24000CE NIFTY", CALL),
    ("BUY NIFTY 24000CE 2lots", {**CALL, "lots": 2}),
    ("BUY NIFTY24000CE lots=2", {**CALL, "lots": 2}),
    ("BUY NSE:NIFTY 24000 CE 65 qty", {**CALL, "quantity": 65}),
    ("BUY 65 units NIFTY 24000 CE", {**CALL, "quantity": 65}),
    ("BUY 500 qty 24000 CE NIFTY", {**CALL, "quantity": 500}),
    ("BUY NIFTY CE 24000 qty 65", {**CALL, "quantity": 65}),
    ("BUY NIFTY 24000 CE quantity: 65", {**CALL, "quantity": 65}),
    ("BUY NIFTY 24000 CE 1", {**CALL, "lots": 1}),
    ("BUY NIFTY 23900 + 100 CE", CALL),
    ("BUY NIFTY 24000 CE sl 120 qty 65", {**CALL, "stop_loss": level(120), "quantity": 65}),
    (
        "BUY NIFTY 24000 CE stop loss 120 take profit 180",
        {**CALL, "stop_loss": level(120), "target": level(180)},
    ),
    (
        "BUY BANKNIFTY ATM+1 PE 2 lots weekly sl -20% target +30%",
        {
            "action": BUY,
            "symbol": "BANKNIFTY",
            "option_type": PE,
            "strike": strike(1, StrikeKind.ATM),
            "lots": 2,
            "expiry": ExpiryRule(kind=ExpiryKind.WEEKLY),
            "stop_loss": level(-20, LevelKind.PERCENT),
            "target": level(30, LevelKind.PERCENT),
        },
    ),
    (
        "NIFTY250417C23000 buy 1",
        {**CALL, "strike": strike(23000), "lots": 1, "expiry": on(2025, 4, 17)},
    ),
    ("BUY NIFTY261201C24000 1 lot", {**CALL, "lots": 1, "expiry": on(2026, 12, 1)}),
    ("BUY NIFTY261201C24000 65 qty", {**CALL, "quantity": 65, "expiry": on(2026, 12, 1)}),
    ("BUY NIFTY261201C24000 2", {**CALL, "lots": 2, "expiry": on(2026, 12, 1)}),
    ("BUY NIFTY 24000 CE 1 lot 2026-12-08", {**CALL, "lots": 1, "expiry": on(2026, 12, 8)}),
    ("BUY NIFTY 24000 CE 65 qty 2026-12-08", {**CALL, "quantity": 65, "expiry": on(2026, 12, 8)}),
    ("BUY NIFTY 24000 CE 8 dec 2026 1 lot", {**CALL, "lots": 1, "expiry": on(2026, 12, 8)}),
    ("BUY NIFTY 50 qty 24000 CE", {**CALL, "quantity": 50}),
    ("BUY NIFTY 50 lots 24000 CE", {**CALL, "lots": 50}),
    ("BUY NIFTY 50 24000 CE 2 lots", {**CALL, "lots": 2}),
    ("BUY NIFTY 50 qty=65 24000 CE", {**CALL, "quantity": 65}),
    ("BUY NIFTY ATM - 2 CE", {**CALL, "strike": strike(-2, StrikeKind.ATM)}),
    ("BUY NIFTY otm3 CE monthly expiry", {**CALL, "strike": strike(3, StrikeKind.OTM), "expiry": ExpiryRule(kind=ExpiryKind.MONTHLY)}),
    ("BUY NIFTY 24000 CE 2026-12-01", {**CALL, "expiry": on(2026, 12, 1)}),
    ("BUY NIFTY 24000 CE expiry 01 Dec 2026", {**CALL, "expiry": on(2026, 12, 1)}),
    ("BUY NIFTY 24000 CE expiry=261201", {**CALL, "expiry": on(2026, 12, 1)}),
    ("BUY NIFTY NEXT 50 ATM CE", {**CALL, "symbol": "NIFTYNXT50", "strike": strike(0, StrikeKind.ATM)}),
    ("BUY NIFTY 50 24000 CE", CALL),
    ("BUY NIFTY BANK 24000 CE", {**CALL, "symbol": "BANKNIFTY"}),
    ('action=BUY symbol=NIFTY strike=24000 option_type=CE strategy="My - Strategy"', {**CALL, "strategy": "My - Strategy"}),
    ("action=BUY; symbol=NIFTY; strike=24000; type=CE; strategy='A, B'", {**CALL, "strategy": "A, B"}),
    ("action=BUY, symbol=NIFTY, strike=23900 + 100, option_type=CE, strategy=My Strategy", {**CALL, "strategy": "My Strategy"}),
    ("action: BUY\nsymbol: NIFTY\r\noption type: CE\nstrike: 24000\nstrategy: My Strategy\n", {**CALL, "strategy": "My Strategy"}),
    ("sl=20% BUY CE", {"action": BUY, "option_type": CE, "stop_loss": level(-20, LevelKind.PERCENT)}),
    ("BUY CE strategy “My Strategy” id 5", {"action": BUY, "option_type": CE, "strategy": "My Strategy", "id": "5"}),
    ("BUY|NIFTY|24000|CE", CALL),
    ('"BUY" "NIFTY 50" 24000 CE', CALL),
    ("BUY,NIFTY,24000,CE,interval=5", {**CALL, "ignored": ("interval",)}),
    ("action: BUY,\n , option_type: CE\n", {"action": BUY, "option_type": CE}),
    ("secret=s3cret BUY CE", {"action": BUY, "option_type": CE}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), TEXTS, ids=[text for text, _ in TEXTS])
def test_words_say(text, said):
    assert parse_body(text.encode()) == (Signal(**said),)
    assert parse_words(text) == Signal(**said)


def test_a_manual_order_may_begin_with_its_slash():
    assert parse_words("/buy NIFTY ATM CE 1 lot") == parse_words("buy NIFTY ATM CE 1 lot")
