"""Every form an alert may take, and the signal it says."""

# ruff: noqa: E501  the bodies stand as they arrive

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.signal import (
    Action,
    ExpiryKind,
    ExpiryRule,
    Level,
    LevelKind,
    MarketPosition,
    Signal,
    StrikeKind,
    StrikeRule,
)
from gateway.ingress.payload import parse_body

CE, PE = OptionType.CE, OptionType.PE
WEEKLY, MONTHLY, NEXT = (
    ExpiryRule(kind=kind) for kind in (ExpiryKind.WEEKLY, ExpiryKind.MONTHLY, ExpiryKind.NEXT)
)


def strike(value, kind=StrikeKind.PRICE):
    return StrikeRule(kind=kind, value=Decimal(value))


def price(value):
    return Level(kind=LevelKind.PRICE, value=Decimal(value))


def percent(value):
    return Level(kind=LevelKind.PERCENT, value=Decimal(value))


def on(year, month, day):
    return ExpiryRule(kind=ExpiryKind.DATE, day=date(year, month, day))


def at(*moment):
    return datetime(*moment, tzinfo=UTC)


def parsed(body):
    (signal,) = parse_body(body if isinstance(body, bytes) else body.encode())
    return signal


def test_an_ordinary_alert_says_all_its_fields():
    body = """{
      "action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": 24000, "quantity": 65,
      "expiry": "2026-12-01", "stop_loss": 140.0, "target": 180.0, "strategy": "RSI Divergence",
      "id": "NIFTY-2026-11-23T09:56:00Z", "time": "2026-11-23T09:56:00Z", "price": 24013.45,
      "market_position": "long", "prev_market_position": "flat", "position_size": 1
    }"""
    assert parsed(body) == Signal(
        action=Action.BUY,
        symbol="NIFTY",
        option_type=CE,
        strike=strike(24000),
        quantity=65,
        expiry=on(2026, 12, 1),
        stop_loss=price(140),
        target=price(180),
        strategy="RSI Divergence",
        id="NIFTY-2026-11-23T09:56:00Z",
        time=at(2026, 11, 23, 9, 56),
        price=Decimal("24013.45"),
        market_position="long",
        prev_market_position="flat",
        position_size=Decimal(1),
    )


