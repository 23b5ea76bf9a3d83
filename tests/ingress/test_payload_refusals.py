"""Every refusal of an alert: the field it blames, and a sentence its reader can act on."""

import pytest

from gateway.domain.errors import InvalidAlert
from gateway.ingress.payload import parse_body


def refusal_of(body):
    with pytest.raises(InvalidAlert) as refusal:
        parse_body(body if isinstance(body, bytes) else body.encode())
    return refusal.value


FIELDS = [
    # what TradingView did not fill in
    ('"strike": "{{close}}"', "strike", 'strike "{{close}}" was not filled in by TradingView'),
    ('"strike": {{close}}', "strike", "or write ATM"),
    ('"strike": {{close}} * 0.95', "strike", "{{close}} * 0.95"),
    ('"stop_loss": {{plot("Stop")}}', "stop_loss", "was not filled in"),
    ('"quantity": "{{strategy.order.contracts}}"', "quantity", "an alert on a strategy"),
    ('"time": "{{timenow}}"', "time", "an alert made on a chart"),
    ('"id": "{{ticker}}-{{timenow}}"', "id", "Use {{ticker}} only"),
    ('"price": "{{close}}"', "price", "was not filled in"),
    ('"market_position": "{{strategy.market_position}}"', "market_position", "was not filled in"),
    ('"strategy": "{{strategy.order.comment}}"', "strategy", "was not filled in"),
    ('"strike": ,', "strike", "no value after its colon"),
    ('"stop_loss":', "stop_loss", "no value after its colon"),
    ('"stop_loss": NaN', "stop_loss", "TradingView had no value"),
    ('"strike": "NaN"', "strike", "TradingView had no value"),
    ('"target": na', "target", "TradingView had no value"),
    # numbers
    ('"strike": Infinity', "strike", "not a finite number"),
    ('"strike": -Infinity', "strike", "not a finite number"),
    ('"price": "-inf"', "price", "not a finite number"),
    ('"strike": 1e400', "strike", "far too large"),
    ('"strike": 1e-400', "strike", "far too small"),
    ('"strike": ' + "9" * 33, "strike", "more than 32 digits"),
    ('"strike": 99999999', "strike", "too large"),
    ('"strike": 10000000', "strike", "too large"),
    ('"strike": 9999999 * 9999999 * 9999999', "strike", "too large"),
    ('"strike": 0', "strike", "not above zero"),
    ('"strike": -24000', "strike", "below zero"),
    ('"strike": 24013.45 +', "strike", "ends where a number is missing"),
    ('"strike": 24013.45 ** 2', "strike", 'has "*" where it cannot stand'),
    ('"strike": (24000', "strike", "never closed"),
    ('"strike": 24000)', "strike", 'has ")" where it cannot stand'),
    ('"strike": 24000 / 0', "strike", "divides by zero"),
    ('"target": 18*0', "target", "comes to zero"),
    ('"strike": 24000 - 24000', "strike", "comes to zero"),
    ('"strike": 0 / 0', "strike", "divides by zero"),
    ('"strike": ' + "(" * 9 + "1" + ")" * 9, "strike", "more than 8 brackets"),
    ('"strike": 1' + "+1" * 40, "strike", "more than 64 numbers"),
    ('"strike": "24,000"', "strike", "commas inside the number"),
    ('"strike": 24,000', "body", "write numbers without commas"),
    ('"strike": "24000abc"', "strike", 'is not a number (at "abc")'),
    ('"strike": "0x5DC0"', "strike", "is not a number"),
    ('"strike": "__import__(1)"', "strike", "is not a number"),
    ('"strike": "२४०००"', "strike", "is not a number"),
    ('"strike": "ATM+200"', "strike", "at most 99 strikes away"),
    ('"strike": "ATM2"', "strike", "ATM+2"),
    ('"strike": "ITM"', "strike", "ITM1"),
    ('"strike": true', "strike", "strike is true"),
    ('"strike": [24000]', "strike", "a list or an object"),
    ('"strike": {"value": 24000}', "strike", "a list or an object"),
    # quantities
    ('"quantity": 65.5', "quantity", "not whole"),
    ('"quantity": -65', "quantity", "not above zero"),
    ('"quantity": 0', "quantity", "not above zero"),
    ('"quantity": true', "quantity", "quantity is true"),
    ('"quantity": 1e400', "quantity", "far too large"),
    ('"quantity": 5000000', "quantity", "at most 1000000 units"),
    ('"quantity": "many"', "quantity", "a whole number of units"),
    ('"quantity": "1.5 lots"', "quantity", "a whole number of lots"),
    ('"lots": 0.5', "lots", "not whole"),
    ('"lots": "65 qty"', "lots", "send them as quantity"),
    ('"lots": 1, "quantity": "2 lots"', "lots", "contradict"),
    ('"contracts": 1', "quantity", "could mean units or lots"),
    # words
    ('"option_type": "XX"', "option_type", "CE (call) or PE (put)"),
    ('"option_type": "СЕ"', "option_type", r"\u0421\u0415"),  # noqa: RUF001
    ('"symbol": "RELIANCE"', "symbol", "NIFTY, BANKNIFTY"),
    ('"symbol": "NSE:CNX100"', "symbol", "not an index traded here"),
    ('"symbol": "BINANCE:BTCUSDT"', "symbol", "not an index traded here"),
    ('"symbol": "' + "NIFTY" * 20 + '"', "symbol", "not an index traded here"),
    ('"symbol": "BANKNIFY"', "symbol", "but BANKNIFTY is"),
    ('"symbol": "NIFTY26DEC24000CE"', "symbol", "Kite's spelling"),
    ('"symbol": "NIFTY25N1125000CE"', "symbol", "Kite's spelling"),
    ('"symbol": "NIFTY261301C24000"', "symbol", "no date or strike"),
    ('"symbol": "NIFTY261201C0"', "symbol", "no date or strike"),
    (
        '"symbol": "NIFTY", "ticker": "BANKNIFTY"',
        "symbol",
        'symbol "NIFTY" and ticker "BANKNIFTY" contradict',
    ),
    ('"symbol": "NIFTY261201C24000", "option_type": "PE"', "option_type", "contradict"),
    ('"strike": 24100, "symbol": "NIFTY261201C24000"', "strike", "contradict"),
    ('"symbol": "NIFTY261201C24000", "expiry": "weekly"', "expiry", "contradict"),
    ('"expiry": "01-12-2026"', "expiry", "not written year first"),
    ('"expiry": "2026-02-30"', "expiry", "2026-12-01"),
    ('"expiry": "someday"', "expiry", "weekly, monthly, next"),
    ('"time": "yesterday"', "time", "{{timenow}}"),
    ('"time": "2026-11-23T25:00:00Z"', "time", "not understood"),
    ('"time": "2026-11-23T09:56:00+99:99"', "time", "not understood"),
    ('"time": 5', "time", "not understood"),
    ('"market_position": "up"', "market_position", "long, short or flat"),
    ('"position_size": 5e9', "position_size", "too large"),
    ('"strategy": "' + "x" * 65 + '"', "strategy", "at most 64"),
    ('"strategy": false', "strategy", "strategy is false"),
    ('"id": "' + "x" * 129 + '"', "id", "at most 128"),
    # levels
    ('"stop_loss": -5', "stop_loss", "below zero"),
    ('"stop_loss": "+20%"', "stop_loss", "above the fill"),
    ('"stop_loss": "-100%"', "stop_loss", "at or below a price of zero"),
    ('"stop_loss": "150%"', "stop_loss", "at or below a price of zero"),
    ('"stop_loss": "%"', "stop_loss", "a number is missing"),
    ('"target": "-30%"', "target", "below the fill"),
    ('"trailing_stop": [1]', "trailing_stop", "list"),
    ('"trailing_stop": "100%"', "trailing_stop", "out of reach"),
    ('"trailing_stop": -5', "trailing_stop", "below zero"),
    ('"target": "1000000%"', "target", "out of reach"),
    ('"target": "20 points"', "target", "is not a number"),
    # names
    ('"stoplos": 100', "stop_loss", "did you mean stop_loss?"),
    ('"stop_losss": 100', "stop_loss", "did you mean stop_loss?"),
    ('"strikee": 24000', "strike", "did you mean strike?"),
    ('"quantiy": 65', "quantity", "did you mean quantity?"),
    ('"tagret": 65', "target", "did you mean target?"),
    ('"Simbol": "NIFTY"', "symbol", "did you mean symbol?"),
    ('"ѕtop_loss": 100', "stop_loss", r"\u0455top_loss is not a field"),  # noqa: RUF001
    ('"\\top_loss": 20', "body", "holds a control character"),
    ('"target_level_2": 200', "target", "not dropped in silence"),
    ('"tp1": 200', "target", "not dropped in silence"),
    ('"sl_points": 20', "stop_loss", "not dropped in silence"),
    # names that speak of the order
    ('"lots": 1, "num_lots": 3', "lots", 'lots "1" and num_lots "3" contradict'),
    (
        '"lot_size": 65',
        "lots",
        "lot_size is not understood, and is not dropped in silence; use lots or quantity",
    ),
    ('"total_lots": 3', "lots", "use lots or quantity"),
    ('"orderQty": 130', "lots", "use lots or quantity"),
    ('"lots": 1, "max_quantity": 130', "lots", "use lots or quantity"),
    ('"no_of_units": 65', "lots", "use lots or quantity"),
    ('"risk": 1', "lots", "use lots or quantity"),
    ('"num_contracts": 2', "quantity", "could mean units or lots"),
    ('"moneyness": "OTM2"', "strike", "use strike, such as 24000, ATM or OTM2"),
    ('"strike_offset": 2', "strike", "strike_offset is not understood"),
    ('"otm": 2', "strike", "use strike"),
    ('"expiry_type": "monthly"', "expiry", "use expiry, such as 2026-12-01, weekly, monthly or next"),
    ('"monthly": true', "expiry", "use expiry"),
    (
        '"order_type": "LIMIT", "limit_price": 10',
        "order_type",
        "orders are sent as pricing in the strategy's settings says",
    ),
    ('"limit_price": 10', "limit_price", "limit_price is not understood"),
    ('"type": "limit"', "type", "pricing in the strategy's settings"),
    ('"validity": "IOC"', "validity", "pricing in the strategy's settings"),
    ('"trigger_price": 10', "trigger_price", "pricing in the strategy's settings"),
    ('"product": "MIS"', "product", "product in the strategy's settings says it"),
    ('"intraday": true', "intraday", "product in the strategy's settings says it"),
    ('"venue": "paper"', "venue", "venue in the strategy's settings says paper or live"),
    ('"paper": true', "paper", "venue in the strategy's settings"),
    ('"mode": "paper"', "mode", "venue in the strategy's settings"),
    ('"dry_run": true', "dry_run", "every alert is acted on"),
    ('"test": 1', "test", "every alert is acted on"),
    ('"option_type": "CE", "direction": "short"', "action", 'action "BUY" and direction "short" contradict'),
    (
        '"option_type": "CE", "position_side": "SHORT"',
        "action",
        'action "BUY" and position_side "SHORT" contradict',
    ),
    ('"direction": "down"', "action", "use action (BUY, SELL or exit)"),
    ('"option_type": "CE", "signal": "SELL"', "action", 'action "BUY" and signal "SELL" contradict'),
    ('"option_type": "CE", "order": "sell"', "action", 'action "BUY" and order "sell" contradict'),
    ('"type": "exit"', "action", 'action "BUY" and type "exit" contradict'),
    ('"option_type": "CE", "order_type": "sell"', "action", 'action "BUY" and order_type "sell" contradict'),
    ('"option_type": "CE", "cepe": "PE"', "option_type", 'option_type "CE" and cepe "PE" contradict'),
    ('"call_put": "up"', "option_type", "use option_type (CE or PE)"),
    ('"symbol": "NIFTY", "index": "BANKNIFTY"', "symbol", "contradict"),
    (
        '"legs": [{"action": "SELL", "strike": 24000}]',
        "legs",
        "send several alerts as an array, [{...}, {...}]",
    ),
    (
        '"order": {"side": "sell"}',
        "order",
        "order holds side, which is not read there; write an alert's fields side by side",
    ),
    ('"data": [1, [{"x": {"num_lots": 3}}]]', "data", "data holds num_lots"),
    ('"data": {"dryRun": true}', "data", "data holds dryRun"),
    ('"strike": 24000, "strike": 24000', "strike", "given twice"),
    ('"stop_loss": 100, "stopLoss": 100', "stop_loss", "stopLoss is given twice"),
    ('"comment": 1, "comment": 2', "comment", "given twice"),
    ('"secret": "a", "secret": "b"', "secret", "given twice"),
    ('"stop_loss": 100, "sl": 120', "stop_loss", 'stop_loss "100" and sl "120" contradict'),
    (", ".join(f'"x{at}": 1' for at in range(70)), "body", "at most 64"),
    # JSON that is none
    ('"strike": 24000 "lots": 1', "body", "a comma is missing"),
    ('"strike": 24000\n"lots": 1', "body", 'line 2, character 1: after "strike" comes "lots": 1'),
    ('"note": "he said "no" to me"', "body", 'after "note" comes no'),
    ('"note": "never closed', "body", "never closed"),
    ('"lots" 1', "body", 'a colon is missing after "lots"'),
    ('"lots": 1, /* and so on', "body", "comment opened with /*"),
    ('"strategy": "A" "B"', "body", 'after "strategy" comes "B"'),
    ('"strategy": RSI #2\n', "body", "strategy has a # or // beside it; write its value in quotes"),
    ('"strategy": RSI // v2\n, "lots": 1', "body", "line 1, character 35: strategy has a # or //"),
    ('"strategy": #2\n lots: 1', "body", "write its value in quotes"),
    ("strategy_name: http://rsi\n", "body", "strategy_name has a # or //"),
    ("id: 5 # or 6\n", "body", "id has a # or //"),
    ("secret: a-long-secret #1\n", "body", "secret has a # or //"),
    ("x: " + "[" * 9 + "]" * 9, "body", "8 brackets deep"),
    ('"x": ' + "[" * 10 + "]" * 10, "body", "8 brackets deep"),
    (", ".join(f"x{at}: 1" for at in range(70)), "body", "more than 64"),
]


