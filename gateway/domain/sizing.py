"""How many units, in which slices, at which price: the numbers of an order, decided without I/O."""

from decimal import Decimal

from gateway.domain.contract import Contract
from gateway.domain.errors import Refusal
from gateway.domain.money import round_to_tick
from gateway.domain.order import Side

#: How far through the last price a marketable limit goes: Kite's own bands by premium (facts/kite.md 2.3).
_BANDS = ((Decimal(10), Decimal("0.05")), (Decimal(100), Decimal("0.03")), (Decimal(500), Decimal("0.02")))
_WIDEST_PREMIUM_BAND = Decimal("0.01")


def units(contract: Contract, *, quantity: int | None, lots: int | None, round_down: bool) -> int:
    """Units to trade: the quantity, or the lots times the contract's lot size.

    Raises Refusal naming the lot and the nearest right quantities when the quantity is no multiple
    of the lot (unless it is to be rounded down and at least one lot remains).
    """
    lot = contract.lot_size
    if quantity is None and lots is None:
        raise Refusal(
            "quantity", "the alert names no quantity or lots, and its strategy's settings name none"
        )
    if any(size is not None and size <= 0 for size in (quantity, lots)):
        raise Refusal("quantity", "quantity and lots must be above zero")
    if quantity is None:
        return (lots or 0) * lot
    if lots is not None and quantity != lots * lot:
        raise Refusal("quantity", f"quantity {quantity} and lots {lots} disagree: one lot is {lot} units")
    rest = quantity % lot
    if rest == 0:
        return quantity
    if round_down and quantity > lot:
        return quantity - rest
    below, above = quantity - rest, quantity - rest + lot
    nearest = f"{below} or {above}" if below else str(above)
    raise Refusal(
        "quantity",
        f"quantity {quantity} is no multiple of {contract.name}'s lot of {lot} units; "
        f"right would be {nearest}",
    )


def closing_units(wanted: int, free: int, lot: int, *, at_least_one: bool) -> int:
    """Units that an exit of `wanted` takes of `free`: all where it asks for as much, else the whole lots
    within what it asks for; one lot where that is none and `at_least_one`, since a lot cannot be split."""
    if wanted >= free:
        return free
    lots = wanted // lot
    if wanted > 0 and at_least_one:
        lots = max(lots, 1)
    return min(free, lots * lot)


def slices(total: int, *, lot_size: int, freeze_quantity: int) -> list[int]:
    """The orders that carry `total` units, none above the freeze quantity, each a multiple of the lot."""
    largest = max(freeze_quantity // lot_size, 1) * lot_size
    full, rest = divmod(total, largest)
    return [largest] * full + ([rest] if rest else [])


def marketable_limit(last_price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """A limit that crosses the market by its premium's band; rupees, on the tick, at least one tick."""
    band = next((share for below, share in _BANDS if last_price < below), _WIDEST_PREMIUM_BAND)
    if side is Side.BUY:
        return round_to_tick(last_price * (1 + band), tick, up=True)
    return max(round_to_tick(last_price * (1 - band), tick, up=False), tick)


def limit_at(last_price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """A limit at the last price, on the tick on the side that does not pay more (or take less)."""
    return max(round_to_tick(last_price, tick, up=side is Side.SELL), tick)
