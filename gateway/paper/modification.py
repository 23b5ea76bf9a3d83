"""Modification of a resting order, through the states Kite shows (sample order_info.json)."""

from dataclasses import replace

from gateway.paper.exchange import Exchange
from gateway.paper.instruments import Contract
from gateway.paper.order_forms import Change, OrderRequest
from gateway.paper.orders import Order
from gateway.paper.protection import protect
from gateway.paper.refusals import invalid, modification_limit_exceeded, unprotected_market_order
from gateway.paper.rules import check_order
from gateway.paper.words import OrderType, Status

LIMIT_PER_ORDER = 25
_ON_THE_WAY = (Status.MODIFY_VALIDATION_PENDING, Status.MODIFY_PENDING, Status.MODIFIED)


def modify(exchange: Exchange, order_id: str, change: Change) -> Order:
    """Changes a resting order. `quantity` is the new total. Raises Refusal if a rule forbids it."""
    order = exchange.resting(order_id, "modified")
    if order.modifications >= LIMIT_PER_ORDER:
        raise modification_limit_exceeded()
    contract = exchange.contract(f"{order.exchange}:{order.tradingsymbol}")
    wanted = _changed(exchange, order, change, contract)
    if wanted.quantity <= order.filled:
        raise invalid("quantity")
    check_order(_as_request(wanted), contract, exchange.market.quote(contract))
    for status in _ON_THE_WAY:
        exchange.book.put(replace(order, status=status))
    return exchange.reopen(replace(wanted, modifications=order.modifications + 1))


def _changed(exchange: Exchange, order: Order, change: Change, contract: Contract) -> Order:
    wanted = replace(
        order,
        quantity=change.quantity or order.quantity,
        price=order.price if change.price is None else change.price,
        trigger_price=order.trigger_price if change.trigger_price is None else change.trigger_price,
        order_type=change.order_type or order.order_type,
        validity=change.validity or order.validity,
    )
    return _protected(exchange, wanted, change, contract) if wanted.order_type is OrderType.MARKET else wanted


def _protected(exchange: Exchange, wanted: Order, change: Change, contract: Contract) -> Order:
    """LIMIT to MARKET needs protection too (facts/kite.md 2.2)."""
    if change.market_protection is None:
        raise unprotected_market_order()
    last = exchange.market.quote(contract).last
    limit = protect(wanted.side, last, contract.tick, change.market_protection)
    return replace(wanted, order_type=OrderType.LIMIT, price=limit.price, marks=limit.marks, trigger_price=0)


def _as_request(order: Order) -> OrderRequest:
    return OrderRequest(
        variety=order.variety,
        exchange=order.exchange,
        tradingsymbol=order.tradingsymbol,
        side=order.side,
        quantity=order.quantity,
        product=order.product,
        order_type=order.order_type,
        price=order.price,
        trigger_price=order.trigger_price,
    )