@pytest.mark.parametrize(("field", "blamed", "fragment"), FIELDS, ids=[field[:40] for field, _, _ in FIELDS])
def test_a_field_is_refused(field, blamed, fragment):
    refusal = refusal_of('{"action": "BUY", ' + field + "}")
    assert refusal.field == blamed
    assert fragment in refusal.sentence


BODIES = [
    ("", "body", "the alert is empty"),
    (" \r\n", "body", "the alert is empty"),
    ("{}", "action", "action is missing"),
    ('{"symbol": "NIFTY"}', "action", "write BUY, SELL or exit"),
    ('{"action": ""}', "action", "{{strategy.order.action}}"),
    ('{"action": null}', "action", "action is missing"),
    ('{"action": "{{strategy.order.action}}"}', "action", "was not filled in"),
    ('{"action": "hold"}', "action", 'action "hold" is not known; write BUY, SELL'),
    ('{"action": 1}', "action", "is not known"),
    ('{"action": true}', "action", "action is true"),
    ('{"action": "BUY", "action": "SELL"}', "action", "given twice"),
    ('{"action": "BUY", "side": "sell"}', "action", "contradict"),
    ('{"signal": "buy"}', "action", "action is missing"),
    ('{"action": "buy_ce", "option_type": "PE"}', "option_type", "contradict"),
    ('{"action": "BUY"', "body", "the text ends before the closing }"),
    ('[{"action": "BUY"}', "body", "the text ends before the closing ]"),
    ('{"action": "BUY"} {"action": "SELL"}', "body", "put several alerts into one array"),
    ('{"action": "BUY"} please', "body", "please stands after the end"),
    ('"action": "BUY"}', "body", "has brackets but does not begin with one"),
    ('{, : "BUY"}', "body", 'a field such as "action" was expected'),
    ("{", "body", "the end of the text"),
    ("&".join(f"x{at}=1" for at in range(70)), "body", "more than 64 words"),
    ("null", "body", "the alert is no object"),
    ("true", "body", "the alert is no object"),
    ("24000", "action", "action is missing"),
    ("12", "body", "could mean several things"),
    ("[]", "body", "holds 0 alerts"),
    ("[" + '"SELL",' * 21 + "]", "body", "send 1 to 20"),
    ("[" * 5000, "body", "8 brackets deep"),
    ('{"a":' * 5000, "body", "8 brackets deep"),
    ("[[" * 4 + "[" + "]]" * 4 + "]", "body", "8 brackets deep"),
    (
        '[{"action": "BUY"}, {"action": "SELL", "strike": "x"}]',
        "[1].strike",
        'alert 2 of the array: strike "x"',
    ),
    ('[{"action": "BUY"}, 5]', "[1]", "alert 2 of the array"),
    ('[{"action": "BUY"}, null]', "[1]", "no object"),
    (b"\x80abc", "body", "byte 1 does not fit"),
    (b'{"action": "BUY", "note": "\xff"}', "body", "not UTF-8 text"),
    (b"\x1f\x8b\x08\x00gzip", "body", "not UTF-8 text"),
    (b"\xff\xfea", "body", "not UTF-8 text"),
    ('{"action": "BUY"}'.encode("utf-16-le"), "body", "zero bytes"),
    (b" " * 70_000, "body", "70000 bytes"),
    ("BUY " * 1000, "body", "plain text"),
]