FIELDS = [
    # actions
    ('"action": "buy"', {"action": Action.BUY}),
    ('"side": "Long"', {"action": Action.BUY}),
    ('"action": "sell"', {"action": Action.SELL}),
    ('"action": "SHORT"', {"action": Action.SELL}),
    ('"action": "exit"', {"action": Action.EXIT}),
    ('"action": "close"', {"action": Action.EXIT}),
    ('"action": "flat"', {"action": Action.EXIT}),
    ('"action": "closelong"', {"action": Action.EXIT, "position": MarketPosition.LONG}),
    ('"action": "exit_long"', {"action": Action.EXIT, "position": MarketPosition.LONG}),
    ('"action": "exit_short"', {"action": Action.EXIT, "position": MarketPosition.SHORT}),
    ('"action": "close short"', {"action": Action.EXIT, "position": MarketPosition.SHORT}),
    ('"action": "SHORTEXIT"', {"action": Action.EXIT, "position": MarketPosition.SHORT}),
    (
        '"action": "close_short_pe"',
        {"action": Action.EXIT, "position": MarketPosition.SHORT, "option_type": PE},
    ),
    ('"action": "close_all"', {"action": Action.EXIT}),
    ('"action": "buy_ce"', {"action": Action.BUY, "option_type": CE}),
    ('"action": "BUY PUT"', {"action": Action.BUY, "option_type": PE}),
    ('"Action": " BUY\u200b "', {"action": Action.BUY}),
    # symbols
    ('"symbol": "nifty"', {"symbol": "NIFTY"}),
    ('"symbol": "NSE:NIFTY"', {"symbol": "NIFTY"}),
    ('"ticker": "NSE:BANKNIFTY"', {"symbol": "BANKNIFTY"}),
    ('"symbol": "BSE:SENSEX"', {"symbol": "SENSEX"}),
    ('"symbol": "NSE_DL:NIFTY"', {"symbol": "NIFTY"}),
    ('"symbol": "NSE_DLY:NIFTY1!"', {"symbol": "NIFTY"}),
    ('"symbol": "NFO:BANKNIFTY2!"', {"symbol": "BANKNIFTY"}),
    ('"symbol": "NIFTYNXT501!"', {"symbol": "NIFTYNXT50"}),
    ('"symbol": "NIFTYZ2026"', {"symbol": "NIFTY"}),
    ('"symbol": "NIFTY 50"', {"symbol": "NIFTY"}),
    ('"symbol": "NIFTY50"', {"symbol": "NIFTY"}),
    ('"symbol": "NIFTYBANK"', {"symbol": "BANKNIFTY"}),
    ('"symbol": "BANK NIFTY"', {"symbol": "BANKNIFTY"}),
    ('"symbol": "NSE:CNXFINANCE"', {"symbol": "FINNIFTY"}),
    ('"symbol": "NSE:NIFTY_MID_SELECT"', {"symbol": "MIDCPNIFTY"}),
    ('"symbol": "NIFTY NEXT 50"', {"symbol": "NIFTYNXT50"}),
    ('"symbol": "BSE:BSX1!"', {"symbol": "SENSEX"}),
    ('"symbol": "BANKEX"', {"symbol": "BANKEX"}),
    (
        '"symbol": "NSE:NIFTY261201C24000"',
        {"symbol": "NIFTY", "option_type": CE, "strike": strike(24000), "expiry": on(2026, 12, 1)},
    ),
    (
        '"symbol": "NIFTYNXT50261229P65000.5"',
        {"symbol": "NIFTYNXT50", "option_type": PE, "strike": strike("65000.5"), "expiry": on(2026, 12, 29)},
    ),
    (
        '"symbol": "BSE:BSX261203P80000", "option_type": "PE", "strike": 80000, "expiry": "2026-12-03"',
        {"symbol": "SENSEX", "option_type": PE, "strike": strike(80000), "expiry": on(2026, 12, 3)},
    ),
    ('"symbol": "NIFTY 24000 CE"', {"symbol": "NIFTY", "option_type": CE, "strike": strike(24000)}),
    ('"symbol": "NIFTY", "ticker": "NSE:NIFTY1!"', {"symbol": "NIFTY"}),
    ('"index": "BANKNIFTY"', {"symbol": "BANKNIFTY"}),
    ('"index": 5', {"ignored": ("index",)}),
    (
        '"contract": "NIFTY261201C24000"',
        {"symbol": "NIFTY", "option_type": CE, "strike": strike(24000), "expiry": on(2026, 12, 1)},
    ),
    # option types
    ('"option_type": "call"', {"option_type": CE}),
    ('"option_type": "P"', {"option_type": PE}),
    ('"optionType": "pe"', {"option_type": PE}),
    ('"Option Type": "CE"', {"option_type": CE}),
    ('"type": "PUT"', {"option_type": PE}),
    ('"right": "C"', {"option_type": CE}),
    ('"type": "alert"', {"ignored": ("type",)}),
    ('"cepe": "PE"', {"option_type": PE}),
    ('"leg": "call"', {"option_type": CE}),
    # strikes
    ('"strike": 24013.45', {"strike": strike("24013.45")}),
    ('"strike": "24000"', {"strike": strike(24000)}),
    ('"strike": 24013.45 + 100', {"strike": strike("24113.45")}),
    ('"strike": "24013.45 + 100"', {"strike": strike("24113.45")}),
    ('"strike": "24013.45" * 0.95', {"strike": strike("22812.7775")}),
    ('"strike": (24013.45 - 13.45) / 100 * (2 - -98)', {"strike": strike(24000)}),
    ('"strike": 2.4e4', {"strike": strike(24000)}),
    ('"strike": ATM', {"strike": strike(0, StrikeKind.ATM)}),
    ('"strike": "atm+2"', {"strike": strike(2, StrikeKind.ATM)}),
    ('"strike": "ATM - 1"', {"strike": strike(-1, StrikeKind.ATM)}),
    ('"strike": ATM + 2', {"strike": strike(2, StrikeKind.ATM)}),
    ('"strike": "ATM" + 2', {"strike": strike(2, StrikeKind.ATM)}),
    ('"strike": "ITM1"', {"strike": strike(1, StrikeKind.ITM)}),
    ('"strike_price": OTM3', {"strike": strike(3, StrikeKind.OTM)}),
    ('"strike": ""', {}),
    # quantities
    ('"quantity": "65"', {"quantity": 65}),
    ('"qty": 65.0', {"quantity": 65}),
    ('"quantity": "65.000"', {"quantity": 65}),
    ('"quantity": 1.3e2', {"quantity": 130}),
    ('"quantity": 2 * 65', {"quantity": 130}),
    ('"quantity": "1 lot"', {"lots": 1}),
    ('"quantity": "130 units"', {"quantity": 130}),
    ('"lots": "2 lots"', {"lots": 2}),
    ('"lots": 2, "quantity": 130', {"lots": 2, "quantity": 130}),
    ('"num_lots": 3', {"lots": 3}),
    ('"no_of_lots": "3"', {"lots": 3}),
    ('"numberOfLots": 3, "lots": 3', {"lots": 3}),
    ('"contracts": 1, "lots": 1', {"lots": 1, "ignored": ("contracts",)}),
    # expiries
    ('"expiry": "2026-12-01"', {"expiry": on(2026, 12, 1)}),
    ('"expiry": "01-Dec-2026"', {"expiry": on(2026, 12, 1)}),
    ('"expiry": "1 December 2026"', {"expiry": on(2026, 12, 1)}),
    ('"expiry": 261201', {"expiry": on(2026, 12, 1)}),
    ('"expiry": "20261201"', {"expiry": on(2026, 12, 1)}),
    ('"expiry": "Weekly"', {"expiry": WEEKLY}),
    ('"expiry_date": monthly', {"expiry": MONTHLY}),
    ('"expiry": "next"', {"expiry": NEXT}),
    ('"expiration_date": "2026-12-01"', {"expiry": on(2026, 12, 1)}),
    ('"expiry": ""', {}),
    # levels
    ('"stop_loss": 24013.45 * 0.95', {"stop_loss": price("22812.7775")}),
    ('"sl": "140.5"', {"stop_loss": price("140.5")}),
    ('"stopLoss": "-20%"', {"stop_loss": percent(-20)}),
    ('"stop-loss": 20%', {"stop_loss": percent(-20)}),
    ('"STOP LOSS": "−12.5 %"', {"stop_loss": percent("-12.5")}),  # noqa: RUF001
    ('"target": "+30%"', {"target": percent(30)}),
    ('"tp": 30%', {"target": percent(30)}),
    ('"take_profit": 180', {"target": price(180)}),
    ('"trailing_stop": "10%"', {"trailing_stop": percent(10)}),
    ('"trailing_stop": "-10 %"', {"trailing_stop": percent(10)}),
    ('"trail": 15.5', {"trailing_stop": price("15.5")}),
    ('"trailingStop": 0', {}),
    ('"stop_loss": 0, "target": ""', {}),
    ('"stop_loss": "0%", "target": "0 %"', {}),
    ('"stop_loss": null, "target": "none"', {}),
    # the rest
    ('"strategy": "Größe \u202e– 5m\\n"', {"strategy": "Größe – 5m"}),  # noqa: RUF001
    ('"strategy": null', {"strategy": "default"}),
    ('"strategy": "RSI #2" # the second\n', {"strategy": "RSI #2"}),
    ('"strategy": // mine\n"RSI // v2"', {"strategy": "RSI // v2"}),
    ("strategy: RSI, # mine\n", {"strategy": "RSI"}),
    ('"strategy": null // none\n', {"strategy": "default"}),
    ("strategy: RSI /* v2 */", {"strategy": "RSI"}),
    ('"id": 12345', {"id": "12345"}),
    ('"alert_id": "NIFTY-5"', {"id": "NIFTY-5"}),
    ('"time": "2026-11-23T15:26:00+05:30"', {"time": at(2026, 11, 23, 9, 56)}),
    ('"time": "2026-11-23 09:56:00.250"', {"time": at(2026, 11, 23, 9, 56, 0, 250_000)}),
    ('"time": 1795427760', {"time": at(2026, 11, 23, 9, 56)}),
    ('"time": "1795427760000"', {"time": at(2026, 11, 23, 9, 56)}),
    (
        '"time": "2026-11-23T09:55:00Z", "timenow": "2026-11-23T09:56:03Z"',
        {"time": at(2026, 11, 23, 9, 56, 3)},
    ),
    (
        '"timenow": "2026-11-23T09:56:03Z", "time": "2026-11-23T09:55:00Z"',
        {"time": at(2026, 11, 23, 9, 56, 3)},
    ),
    ('"price": "150.50"', {"price": Decimal("150.5")}),
    ('"price": 0', {}),
    ('"market_position": "FLAT"', {"market_position": "flat"}),
    ('"position_size": "-65.0"', {"position_size": Decimal(-65)}),
    (
        '"comment": "hi {{close}}", "Exchange": "NSE", "interval": 5, "close": 24013.45',
        {"ignored": ("comment", "Exchange", "interval", "close")},
    ),
    ('"secret": "s3cret"', {}),
    # what says no other order than the one that is sent
    ('"order_type": "MARKET"', {"ignored": ("order_type",)}),
    ('"validity": "DAY", "variety": "regular"', {"ignored": ("validity", "variety")}),
    ('"signal": "buy"', {"ignored": ("signal",)}),
    ('"direction": "long"', {"ignored": ("direction",)}),
    ('"signal": "RSI crosses 70"', {"ignored": ("signal",)}),
    ('"action": "SELL", "direction": "short"', {"action": Action.SELL, "ignored": ("direction",)}),
    ('"action": "SELL", "direction": "flat"', {"action": Action.SELL, "ignored": ("direction",)}),
    ('"action": "SELL", "position": "long"', {"action": Action.SELL, "ignored": ("position",)}),
    ('"action": "SELL", "positionSide": "LONG"', {"action": Action.SELL, "ignored": ("positionSide",)}),
    ('"direction": "short", "action": "exit"', {"action": Action.EXIT, "ignored": ("direction",)}),
    (
        '"dry_run": false, "limit_price": 0, "product": "", "legs": [], "num_contracts": null',
        {"ignored": ("dry_run", "limit_price", "product", "legs", "num_contracts")},
    ),
    ('"mode": "5m", "order": "Long #1"', {"ignored": ("mode", "order")}),
    ('"bar": {"time": 5, "close": 1, "symbol": "x"}, "tags": ["BUY", "a"]', {"ignored": ("bar", "tags")}),
]


