"""Whether an order may be accepted at all: the input faults Kite refuses at once, in its own words."""

from gateway.paper.instruments import Contract
from gateway.paper.market import Quote
from gateway.paper.order_forms import OrderRequest
from gateway.paper.refusals import Refusal, invalid, off_tick, over_freeze, unprotected_market_order
from gateway.paper.wire import rupees
from gateway.paper.words import OrderType, Side

TAG_LENGTH = 20


def check_order(order: OrderRequest, contract: Contract, quote: Quote) -> None:
    """Raises Refusal for the first rule the order breaks."""
    check_tag(order.tag)
    check_quantity(order.quantity, contract)
    check_prices(order, contract)
    check_trigger(order, quote)
    check_circuit(order, quote)


def check_tag(tag: str | None) -> None:
    """Longer tags are refused, not cut (facts/kite.md 2.2)."""
    if tag is not None and (len(tag) > TAG_LENGTH or not (tag.isascii() and tag.isalnum())):
        raise Refusal(f"Invalid `tag`. It should be alphanumeric and of at most {TAG_LENGTH} characters.")


def check_quantity(quantity: int, contract: Contract) -> None:
    if quantity <= 0:
        raise invalid("quantity")
    if quantity % contract.lot_size:
        raise Refusal(f"Invalid `quantity`. Quantity should be a multiple of {contract.lot_size}.")
    if quantity > contract.freeze_quantity:
        raise over_freeze(quantity, contract.lot_size, contract.largest_order)


def check_prices(order: OrderRequest, contract: Contract) -> None:
    """MARKET and SL-M need protection, LIMIT and SL a price, stops a trigger; all on the tick."""
    protected = order.order_type in (OrderType.MARKET, OrderType.SLM)
    if protected and order.market_protection is None:
        raise unprotected_market_order()
    if not protected and order.price <= 0:
        raise invalid("price")
    if _is_stop(order) and order.trigger_price <= 0:
        raise invalid("trigger_price")
    if order.price % contract.tick or order.trigger_price % contract.tick:
        raise off_tick()


def check_trigger(order: OrderRequest, quote: Quote) -> None:
    """A stop that the market has already passed is refused at once (facts/kite.md 3.3)."""
    if not _is_stop(order):
        return
    side, last = order.side.lower(), rupees(quote.last)
    if order.side is Side.BUY and order.trigger_price <= quote.last:
        raise Refusal(
            f"Trigger price for stoploss {side} orders should be higher than the last traded price ({last})."
        )
    if order.side is Side.SELL and order.trigger_price >= quote.last:
        raise Refusal(
            f"Trigger price for stoploss {side} orders should be lower than the last traded price ({last})."
        )
    if order.order_type is OrderType.SL and _limit_before_trigger(order):
        raise Refusal(
            f"Trigger price for stoploss {side} orders should be between the limit price and the last price."
        )


def check_circuit(order: OrderRequest, quote: Quote) -> None:
    """The price band of the day; the words are those of the sample gtt_get_order.json."""
    for bound, word, broken in (
        (quote.lower_circuit, "lower", 0 < order.price < quote.lower_circuit),
        (quote.upper_circuit, "higher", order.price > quote.upper_circuit),
    ):
        if broken:
            side = "lower" if word == "lower" else "upper"
            raise Refusal(
                f"Your order price is {word} than the current {side} circuit limit of {rupees(bound)}. "
                "Place an order within the daily range."
            )


def _is_stop(order: OrderRequest) -> bool:
    return order.order_type in (OrderType.SL, OrderType.SLM)


def _limit_before_trigger(order: OrderRequest) -> bool:
    if order.side is Side.BUY:
        return order.price < order.trigger_price
    return order.price > order.trigger_price