@pytest.mark.parametrize(
    ("body", "blamed", "fragment"), BODIES, ids=[repr(body[:40]) for body, _, _ in BODIES]
)
def test_a_body_is_refused(body, blamed, fragment):
    refusal = refusal_of(body)
    assert refusal.field == blamed
    assert fragment in refusal.sentence


WORDS = [
    ("BUY RELIANCE CE", "body", 'the word "RELIANCE" is not understood; write for example'),
    ("BUY BANKNIFY CE", "symbol", "but BANKNIFTY is"),
    ("BUY NIFTY26DEC24000CE", "symbol", "Kite's spelling"),
    ("BUY {{ticker}} CE", "body", '"{{ticker}}" was not filled in'),
    ("BUY NIFTY 24000 CE 65", "body", "write strike=65, lots=65 or quantity=65"),
    ("BUY NIFTY 24000 CE 24100", "body", "the number 24100 could mean several things"),
    ("BUY CE 1", "body", "the number 1 could mean several things"),
    ("BUY NIFTY 24000 CE 1 2", "body", "the number 2 could mean several things"),
    ("BUY NIFTY 24000 CE 1 lot 2", "body", '"1 lot 2" could mean two things'),
    ("BUY NIFTY 24000 CE lots=1 2", "body", "the number 2 could mean several things"),
    ("BUY NIFTY CE 261201", "body", "the number 261201 could mean several things"),
    ("BUY NIFTY 1300 qty 24000 CE", "body", '"1300 qty 24000" could mean two things'),
    (
        "BUY NIFTY 50 units 650 CE",
        "body",
        '"50 units 650" could mean two things; write lots=... or quantity=...',
    ),
    ("BUY NIFTY 50 qty 65 24000 CE", "body", '"50 qty 65" could mean two things'),
    ("BUY NIFTY NEXT 50 qty 65000 CE", "body", '"NEXT 50 qty" could mean two things'),
    ("BUY NIFTY261201C24000 65", "body", "the number 65 could mean several things"),
    ("BUY NIFTY CE 1 lot 2026-13-08", "expiry", 'expiry "2026-13-08" is not understood'),
    ("BUY NIFTY CE 1 lot 08-12-2026", "expiry", "is not written year first"),
    ("BUY NIFTY CE -20%", "body", 'the word "-20%" is not understood'),
    ("BUY NIFTY CE sl", "stop_loss", 'nothing follows the word "sl"'),
    ("BUY NIFTY CE sl lots=1", "stop_loss", 'nothing follows the word "sl"'),
    ("BUY NIFTY CE product=MIS", "product", "product in the strategy's settings says it"),
    ("BUY NIFTY=24000 CE", "body", 'the word "NIFTY=24000" is not understood'),
    ("action=BUY strategy= expiry=weekly", "strategy", "two values or none"),
    ("action=BUY lots=1sl=20", "lots", "put spaces or commas between the fields"),
    ("BUY NIFTY CE PE", "option_type", "given twice"),
    ("BUY NIFTY CE stoplos=5", "stop_loss", "did you mean stop_loss?"),
    ("NIFTY 24000 CE", "action", "action is missing"),
    ("BUY NIFTY ITM 1 CE", "strike", "ITM1"),
    ('BUY NIFTY "My Strategy" CE', "body", 'the word "My Strategy" is not understood'),
    ("do not BUY NIFTY CE", "body", 'the word "do" is not understood'),
    (
        "NIFTY250417C23000 buy 1, NIFTY250417P23000 sell 2",
        "action",
        "are two actions; send several alerts as an array",
    ),
    ("BUY " + "CE " * 80, "body", "more than 64 words"),
    (
        "RSI (14): order buy @ 1 filled on NIFTY. New strategy position is 1",
        "body",
        '"RSI" is not understood',
    ),
]


@pytest.mark.parametrize(("text", "blamed", "fragment"), WORDS, ids=[text[:40] for text, _, _ in WORDS])
def test_words_are_refused(text, blamed, fragment):
    refusal = refusal_of(text)
    assert refusal.field == blamed
    assert fragment in refusal.sentence


def test_a_sentence_is_short_and_safe_to_print_whatever_was_sent():
    refusal = refusal_of('{"action": "\u202e<b>' + "x" * 5000 + '\x07"}')
    assert refusal.sentence.isprintable()
    assert refusal.sentence.isascii()
    assert len(refusal.sentence) < 200
