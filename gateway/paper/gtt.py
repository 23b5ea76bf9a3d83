"""Good-till-triggered orders: kept by the broker, fired by the last price (facts/kite.md 2.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.paper.instruments import Contract
from gateway.paper.refusals import Refusal, invalid, missing, unknown_instrument
from gateway.paper.rules import check_quantity
from gateway.paper.trading_days import close_of
from gateway.paper.wire import rupees, stamp
from gateway.paper.words import GttStatus, GttType, OrderType, Product, Side

MOST_ACTIVE: Final = 500


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of firing a leg."""

    time: str
    triggered_at: int
    order_id: str
    rejection_reason: str


@dataclass(frozen=True, kw_only=True)
class Leg:
    """The order behind one trigger value; prices in paise."""

    side: Side
    quantity: int
    order_type: OrderType
    product: Product
    price: int
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class Gtt:
    """One trigger. `last_price` is what the client said it was: it fixes a single trigger's direction."""

    id: int
    type: GttType
    status: GttStatus
    created: str
    updated: str
    expires: str
    exchange: str
    tradingsymbol: str
    token: int
    last_price: int
    triggers: tuple[int, ...]
    legs: tuple[Leg, ...]

    @property
    def active(self) -> bool:
        return self.status is GttStatus.ACTIVE

    def reached(self, last: int) -> int | None:
        """The leg that a last price of `last` paise fires, if any."""
        if self.type is GttType.SINGLE:
            rising = self.triggers[0] > self.last_price
            return 0 if (last >= self.triggers[0] if rising else last <= self.triggers[0]) else None
        if last <= self.triggers[0]:
            return 0
        return 1 if last >= self.triggers[1] else None

    def fired(self, place: int, outcome: Outcome) -> "Gtt":
        legs = tuple(
            replace(leg, outcome=outcome) if at == place else leg for at, leg in enumerate(self.legs)
        )
        return replace(self, status=GttStatus.TRIGGERED, updated=outcome.time, legs=legs)


class _Condition(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    trigger_values: list[float]
    last_price: float


class _Order(msgspec.Struct):
    transaction_type: Side
    quantity: int
    order_type: str
    product: str
    price: float


@dataclass(frozen=True, kw_only=True)
class GttRequest:
    """The three form fields of POST and PUT /gtt/triggers, read."""

    type: GttType
    exchange: str
    tradingsymbol: str
    last_price: int
    triggers: tuple[int, ...]
    legs: tuple[Leg, ...]

    @property
    def key(self) -> str:
        return f"{self.exchange}:{self.tradingsymbol}"


def read_gtt(form: Mapping[str, str]) -> GttRequest:
    """The trigger in the form. Raises Refusal for what cannot be understood or is never allowed."""
    condition = _json(form, "condition", _Condition)
    orders = _json(form, "orders", list[_Order])
    try:
        kind = GttType(form.get("type", ""))
    except ValueError:
        raise invalid("type") from None
    legs = 2 if kind is GttType.TWO_LEG else 1
    if len(condition.trigger_values) != legs or len(orders) != legs:
        raise invalid("trigger_values")
    return GttRequest(
        type=kind,
        exchange=condition.exchange,
        tradingsymbol=condition.tradingsymbol,
        last_price=_paise(condition.last_price),
        triggers=tuple(_paise(value) for value in condition.trigger_values),
        legs=tuple(map(_leg, orders)),
    )


def new_gtt(request: GttRequest, contract: Contract | None, last: int, number: int, now: datetime) -> Gtt:
    """The trigger to keep, at the current price `last` (paise). Raises Refusal."""
    if contract is None or not contract.tradable or contract.expiry is None:
        raise unknown_instrument()
    for leg in request.legs:
        check_quantity(leg.quantity, contract)
    _check_triggers(request, last, contract.tick)
    return Gtt(
        id=number,
        type=request.type,
        status=GttStatus.ACTIVE,
        created=stamp(now),
        updated=stamp(now),
        expires=stamp(close_of(contract.expiry)),
        exchange=request.exchange,
        tradingsymbol=request.tradingsymbol,
        token=contract.token,
        last_price=request.last_price,
        triggers=request.triggers,
        legs=request.legs,
    )


def gtt_row(gtt: Gtt, user_id: str) -> dict[str, Any]:
    """As in the sample gtt_get_order.json."""
    return {
        "id": gtt.id,
        "user_id": user_id,
        "parent_trigger": None,
        "type": gtt.type,
        "created_at": gtt.created,
        "updated_at": gtt.updated,
        "expires_at": gtt.expires,
        "status": gtt.status,
        "condition": {
            "exchange": gtt.exchange,
            "last_price": rupees(gtt.last_price),
            "tradingsymbol": gtt.tradingsymbol,
            "trigger_values": [trigger / 100 for trigger in gtt.triggers],
            "instrument_token": gtt.token,
        },
        "orders": [_leg_row(gtt, leg, user_id) for leg in gtt.legs],
        "meta": {},
    }


def _leg_row(gtt: Gtt, leg: Leg, user_id: str) -> dict[str, Any]:
    order = {
        "exchange": gtt.exchange,
        "tradingsymbol": gtt.tradingsymbol,
        "product": leg.product,
        "order_type": leg.order_type,
        "transaction_type": leg.side,
        "quantity": leg.quantity,
        "price": rupees(leg.price),
    }
    if leg.outcome is None:
        return order | {"result": None}
    meta = msgspec.json.encode({"app_id": 0, "gtt": gtt.id}).decode()
    result = {
        "account_id": user_id,
        **order,
        "validity": "DAY",
        "meta": meta,
        "timestamp": leg.outcome.time,
        "triggered_at": rupees(leg.outcome.triggered_at),
        "order_result": {
            "status": "success" if leg.outcome.order_id else "failed",
            "order_id": leg.outcome.order_id,
            "rejection_reason": leg.outcome.rejection_reason,
        },
    }
    return order | {"result": result}


def _leg(order: _Order) -> Leg:
    if order.order_type != OrderType.LIMIT:
        raise Refusal("Only LIMIT orders are allowed when a GTT is triggered.")
    if order.product != Product.NRML:
        raise Refusal(f"Invalid product {order.product}: GTT orders of index options can only be NRML.")
    return Leg(
        side=order.transaction_type,
        quantity=order.quantity,
        order_type=OrderType.LIMIT,
        product=Product.NRML,
        price=_paise(order.price),
    )


def _check_triggers(request: GttRequest, last: int, tick: int) -> None:
    """On the tick, ascending around the price, and far enough from it: 0.25 %, or 9 paise up to Rs 50."""
    distance = last * 0.0025 if last > 5_000 else 9
    for trigger in request.triggers:
        if trigger % tick:
            raise Refusal("Trigger price is not a multiple of tick size.")
        if abs(trigger - last) < distance:
            raise Refusal(
                "Trigger price is too close to the last traded price. It should be at least 0.25% away."
            )
    if request.type is GttType.TWO_LEG and not request.triggers[0] < last < request.triggers[1]:
        raise Refusal(
            "Trigger already met: the trigger prices should be on both sides of the last traded price."
        )


def _paise(value: float) -> int:
    return round(value * 100)


def _json(form: Mapping[str, str], field: str, kind: Any) -> Any:
    text = form.get(field)
    if not text:
        raise missing(field)
    try:
        return msgspec.json.decode(text, type=kind, strict=False)
    except msgspec.MsgspecError:
        raise invalid(field) from None
