"""What refuses an entry has no bearing on an exit: a position can be closed. And: whose side a word says."""

import json
from typing import Any

import pytest

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Signal, what_is_said
from gateway.ingress.completion import complete, complete_entry
from gateway.ingress.payload import parse_body
from tests.ingress.conftest import House, settings

SETTINGS = {"symbol": "NIFTY", "option_type": "CE", "strike": "ATM", "lots": 1}
CLOSING = [{"action": "exit"}, {"action": "SELL"}, {"action": "SELL", "symbol": "NIFTY", "option_type": "CE"}]

NO_BEARING: list[dict[str, Any]] = [
    # how it would be sent
    {"product": "NRML"},
    {"product_type": "MIS"},
    {"intraday": True},
    {"order_type": "LIMIT"},
    {"type": "limit"},
    {"pricing": "market"},
    {"limit_price": 10},
    {"trigger_price": 10},
    {"validity": "IOC"},
    {"variety": "amo"},
    # how large an entry would be
    {"lot_size": 65},
    {"nifty_lot_size": 65},
    {"lot_multiplier": 2},
    {"risk": 1},
    {"risk_percent": 1},
    {"capital": 100000},
    {"multiplier": 2},
    {"qty_type": "fixed"},
    {"quantity_mode": "units"},
    # which contract it would be
    {"strike_step": 50},
    {"strike_offset": 2},
    {"moneyness": "ATM"},
    {"otm": 2},
    {"strikee": 24000},
    {"expiry_type": "weekly"},
    {"monthly": True},
    {"dte": 2},
    {"expiri": "weekly"},
    # how it would be guarded
    {"sl_points": 20},
    {"target_level_2": 200},
    {"tp1": 200},
    {"trail_by": 5},
    {"stoplos": 100},
    {"tagret": 200},
    {"bracket": {"sl": 100, "target": 200}},
    # where it goes anyway
    {"mode": "live"},
    {"live": True},
    {"venue": "live"},
    # a side that is no word for one
    {"direction": "down"},
]


def body_of(*parts: dict[str, Any]) -> bytes:
    return json.dumps({name: value for part in parts for name, value in part.items()}).encode()


def parsed(*parts: dict[str, Any]) -> Signal:
    (signal,) = parse_body(body_of(*parts))
    return signal


