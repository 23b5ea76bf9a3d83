"""Kite's rows as the domain's words: orders (of book, stream and postback), trades, positions. Pure."""

import json
from collections.abc import Mapping
from decimal import Decimal

from config.logs import redact
from gateway.domain.order import BrokerOrder, BrokerPosition, BrokerTrade, Side
from gateway.kite.fields import Row, integer, moment, number, odd, optional_text, text, units

_ZERO = Decimal(0)


def parse_order(row: Row) -> BrokerOrder:
    """One order row. Beside id, status, symbol, side and quantity all may be missing.

    Raises BrokerError(UNKNOWN) on an odd row. A protected market order shows as LIMIT: orders are known by
    their tags, never by type or price (facts/kite.md 2.3).
    """
    what = f"order {optional_text(row, 'order_id') or '(without an id)'}"
    status = text(row, "status", what)
    quantity = units(row, "quantity", what)
    filled = units(row, "filled_quantity", what, quantity if status == "COMPLETE" else 0)
    cancelled = units(row, "cancelled_quantity", what, 0)
    return BrokerOrder(
        order_id=text(row, "order_id", what),
        status=status,
        status_message=_words(row),
        tags=_tags(row),
        exchange=optional_text(row, "exchange") or "",
        tradingsymbol=text(row, "tradingsymbol", what),
        side=side_of(row, what),
        product=optional_text(row, "product") or "",
        variety=optional_text(row, "variety") or "regular",
        quantity=quantity,
        filled_quantity=filled,
        pending_quantity=units(row, "pending_quantity", what, max(0, quantity - filled - cancelled)),
        cancelled_quantity=cancelled,
        average_price=number(row, "average_price", what, _ZERO),
        order_timestamp=moment(row.get("order_timestamp")),
        price=number(row, "price", what, _ZERO),
        gtt_id=_gtt_id(row.get("meta")),
    )


def _words(row: Row) -> str | None:
    """Kite's own words on the order, without a secret of ours that they may repeat."""
    words = optional_text(row, "status_message") or optional_text(row, "status_message_raw")
    return redact(words) if words else words


def _gtt_id(meta: object) -> int | None:
    """The GTT behind an order: `meta` is an object, or the text of one (facts/kite.md 2.6)."""
    if isinstance(meta, str):
        try:
            meta = json.loads(meta)
        except ValueError:
            return None
    found = meta.get("gtt") if isinstance(meta, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def parse_trade(row: Row) -> BrokerTrade:
    """One trade row. Its `order_timestamp` is a bare time of day and not looked at (facts/kite.md 3.2)."""
    what = f"trade {optional_text(row, 'trade_id') or '(without an id)'}"
    return BrokerTrade(
        trade_id=text(row, "trade_id", what),
        order_id=text(row, "order_id", what),
        exchange=optional_text(row, "exchange") or "",
        tradingsymbol=text(row, "tradingsymbol", what),
        side=side_of(row, what),
        quantity=units(row, "quantity", what),
        price=number(row, "average_price", what),
        filled_at=moment(row.get("fill_timestamp")) or moment(row.get("exchange_timestamp")),
    )


def parse_position(row: Row) -> BrokerPosition:
    """One net position; short is negative."""
    what = f"position {optional_text(row, 'tradingsymbol') or '(without a symbol)'}"
    return BrokerPosition(
        exchange=optional_text(row, "exchange") or "",
        tradingsymbol=text(row, "tradingsymbol", what),
        product=optional_text(row, "product") or "",
        quantity=integer(row, "quantity", what),
        average_price=number(row, "average_price", what, _ZERO),
        last_price=number(row, "last_price", what, _ZERO),
    )


def parse_order_id(answer: object) -> str:
    """The id in the answer to a placing; raises BrokerError(UNKNOWN): without one the order may exist."""
    order_id = optional_text({"order_id": answer}, "order_id")
    if order_id is None:
        raise odd("answer to the order", f"its order_id is {answer!r}")
    return order_id


def side_of(row: Row, what: str) -> Side:
    """Which way an order or a trade goes; never assumed."""
    said = text(row, "transaction_type", what).upper()
    if said not in Side.__members__:
        raise odd(what, f"transaction_type is {said!r}")
    return Side(said)


def _tags(row: Row) -> frozenset[str]:
    """`tag` and `tags` together: Kite adds words of its own to the list (facts/kite.md 2.3)."""
    listed = row.get("tags")
    several = listed if isinstance(listed, list) else []
    return frozenset(each for each in [row.get("tag"), *several] if isinstance(each, str) and each)