HARMLESS = [
    *("exchange", "interval", "timeframe", "open", "high", "low", "close", "volume", "bar_time", "bar_index"),
    *("comment", "message", "note", "reason", "alert_name", "alert_message", "name", "bot", "bot_name", "botId"),
    *("order_id", "order_comment", "order_alert_message", "market_position_size", "prev_market_position_size"),
    *("plot_0", "plot_19", "plots_seen", "currency", "basecurrency", "rsi", "ema_fast", "score", "signal_strength"),
    *("slot", "pilot", "experiment", "expected_move", "expert", "explanation", "latest", "contest", "production"),
    *("trend_direction", "inside", "unlimited", "time_limit", "risk_reward", "version", "user", "account", "source"),
    *("broker", "chart", "delivery", "premium", "entry", "script_name", "license", "symbol_type", "time_unit"),
]  # fmt: skip


@pytest.mark.parametrize("value", ["1", '"on"', "true", '"Long"', '"{{close}}"'])
@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_name_is_ignored_whatever_it_says(name, value):
    assert parsed(f'{{"action": "SELL", "{name}": {value}}}') == Signal(action=Action.SELL, ignored=(name,))


@pytest.mark.parametrize(("field", "said"), FIELDS, ids=[field for field, _ in FIELDS])
def test_a_field_says(field, said):
    body = "{" + field + ("" if "action" in said else ', "action": "BUY"') + "}"
    assert parsed(body) == Signal(**{"action": Action.BUY, **said})