def refusal(call: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(InvalidAlert) as fault:
        call(*arguments)
    return fault.value.field, fault.value.sentence


def strategy(**own: Any) -> Any:
    return settings(strategies={"default": {**SETTINGS, **own}}).strategy("default")


def name_of(extra: dict[str, Any]) -> str:
    return next(iter(extra))


@pytest.mark.parametrize("extra", NO_BEARING, ids=json.dumps)
@pytest.mark.parametrize("closing", CLOSING, ids=json.dumps)
def test_what_has_no_bearing_on_an_exit_is_not_used(extra: dict[str, Any], closing: dict[str, Any]) -> None:
    plain = parsed(closing)
    signal = complete(parsed(closing, extra), strategy())
    assert what_is_said(signal) == what_is_said(plain)
    assert signal.ignored == (name_of(extra),)


@pytest.mark.parametrize("extra", NO_BEARING, ids=json.dumps)
def test_it_refuses_a_buy_and_in_the_same_words_a_sell_that_opens(extra: dict[str, Any]) -> None:
    refused = refusal(parsed, {"action": "BUY"}, extra)
    assert name_of(extra) in refused[1]
    assert refusal(complete_entry, parsed({"action": "SELL"}, extra), strategy()) == refused


HARD: list[dict[str, Any]] = [
    # not for real
    {"dry_run": True},
    {"test": True},
    {"mode": "paper"},
    {"env": "sandbox"},
    {"paper": True},
    {"is_virtual": 1},
    {"venue": "paper"},
    # how much is to be closed
    {"contracts": 2},
    {"orderQty": 130},
    {"total_lots": 3},
    {"max_quantity": 65},
    {"qty_percent": 50},
    {"quantiy": 65},
    # what is to be closed
    {"call_put": "up"},
    {"Simbol": "NIFTY"},
    # another order
    {"legs": [{"action": "SELL", "strike": 24000}]},
    {"order": {"sl": 5, "qty": 65}},
    {"data": [{"product": "MIS"}, {"dryRun": True}]},
]


@pytest.mark.parametrize("extra", HARD, ids=json.dumps)
def test_what_would_make_an_exit_another_one_refuses_every_alert(extra: dict[str, Any]) -> None:
    refused = {refusal(parsed, {"action": action}, extra) for action in ("BUY", "SELL", "exit")}
    assert len(refused) == 1


def test_the_first_that_refuses_is_named() -> None:
    extra = {"dte": 1, "product": "MIS", "direction": "short"}
    field, sentence = refusal(parsed, {"action": "BUY", "option_type": "CE"}, extra)
    assert (field, sentence.split()[0]) == ("expiry", "dte")
    sell = parsed({"action": "SELL"}, extra)
    assert refusal(complete_entry, sell, strategy()) == (field, sentence)


WORDS = ["position", "direction", "signal", "order", "command", "type", "position_side", "trade_action"]


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("word", ["buy", "sell", "long", "SHORT", "exit", "close_short", "flat"])
@pytest.mark.parametrize("option_type", [None, "CE", "PE"])
@pytest.mark.parametrize("action", ["SELL", "exit"])
def test_no_word_for_a_side_refuses_an_exit(
    name: str, word: str, option_type: str | None, action: str
) -> None:
    """TradingView closes a short with a buy, and the put that followed it is sold."""
    signal = complete(parsed({"action": action, "option_type": option_type, name: word}), strategy())
    assert signal.action == action.upper()
    assert signal.ignored == (name,)


def contradiction(alert: dict[str, Any], own: Any) -> str | None:
    """What the entry is refused for; None where it comes through."""
    try:
        complete_entry(parsed(alert), own)
    except InvalidAlert as fault:
        return fault.sentence
    return None


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize(
    ("action", "option_type", "word", "comes_through"),
    [
        # a put that is bought is short by the index, long by itself
        ("BUY", "PE", "short", True),
        ("BUY", "PE", "sell", True),
        ("BUY", "PE", "long", True),
        ("BUY", "PE", "buy", True),
        ("BUY", "PE", "exit", False),
        ("BUY", "PE", "close_short", False),
        ("BUY", "PE", "flat", False),
        # a call that is bought is long by both
        ("BUY", "CE", "long", True),
        ("BUY", "CE", "buy", True),
        ("BUY", "CE", "short", False),
        ("BUY", "CE", "sell", False),
        ("BUY", "CE", "exit", False),
        # and what is written the other way round
        ("SELL", "PE", "buy", True),
        ("SELL", "PE", "sell", True),
        ("SELL", "CE", "buy", False),
        ("SELL", "CE", "sell", True),
        ("SELL", "CE", "short", True),
    ],
)
def test_a_side_is_the_charts_or_the_options(
    name: str, action: str, option_type: str, word: str, comes_through: bool
) -> None:
    """And it is the same whether the alert says the option type, or the settings alone."""
    alert = {"action": action, name: word}
    said = contradiction({**alert, "option_type": option_type}, strategy())
    assert contradiction(alert, strategy(option_type=option_type)) == said
    sentence = f'action "{action}" and {name} "{word}" contradict each other on the action; leave one out.'
    assert said == (None if comes_through else sentence)


def test_where_nobody_says_the_option_type_it_is_that_which_is_missing() -> None:
    signal = parsed({"action": "BUY", "position": "short"})
    assert refusal(complete, signal, strategy(option_type=None))[0] == "option_type"


async def test_at_the_door_an_entry_is_refused_and_an_exit_goes_on(house: House) -> None:
    entry = {"action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": "ATM", "lots": 1}
    assert (await house.post({**entry, "product": "NRML"})).status == 400
    assert (await house.post({**entry, "position": "short"})).status == 400
    assert (await house.post({**entry, "option_type": "PE", "position": "short"})).status == 200
    assert (await house.post({"action": "exit", "product": "NRML"})).status == 200
    assert (await house.post({"action": "SELL", "option_type": "PE", "order": "buy"})).status == 200
