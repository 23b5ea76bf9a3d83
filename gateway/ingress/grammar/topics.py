"""What a field that is not known speaks of by its name: dropped in silence, it could mean another order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.domain.contract import OptionType
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
#: Fields that no exit takes anything from: it closes what is held, whatever strike its alert carries by then.
OF_ENTRIES = frozenset({"strike", "expiry", "stop_loss", "target", "trailing_stop", "price"})
_NOTHING = frozenset({"", "0", "0.0", "null", "none", "false"})
_ORDER_TYPES = frozenset({"ordertype", "pricetype", "variety", "validity", "timeinforce", "tif"})
#: What those may say of every order here.
_USUAL = frozenset({"market", "mkt", "regular", "day"})
_PRICED = frozenset({"limit", "lmt", "stoplimit", "sl", "slm", "stop"})
_MODES = frozenset({"mode", "env", "environment", "tradingmode", "trademode"})
_PRACTICES = frozenset(
    {"paper", "papertrade", "papertrading", "test", "sandbox", "demo", "dryrun", "simulation"}
)
_VENUES = _PRACTICES | {"live"}
_PRACTICE_NAMES = ("paper", "virtual")


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """`field` is blamed (None: the name that was sent), `right` says what would be right here.

    `of_exits`: whether it would make an exit another one, too; else it speaks of entries alone.
    """

    field: str | None
    right: str
    of_exits: bool = False


def _use(field: str, example: str = "", *, of_exits: bool = False) -> Topic:
    return Topic(field=field, right=f"use {field}{example}, or remove it", of_exits=of_exits)


_PRICE = Topic(field=None, right="orders are sent as pricing in the strategy's settings says; remove it")
_VENUE = Topic(field=None, right="venue in the strategy's settings says paper or live; remove it")
#: Of what it says is not real nothing is sent, an exit neither.
_PRACTICE = replace(_VENUE, of_exits=True)
_SIDE = _use("action", " (BUY, SELL or exit)")
_TOPICS: tuple[tuple[re.Pattern[str], Topic], ...] = tuple(
    (re.compile(pattern), topic)
    for pattern, topic in (
        (r"stop|trail|^sl(?:\d+|price|points?|pct|perc|percent)?$", _use("stop_loss")),
        (r"target|takeprofit|^(?:tp|tgt)(?:\d+|price|points?|pct|perc|percent)?$", _use("target")),
        (
            (
                r"(?<![psi])lot(?:size|multiplier)\d*$|(?:qty|quantity)(?:type|mode)$"
                r"|^(?:capital|multiplier|risk(?:pct|perc|percent|amount|size)?)$"
            ),
            _use("lots", " or quantity (units)"),
        ),
        (
            (
                r"qty|quantit|(?<![psi])lots|(?<![psi])lot(?:count|no|num|number)?\d*$"
                r"|^(?:no|num|number|total|order|trade|of)*units?$|^(?:trade|entry|fixed|base)size$"
            ),
            _use("lots", " or quantity (units)", of_exits=True),
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
            _use("option_type", " (CE or PE)", of_exits=True),
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
            Topic(
                field=None,
                right="every alert is acted on: practise with venue paper; remove it",
                of_exits=True,
            ),
        ),
        (
            r"^(?:order|option|trade)?legs$|^orders$|^basket$",
            Topic(field=None, right="send several alerts as an array, [{...}, {...}]", of_exits=True),
        ),
    )
)


def topic_of(word: str, node: Node) -> Topic | None:
    """What an unknown field, its name in normal form, says that must not be dropped; None if nothing."""
    topic = _named(word)
    if topic is _VENUE:
        return _venue(word, node)
    if topic is not None:
        return None if word in _ORDER_TYPES and normal(str(node)) in _USUAL else topic
    if word in _SIDES and normal(str(node)) in _PRICED:
        return _PRICE
    return _venue(word, node) if word in _MODES and normal(str(node)) in _VENUES else None


def _venue(word: str, node: Node) -> Topic:
    is_practice = any(name in word for name in _PRACTICE_NAMES) or normal(str(node)) in _PRACTICES
    return _PRACTICE if is_practice else _VENUE


def side_of(word: str, node: Node) -> Action | None:
    """The action that an unknown field speaks of, `"signal": "SELL"`; None if it speaks of none."""
    if not isinstance(node, str) or not (word in _SIDES or _named(word) is _SIDE):
        return None
    parts = action_word(tidy(node))
    return None if parts is None else next(value for _, value in parts if isinstance(value, Action))


def is_against(side: Action, text: str, action: Action) -> bool:
    """Whether a side, written so, contradicts an action (see `against_which`).

    An exit leaves either side; what a SELL closes may be called an exit, or by its position: long.
    """
    if action is Action.BUY:
        return side is not action
    return action is Action.SELL and side is Action.BUY and tidy(text).lower() != "long"


def against_which(side: Action) -> OptionType | None:
    """Of which option type an entry is contradicted by the other side; None: of every one.

    The word may be the chart's. An index short is followed by a put that is bought, and a long by one that is
    written: only of calls do the chart of the index and that of the option say the same.
    """
    return None if side is Action.EXIT else OptionType.CE


def says_nothing(node: Node) -> bool:
    """Whether a value is empty, zero or false: its field may then be dropped."""
    return tidy(node).lower() in _NOTHING if isinstance(node, str) else not node


def order_inside(node: Node) -> Iterator[tuple[str, bool]]:
    """The fields of an order inside an object or a list, each with whether it would be an exit's, too."""
    if not isinstance(node, list):
        return
    if not isinstance(node, Pairs):
        for item in node:
            yield from order_inside(item)
        return
    for name, value in node:
        field, word = look_up(name)
        topic = _named(word) if field is None else None
        if not says_nothing(value) and (field in _OF_AN_ORDER or topic is not None):
            said = topic_of(word, value) if topic is not None else None
            yield name, field not in OF_ENTRIES if topic is None else bool(said and said.of_exits)
        yield from order_inside(value)


@lru_cache(maxsize=1024)
def _named(word: str) -> Topic | None:
    return next((topic for pattern, topic in _TOPICS if pattern.search(word)), None)