NIFTY_CALL = Signal(action=Action.BUY, symbol="NIFTY", option_type=CE, strike=strike(24000), lots=1)
DRESSES = {
    "strict": '{"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1}',
    "trailing comma": '{"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1,}',
    "trailing newline": '{"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1}\n',
    "CRLF": '{\r\n"action":"BUY",\r\n"symbol":"NIFTY",\r\n"option_type":"CE",\r\n"strike":24000 ,\r\n"lots":1\r\n}\r\n',
    "BOM": '\ufeff{"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1}',
    "smart quotes": "{“action”:“BUY”,“symbol”:“NIFTY”,“option_type”:“CE”,“strike”:24000,“lots”:“1”}",
    "half smart": '{"action":“BUY”,"symbol”:“NIFTY","option_type":‘CE’,"strike":24000,"lots":1}',  # noqa: RUF001
    "single quotes": "{'action':'BUY','symbol':'NIFTY','option_type':'CE','strike':24000,'lots':1}",
    "bare": "{action: BUY, symbol: NIFTY, option_type: CE, strike: 24000, lots: 1}",
    "equals": "{action=BUY, symbol=NIFTY, option type=CE, strike=24000, lots=1}",
    "comments": '// mine\n{"action":"BUY", /* a\nb */ "symbol":"NIFTY", # c\n"option_type":"CE","strike":24000 // d\n,"lots":1}',
    "comments behind bare values": "{action: BUY, // long\nsymbol: NIFTY, # mine\noption_type: CE // call\n, strike: # listed\n 24000,\nlots: 1 # not 2\n}",
    "doubled": '{""action"":""BUY"",""symbol"":""NIFTY"",""option_type"":""CE"",""strike"":24000,""lots"":1,""id"":""""}',
    "a CSV cell": '"{""action"":""BUY"",""symbol"":""NIFTY"",""option_type"":""CE"",""strike"":24000,""lots"":1}"',
    "JSON in JSON": '"{\\"action\\":\\"BUY\\",\\"symbol\\":\\"NIFTY\\",\\"option_type\\":\\"CE\\",\\"strike\\":24000,\\"lots\\":1}"',
    "form field": "payload=%7B%22action%22:%22BUY%22,%22symbol%22:%22NIFTY%22,%22option_type%22:%22CE%22,%22strike%22:24000,%22lots%22:1%7D",
    "form body": "%7B%22action%22:%22BUY%22,%22symbol%22:%22NIFTY%22,%22option_type%22:%22CE%22,%22strike%22:24000,%22lots%22:1%7D=",
    "form without escapes": '{"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1}=',
    "named": 'payload={"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1}',
    "form pairs": "action=BUY&symbol=NIFTY&option_type=CE&strike=24000&lots=1&strategy=",
    "lines": "action: BUY\nsymbol: NIFTY\noption_type: CE\nstrike: 24000\nlots: 1\n",
    "no braces": '"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1',
    "array of one": '[{"action":"BUY","symbol":"NIFTY","option_type":"CE","strike":24000,"lots":1}]',
    "words": "BUY NIFTY 24000 CE 1 lot",
    "words in JSON": '"BUY NIFTY 24000 CE 1 lot"',
}


