"""What the owner does in the Kite app."""

import asyncio
from typing import Any

from tests.usecases.world import World


async def trade_by_hand(world: World, row: Any, quantity: int, side: str = "SELL") -> None:
    """An order of the contract of an intent, without our tag."""
    kite = world.client._kite
    order_id = await asyncio.to_thread(
        kite.place_order,
        variety="regular",
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        transaction_type=side,
        quantity=quantity,
        product=row.product,
        order_type="MARKET",
        market_protection=-1,
    )

    async def complete() -> bool:
        return any(order.order_id == order_id and order.filled_quantity for order in await world.orders())

    await world.until(complete)
