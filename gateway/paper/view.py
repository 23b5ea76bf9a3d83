"""The live view for a web page: what the market, the book and the account look like now."""

from typing import Any

from gateway.paper.account import funds_row
from gateway.paper.desk import Desk
from gateway.paper.gtt import gtt_row
from gateway.paper.positions import net_row
from gateway.paper.wire import rupees, stamp


def live_view(desk: Desk) -> dict[str, Any]:
    """JSON-able; prices in rupees, times as IST text."""
    broker = desk.broker
    return {
        "now": stamp(broker.now()),
        "open": broker.open,
        "steps": broker.market.steps,
        "spots": {
            name: {
                "last_price": rupees(index.last),
                "ohlc": {"open": rupees(index.open), "close": rupees(index.close)},
            }
            for name, index in broker.market.indices.items()
        },
        "orders": desk.order_rows(),
        "trades": desk.trade_rows(),
        "positions": [net_row(p, broker.last_price(p.token)) for p in broker.account.positions.values()],
        "gtts": [gtt_row(gtt, desk.user_id) for gtt in broker.triggers.all()],
        "funds": funds_row(broker.account, broker.blocked()),
    }