@pytest.mark.parametrize("body", DRESSES.values(), ids=DRESSES)
def test_one_alert_in_any_dress_says_the_same(body):
    assert parsed(body) == NIFTY_CALL


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_alert_in_any_encoding_says_the_same(encoding):
    assert parsed(DRESSES["strict"].encode(encoding)) == NIFTY_CALL


def test_an_array_is_several_alerts_in_order():
    body = b'[{"action":"SELL","strategy":"a"}, "BUY CE", {"action":"BUY","strategy":"b","strike":24013.45 + 100}]'
    assert parse_body(body) == (
        Signal(action=Action.SELL, strategy="a"),
        Signal(action=Action.BUY, option_type=CE),
        Signal(action=Action.BUY, strategy="b", strike=strike("24113.45")),
    )


def test_ignored_names_are_escaped_and_bounded():
    extra = ", ".join(f'"x\\u202e{at}{"y" * 100}": 1' for at in range(30))
    ignored = parsed('{"action": "BUY", ' + extra + "}").ignored
    assert len(ignored) == 20
    assert all(len(name) <= 40 and name.isascii() and name.isprintable() for name in ignored)


def test_every_time_is_in_utc():
    assert parsed('{"action": BUY, "time": "2026-11-23T15:26:00+0530"}').time.tzinfo is UTC


def test_a_signal_holds_plain_texts():
    signal = parsed('{"action": BUY, "id": 5, "strategy": RSI}')
    assert {type(signal.id), type(signal.strategy)} == {str}
