"""What a field that is not known speaks of by its name: dropped in silence, it could mean another order."""

import re
from dataclasses import dataclass
from functools import lru_cache

from gateway.domain.signal import Action
from gateway.ingress.grammar.actions import action_word
from gateway.ingress.grammar.names import look_up, normal
from gateway.ingress.grammar.text import tidy
from gateway.ingress.grammar.tree import Node, Pairs

#: Names that mean `option_type` only where their value is one: `"type": "alert"` is something else.
SOFT_TYPES = frozenset({"type", "right", "option", "cepe", "pece", "ceorpe", "callput", "putcall", "leg"})
#: Names that mean `symbol` only where their value is one.
SOFT_SYMBOLS = frozenset(
    {"index", "indexname", "scrip", "pair", "asset", "contract", "root", "stock"}
    | {"symbolname", "instrumentname", "basesymbol"}
)
#: Names of a size that could be units or lots.
SIZES = frozenset(
    {"contracts", "ordercontracts", "numcontracts", "noofcontracts", "numberofcontracts"}
    | {"size", "ordersize", "amount"}
)
#: Names whose value, where it is a word for an action, must not speak against the action.
_SIDES = frozenset(
    {
        "signal",
        "signaltype",
        "order",
        "ordertype",
        "ordersignal",
        "type",
        "tradetype",
        "transaction",
        "txntype",
    }
    | {"position", "cmd", "command", "operation", "instruction", "bs"}
)
#: Fields that inside an object or a list of another field would be an order's own.
_OF_AN_ORDER = frozenset(
    {"action", "option_type", "strike", "quantity", "lots", "expiry", "stop_loss", "target", "trailing_stop"}
)
_NOTHING = frozenset({"", "0", "0.0", "null", "none", "false"})
_ORDER_TYPES = frozenset({"ordertype", "pricetype", "variety", "validity", "timeinforce", "tif"})
#: What those may say of every order here.
_USUAL = frozenset({"market", "mkt", "regular", "day"})
_PRICED = frozenset({"limit", "lmt", "stoplimit", "sl", "slm", "stop"})
_MODES = frozenset({"mode", "env", "environment", "tradingmode", "trademode"})
_VENUES = frozenset(
    {"paper", "papertrade", "papertrading", "live", "test", "sandbox", "demo", "dryrun", "simulation"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """`field` is blamed (None: the name that was sent), `right` says what would be right here."""

    field: str | None
    right: str


def _use(field: str, example: str = "") -> Topic:
    return Topic(field=field, right=f"use {field}{example}, or remove it")


_PRICE = Topic(field=None, right="orders are sent as pricing in the strategy's settings says; remove it")
_VENUE = Topic(field=None, right="venue in the strategy's settings says paper or live; remove it")
_SIDE = _use("action", " (BUY, SELL or exit)")
_TOPICS: tuple[tuple[re.Pattern[str], Topic], ...] = tuple(
    (re.compile(pattern), topic)
    for pattern, topic in (
        (r"stop|trail|^sl(?:\d+|price|points?|pct|perc|percent)?$", _use("stop_loss")),
        (r"target|takeprofit|^(?:tp|tgt)(?:\d+|price|points?|pct|perc|percent)?$", _use("target")),
        (
            (
                r"qty|quantit|(?<![psi])lots|(?<![psi])lot(?:size|count|no|num|number|multiplier)?\d*$"
                r"|^(?:no|num|number|total|order|trade|of)*units?$|^(?:trade|entry|fixed|base)size$"
                r"|^(?:capital|multiplier|risk(?:pct|perc|percent|amount|size)?)$"
            ),
            _use("lots", " or quantity (units)"),
        ),
        (
            (
                r"^(?:trade|order|signal|position)?direction$|^(?:trade|order|position)side$"
                r"|^(?:trade|signal)action$|^buy(?:or)?sell$"
            ),
            _SIDE,
        ),
        (
            r"^(?:ce|pe)(?:or)?(?:pe|ce)$|^(?:call|put)(?:or)?(?:put|call)$",
            _use("option_type", " (CE or PE)"),
        ),
        (
            r"strike|moneyness|^(?:atm|itm|otm)(?:offset|level|depth|distance|steps?|points?|plus|minus)?\d*$",
            _use("strike", ", such as 24000, ATM or OTM2"),
        ),
        (
            (
                r"expir|^exp(?:day|week|month|type|offset)$|^dte$|^(?:week|month)ly$"
                r"|^(?:this|current|next)(?:week|month)$"
            ),
            _use("expiry", ", such as 2026-12-01, weekly, monthly or next"),
        ),
        (
            (
                r"limitprice|pricelimit|^(?:limit|limitorder|lmt|lmtprice|pricing|amo)$|^trig(?:ger)?price$"
                r"|^(?:max|min)price$|^(?:order|price)type$|^(?:variety|validity|timeinforce|tif)$"
            ),
            _PRICE,
        ),
        (
            r"^(?:order|trade)?product(?:type|code)?$|^(?:mis|nrml|intraday)$",
            Topic(field=None, right="product in the strategy's settings says it; remove it"),
        ),
        (r"^(?:is)?(?:venue|virtual|(?:paper|live)(?:mode|trade|trading)?)$", _VENUE),
        (
            (
                r"^(?:is)?(?:dry(?:run)?|test(?:ing|only|alert|order)?|simulat(?:e|ed|ion)|sandbox|demo|backtest"
                r"|preview|validateonly)(?:mode)?$"
            ),
            Topic(field=None, right="every alert is acted on: practise with venue paper; remove it"),
        ),
        (
            r"^(?:order|option|trade)?legs$|^orders$|^basket$",
            Topic(field=None, right="send several alerts as an array, [{...}, {...}]"),
        ),
    )
)


def topic_of(word: str, node: Node) -> Topic | None:
    """What an unknown field, its name in normal form, says that must not be dropped; None if nothing."""
    topic = _named(word)
    if topic is not None:
        return None if word in _ORDER_TYPES and normal(str(node)) in _USUAL else topic
    if word in _SIDES and normal(str(node)) in _PRICED:
        return _PRICE
    return _VENUE if word in _MODES and normal(str(node)) in _VENUES else None


def side_of(word: str, node: Node) -> Action | None:
    """The action that an unknown field speaks of, `"signal": "SELL"`; None if it speaks of none."""
    if not isinstance(node, str) or not (word in _SIDES or _named(word) is _SIDE):
        return None
    parts = action_word(tidy(node))
    return None if parts is None else next(value for _, value in parts if isinstance(value, Action))


def is_against(side: Action, text: str, action: Action) -> bool:
    """Whether a side, written so, contradicts an action.

    An exit leaves either side; what a SELL closes may be called an exit, or by its position: long.
    """
    if action is Action.BUY:
        return side is not action
    return action is Action.SELL and side is Action.BUY and tidy(text).lower() != "long"


def says_nothing(node: Node) -> bool:
    """Whether a value is empty, zero or false: its field may then be dropped."""
    return tidy(node).lower() in _NOTHING if isinstance(node, str) else not node


def order_inside(node: Node) -> str | None:
    """The first field of an order inside an object or a list; None without any."""
    if not isinstance(node, list):
        return None
    if not isinstance(node, Pairs):
        return next((found for item in node if (found := order_inside(item)) is not None), None)
    for name, value in node:
        field, word = look_up(name)
        if not says_nothing(value) and (
            field in _OF_AN_ORDER or (field is None and _named(word) is not None)
        ):
            return name
        if (found := order_inside(value)) is not None:
            return found
    return None


@lru_cache(maxsize=1024)
def _named(word: str) -> Topic | None:
    return next((topic for pattern, topic in _TOPICS if pattern.search(word)), None)
